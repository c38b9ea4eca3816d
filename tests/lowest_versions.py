"""The lowest versions that pyproject.toml allows, tried: `python tests/lowest_versions.py`, no test of pytest's.

Makes an environment of them, of plain install and service, and does in it what a user does first: the program's help,
the scans of `make demo`, and one of these scans over HTTP. What the packages need themselves comes as pip picks it.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "datasets" / "samples"
PATIENCE = 300.0  # seconds for the service to be ready


def lowest(requirements: Iterable[str]) -> Iterator[str]:
    """Constraints for pip. Example: "typer>=0.16" gives "typer==0.16"."""
    for one in requirements:
        found = re.fullmatch(r"([\w.-]+)>=([\w.]+)", one)
        if found is None:
            raise SystemExit(f"pyproject.toml: expected NAME>=VERSION, came {one}")
        yield f"{found[1]}=={found[2]}"


def environment(folder: Path) -> Path:
    """A new environment of the lowest versions; returns the path of its `nii`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(lowest(project["dependencies"] + project["optional-dependencies"]["serve"])))
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    pip = [programs / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", constraints, f"{ROOT}[serve]"], check=True)
    return programs / "nii"


def demo(nii: Path, folder: Path) -> list[dict[str, Any]]:
    """The records of what `make demo` runs."""
    out = folder / "results.jsonl"
    subprocess.run([nii, "score", SAMPLES, "--out", out, "--overlays", folder / "overlays"], check=True)
    return [json.loads(line) for line in out.read_text().splitlines()]


def score_over_http(nii: Path, scan: Path) -> dict[str, Any]:
    """The service's record of a scan."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    service = subprocess.Popen([nii, "serve", "--port", str(port)])
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/readyz", service)
        head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="scan.tif"\r\n\r\n'
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/scans",
            head + scan.read_bytes() + b"\r\n--cut--\r\n",
            {"Content-Type": "multipart/form-data; boundary=cut"},
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - the same
            return dict(json.load(answer))
    finally:
        service.terminate()
        service.wait()


def wait_until_ready(address: str, service: "subprocess.Popen[bytes]") -> None:
    """Return once the service answers; SystemExit if it ends or takes too long."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and service.poll() is None:
        try:
            urllib.request.urlopen(address).close()  # noqa: S310 - the service on this machine
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"nii serve: expected to be ready within {PATIENCE:g} s, came no answer")


def main() -> None:
    """Build, try, say."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nii = environment(folder)
        for arguments in ([], ["score"], ["serve"]):
            subprocess.run([nii, *arguments, "--help"], check=True, stdout=subprocess.DEVNULL)
        records = demo(nii, folder)
        if any(record["status"] != "ok" for record in records):
            raise SystemExit(f"demo: expected every sample to be scored, came {[one['error'] for one in records]}")
        asked = next(record for record in records if record["path"].endswith(".tif"))
        answer = score_over_http(nii, Path(asked["path"]))
        if not abs(answer["score"] - asked["score"]) < 1e-5:
            raise SystemExit(f"service: expected the score {asked['score']} of `nii score`, came {answer['score']}")
    print(f"lowest versions: help, {len(records)} scans and one over HTTP in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
