"""Fixtures that several test modules share, and the last line of a run: what it could not test, and what that needs."""

import os
import shutil
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from nii.simulate.sets.generate import simulate_set

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around pytest's own summary, so that this line comes after it
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
    try:
        return (yield)
    finally:
        skipped = (report.longrepr for report in terminalreporter.stats.get("skipped", []))
        reasons = Counter(reason.removeprefix("Skipped: ") for _, _, reason in skipped)
        if reasons:
            said = "; ".join(f"{count} that {reason}" for reason, count in reasons.most_common())
            terminalreporter.write_line(f"Not tested here: {said}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser that the tests of pages drive."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("need Chromium: apt-get install chromium")
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261124)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated set of cargo, half of whose scans hold a concealment; to be read only."""
    path = tmp_path_factory.mktemp("simulated") / "set"
    for _ in simulate_set("cargo", path, scans=4, concealed=0.5, seed=3):
        pass
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real and independent scans that lie beside the project on the team's machines."""
    path = Path(os.environ.get("NII_SHARED", ROOT.parent / "shared")) / "data"
    if not path.is_dir():
        pytest.skip("need the team's shared data (NII_SHARED), which is not part of the project")
    return path
