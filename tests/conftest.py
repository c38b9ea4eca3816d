"""Fixtures that several test modules share."""

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261124)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real and independent scans that lie beside the project on the team's machines."""
    path = Path(os.environ.get("NII_SHARED", ROOT.parent / "shared")) / "data"
    if not path.is_dir():
        pytest.skip("needs the team's shared data (NII_SHARED), which is not part of the project")
    return path
