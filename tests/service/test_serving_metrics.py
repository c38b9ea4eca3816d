"""Figures for Prometheus: what they say of a scanner that changes."""

import numpy as np
import pytest
from fastapi.testclient import TestClient
from serving_tools import settings_for, wait_ready

from nii.io.write import write_tiff
from serving.app import create_app

pytestmark = pytest.mark.slow

LABELS = 'calibration="default",{}model="tiny",scanner="gate-1"'


@pytest.fixture
def client(tmp_path):
    with TestClient(create_app(settings_for(tmp_path, scanners="gate-1"))) as client:
        wait_ready(client)
        yield client


def figures(client) -> dict[str, float]:
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    pairs = [line.rsplit(" ", 1) for line in lines]
    assert len({name for name, _ in pairs}) == len(pairs)
    return {name: float(value) for name, value in pairs}


def test_a_scanner_that_changes_shows_in_its_answers_and_figures(client, tmp_path):
    drifted = f"nii_scanner_drifted{{{LABELS.format('')}}}"
    assert not any(name.startswith("nii_scanner_drifted") for name in figures(client))  # the warm-up is no scan
    said = []
    for number in range(60):  # all score in the middle of the calibration's -2 to 0: too like each other
        path = tmp_path / f"{number}.tif"
        pixels = np.full((2, 32, 48), np.exp(-1 - number / 1000), np.float32)
        pixels[:, :8] = 1
        write_tiff(path, pixels, open_beam=60000, energies=("4MV", "6MV"), pitch_mm=(6, 6), scanner="gate-1")
        answer = client.post("/v1/scans", files={"file": path.read_bytes()}).json()
        said.append(answer["drift"])
        if number == 0:
            assert figures(client)[drifted] == 0
    assert said[0] is None
    assert said[-1].startswith("scanner gate-1: no longer looks like its calibration (score; seen at scan")
    found = figures(client)
    assert found[drifted] == 1
    score = LABELS.format('figure="score",')
    assert found[f"nii_scanner_drift_evidence{{{score}}}"] >= 1e5
