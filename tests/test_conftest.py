"""A run says at its end what it could not test, and what that needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TESTS = """
import pytest

def test_of_a_page(chromium):
    pass

def test_of_the_same_page(chromium):
    pass

@pytest.mark.skipif(True, reason="need a compiler")
def test_of_speed():
    pass

def test_of_something():
    pass
"""


def run(folder: Path) -> list[str]:
    (folder / "test_some.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -ra\n")
    (folder / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        capture_output=True, text=True, timeout=240, cwd=folder, env={**os.environ, "PATH": ""},
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout.splitlines()


def test_what_was_not_tested_stands_in_the_line_before_the_last(tmp_path):
    lines = run(tmp_path)
    assert lines[-2] == "Not tested here: 2 that need Chromium: apt-get install chromium; 1 that need a compiler"
    assert lines[-1].startswith("1 passed, 3 skipped in ")
