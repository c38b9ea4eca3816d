"""Scans are decoded in a process that is ended when it takes too much."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT
from serving_tools import PATIENCE, block_tiff

from nii.errors import ScanError, TooManyPixelsError
from nii.io import apart
from nii.io.apart import close_decoders, decode_apart
from nii.io.picture import Metadata
from nii.io.read import decode_scan

pytestmark = pytest.mark.slow
STARTED = 30.0  # seconds until a new process has decoded; half a second where the machine has nothing else to do


@pytest.fixture(autouse=True)
def _none_left():
    yield
    close_decoders()


def decoder_that(does, monkeypatch):
    """In place of the decoder, a process that does something else with a scan."""
    close_decoders()
    code = f"import os, time, signal\nimport numpy as np\nimport nii.io.apart as apart\n{does}\napart.main()"
    monkeypatch.setattr(apart, "COMMAND", (sys.executable, "-c", code))


def test_a_scan_is_the_same_as_if_it_had_been_decoded_here(tmp_path):
    data = block_tiff(tmp_path).read_bytes()
    known = Metadata(open_beam=(60000.0,), energies=("1MV",), scanner="of the set")
    here, there = decode_scan(data, "a,b", known=known), decode_apart(data, "a,b", known=known)
    assert np.array_equal(here.transmission, there.transmission)
    for name in ("path", "sha256", "kind", "energies", "pitch_mm", "scanner", "notes"):
        assert getattr(here, name) == getattr(there, name)


def test_a_decoder_goes_on_after_scans_that_are_none(tmp_path):
    data = block_tiff(tmp_path).read_bytes()
    decode_apart(data, "x")
    (decoder,) = apart._idle
    with pytest.raises(ScanError, match=r"^cut: expected a complete TIFF"):
        decode_apart(data[:-1], "cut")
    with pytest.raises(TooManyPixelsError, match="expected at most 1000 pixels, came 192x128"):
        decode_apart(data, "x", most_pixels=1000)
    decode_apart(data, "x")
    assert apart._idle == [decoder]


SPIN = "apart.SECONDS = 1\ndef decode_scan(*_, **__):\n    while True: pass\napart.decode_scan = decode_scan"
SLEEP = "apart.decode_scan = lambda *_, **__: time.sleep(1000)"
HOG = "apart.decode_scan = lambda *_, **__: [np.ones(10**8) for _ in range(100)]"
DIE = "apart.decode_scan = lambda *_, **__: os.kill(os.getpid(), signal.SIGSEGV)"
RAISE = "def decode_scan(*_, **__): raise np.linalg.LinAlgError('two\\nlines')\napart.decode_scan = decode_scan"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (SPIN, "that can be decoded, came one that takes too long"),
        (SLEEP, "that can be decoded, came one that takes too long"),
        (HOG, "that can be decoded, came one that takes too much memory"),
        (DIE, r"that can be decoded, came one that ends its decoder \(-11\)"),
        (RAISE, "readable scan, came two"),
    ],
)
def test_what_takes_too_much_or_dies_is_one_line_and_the_next_scan_is_decoded(does, said, tmp_path, monkeypatch):
    data = block_tiff(tmp_path).read_bytes()
    with monkeypatch.context() as patched:
        decoder_that(does, patched)
        patched.setattr(apart, "BUSY", 0.5 if does == SLEEP else 10.0)  # of 10 s
        started = time.monotonic()
        with pytest.raises(ScanError, match=f"^x: expected a (scan )?{said}$"):
            decode_apart(data, "x")
        assert time.monotonic() - started < STARTED + 10
        close_decoders()
    assert decode_apart(data, "x").shape == (128, 192)


def test_signals_for_the_whole_group_leave_a_decoder_alone(tmp_path):
    data = block_tiff(tmp_path).read_bytes()
    decode_apart(data, "x")
    (decoder,) = apart._idle
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        decoder.process.send_signal(number)
    decode_apart(data, "x")
    assert apart._idle == [decoder]


def test_a_decoder_ends_with_the_process_that_started_it_even_by_kill_9():
    code = (
        "from nii.io import apart\napart.start_decoders()\n"
        "print(apart._idle[0].process.pid, flush=True)\nimport time\ntime.sleep(1000)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as first:
        pid = int(first.stdout.readline())
        os.kill(pid, 0)
        first.kill()
    end = time.monotonic() + PATIENCE
    while os.path.exists(f"/proc/{pid}/exe") and time.monotonic() < end:  # noqa: PTH110 - a zombie has none
        time.sleep(0.05)
    assert time.monotonic() < end


def test_a_folder_of_scans_is_no_place_to_import_from(tmp_path):
    data = block_tiff(tmp_path)
    for name in ("tifffile", "numpy", "nii"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from among the scans')")
    code = f"from nii.io.apart import decode_apart\nprint(decode_apart(open({str(data)!r}, 'rb').read(), 'x').shape)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-c", code]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.stdout == "(128, 192)\n", run.stderr
