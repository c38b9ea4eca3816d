"""Fixtures that several test modules share."""

import os
from pathlib import Path

import numpy as np
import pytest

from nii.simulate.generate import simulate_set

ROOT = Path(__file__).resolve().parent.parent


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
        pytest.skip("needs the team's shared data (NII_SHARED), which is not part of the project")
    return path
