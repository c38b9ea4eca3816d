"""Pictures of every state of the viewer, light and dark: `python datasets/viewer_pictures.py datasets/pictures`.

Starts a service of its own on the shipped models, drops samples onto the page and takes a picture of 1366 x 768 of each
state. Needs `pip install playwright` and Chromium.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from nii.io.read import read_scan
from nii.io.write import write_tiff

SAMPLES = Path(__file__).resolve().parent / "samples"
ALARM, BENIGN, CLEAR = "2-paper_rolls-frozen-other", "1-scrap-benign", "4-optics-medical-benign"
SIZE = {"width": 1366, "height": 768}
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENCE = 120.0  # seconds
PLATE = 20.0  # attenuation
DARK = 3e-4  # transmission that noise leaves behind a plate


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """Address of a service that keeps records."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"from serving.commands import serve; serve('127.0.0.1', {port})"
    environment = {**os.environ, "NII_STORE": f"sqlite:///{folder}/records.db"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=log)  # noqa: S603 - our own
        try:
            wait_until_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait()


def wait_until_ready(address: str) -> None:
    """Raises TimeoutError."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=2).close()  # noqa: S310 - loopback
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise TimeoutError(f"{address}: expected to be ready within {PATIENCE:g} s")


def write_scans(folder: Path) -> None:
    """A scan whose source was off, and a benign one with an opaque plate over the middle of its load."""
    scan = read_scan(SAMPLES / f"{BENIGN}.tif")
    shape, rng = scan.transmission.shape, np.random.default_rng(0)
    covered = scan.transmission.copy()
    middle = (slice(None), slice(shape[1] // 4, 3 * shape[1] // 4), slice(shape[2] // 3, 2 * shape[2] // 3))
    covered[middle] *= np.exp(-PLATE)
    covered[middle] += rng.normal(DARK, DARK / 3, covered[middle].shape).clip(0)
    kept: dict[str, Any] = {"open_beam": 64250, "pitch_mm": scan.pitch_mm, "energies": scan.energies}
    write_tiff(folder / "plate.tif", covered.astype(np.float32), **kept)
    write_tiff(folder / "source-off.tif", np.zeros(shape, np.float32), **kept)
    (folder / "notes.tif").write_text("no scan")


def alarm(page: Any, _: Path) -> None:
    """With declaration and reference, a region selected."""
    page.set_input_files("#reference-file", SAMPLES / f"{ALARM}.tif")
    page.fill("#declared", "2009 orange juice; 12 000 kg")
    page.set_input_files("#file", SAMPLES / f"{ALARM}.tif")
    page.click("#regions button")


def clear(page: Any, _: Path) -> None:
    """An ordinary parcel."""
    page.set_input_files("#file", SAMPLES / f"{CLEAR}.tif")


def scoring(page: Any, _: Path) -> None:
    """While the service is at work."""
    page.evaluate("() => { window.fetch = () => new Promise(() => {}); }")
    page.set_input_files("#file", SAMPLES / f"{ALARM}.tif")


def failed(page: Any, folder: Path) -> None:
    """What was sent is no scan."""
    page.set_input_files("#file", folder / "notes.tif")


def none(page: Any, folder: Path) -> None:
    """A scan that shows nothing."""
    page.set_input_files("#file", folder / "source-off.tif")


def unseen(page: Any, folder: Path) -> None:
    """A plate in front of the load."""
    page.set_input_files("#file", folder / "plate.tif")


STATES: tuple[Callable[[Any, Path], None], ...] = (alarm, clear, scoring, failed, none, unseen)


def take(browser: Any, address: str, folder: Path, out: Path) -> None:
    """A picture of each state and theme."""
    for state in STATES:
        for theme in ("light", "dark"):
            page = browser.new_page(viewport=SIZE, color_scheme=theme)
            page.goto(address)
            page.wait_for_function("() => viewer.state.models.length")
            state(page, folder)
            page.wait_for_selector(f"#decision.{state.__name__}", timeout=1000 * PATIENCE)
            page.wait_for_timeout(500)  # pictures of known concealments
            page.screenshot(path=out / f"viewer-{state.__name__}-{theme}.jpg", type="jpeg", quality=85)
            page.close()


if __name__ == "__main__":
    chromium = shutil.which("chromium") or sys.exit("chromium: expected to be installed, came nothing")
    with tempfile.TemporaryDirectory() as name, service(Path(name)) as address, sync_playwright() as playwright:
        write_scans(Path(name))
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        take(browser, address, Path(name), Path(sys.argv[1]))
        browser.close()
