"""One scan, four ways: library, command line, service, plain ONNX Runtime. The scores must be equal."""

import numpy as np
import onnxruntime
import pytest
from fastapi.testclient import TestClient
from serving_tools import wait_ready

from nii.cli import main
from nii.io.read import read_scan
from nii.io.table import read_jsonl
from nii.io.write import write_tiff
from nii.model.detector import Detector, find_model
from serving.app import create_app
from serving.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def scan(tmp_path, rng):
    """Sacks with a dense box in them, 4/6 MV, noise."""
    pixels = np.full((2, 150, 210), 0.93, np.float32)
    pixels[:, 60:140, 20:190] = np.array([0.12, 0.17], np.float32)[:, None, None]
    pixels[:, 90:115, 80:120] *= 0.3
    pixels += rng.normal(0, 0.004, pixels.shape).astype(np.float32)
    path = tmp_path / "scan.tif"
    write_tiff(path, pixels, open_beam=62000, pitch_mm=(6.0, 6.0), energies=("4MV", "6MV"))
    return path


def test_library_command_service_and_plain_onnxruntime_give_the_same_score(scan, tmp_path):
    read = read_scan(scan)
    library = Detector.load("cargo").score(read)

    with pytest.raises(SystemExit):
        main(["score", str(scan), "--out", str(tmp_path / "out.jsonl")])
    (row,) = read_jsonl(tmp_path / "out.jsonl")

    with TestClient(create_app(Settings())) as client:
        wait_ready(client)
        answer = client.post("/v1/scans", files={"file": ("scan.tif", scan.read_bytes())}).json()

    session = onnxruntime.InferenceSession(find_model("cargo"))
    (plain,) = session.run(["score"], {"transmission": read.transmission[None]})

    assert [row["score"], answer["score"], float(plain[0])] == pytest.approx([library] * 3, abs=1e-5)
    assert (row["alarm"], row["p_value"]) == (answer["alarm"], answer["p_value"])
