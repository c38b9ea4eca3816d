"""A scan, a model and a running service, for the tests of the service."""

import json
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from tiny_model import calibrated_model

from nii.io.write import write_tiff
from serving.settings import Settings

PATIENCE = 120.0  # seconds; a machine that runs tests may be busy with other things
PITCH, ENERGIES = (6.0, 6.0), ("4MV", "6MV")


def block_tiff(folder: Path, attenuation: float = 4.0, shape: tuple[int, int] = (128, 192)) -> Path:
    """A 16-bit TIFF of air with a dense block, two energies."""
    pixels = np.full((2, *shape), np.exp(-0.1), np.float32)
    pixels[:, :6] = 1.0
    pixels[0, 20:40, 30:54] = np.exp(-attenuation)
    pixels[1, 20:40, 30:54] = np.exp(-0.86 * attenuation)
    pixels *= np.random.default_rng(7).normal(1, 0.002, pixels.shape).astype(np.float32)
    path = folder / "block.tif"
    write_tiff(path, pixels, open_beam=64250, pitch_mm=PITCH, energies=ENERGIES, scanner="gate-1")
    return path


def model_file(folder: Path, n: int = 199) -> Path:
    path = folder / "tiny.onnx"
    path.write_bytes(calibrated_model(n))
    return path


def settings_for(folder: Path, **given: object) -> Settings:
    return Settings(**{"model": str(model_file(folder)), "workers": 2, **given})  # type: ignore[arg-type]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    model: Path | None, *, limits: Mapping[int, int] = MappingProxyType({}), **environment: str
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The real server in a process of its own: its address and the process; terminated at the end.

    model: None is all that ship. limits: of the process, by `resource.RLIMIT_...`.
    """
    port = free_port()
    code = f"from serving.commands import serve; serve('127.0.0.1', {port}, {model and str(model)!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stderr=subprocess.PIPE,
        text=True,
        pipesize=1 << 20,  # bytes of log that nobody reads before the end
        env={"PATH": "", **environment},
        preexec_fn=lambda: _begin(limits),
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def _begin(limits: Mapping[int, int]) -> None:
    """In the new process: as from a terminal, also where these tests run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for what, most in limits.items():
        resource.setrlimit(what, (most, most))


def wait_ready(client: Any) -> None:
    """Wait until a test client's application has loaded its model."""
    end = time.monotonic() + PATIENCE
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.02)


def wait_until_ready(address: str, process: "subprocess.Popen[str]", seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2) as answer:  # noqa: S310 - loopback
                json.load(answer)
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the service was not ready within {seconds} s: {process.communicate()[1]}")
