"""Simulated coverage: small runs of what `nii study coverage` shows in full."""

import json
import sys

import numpy as np
import pytest
from tiny_model import calibrated_model

from nii.stats.operating_point import Calibration
from nii.studies import coverage as module
from nii.studies.coverage import LAWS, coverage, of_model

pytestmark = pytest.mark.slow


def distances(figures) -> list[float]:
    """How many standard errors each observed Pfa lies above the expected one."""
    return [(row["observed"] - row["expected"]) / row["standard_error"] for row in figures["budgets"].values()]


@pytest.mark.parametrize("law", sorted(LAWS))
def test_the_promise_is_kept_under_every_law_of_scores(law):
    figures = coverage(LAWS[law], repetitions=60, n=399, fresh=200)
    assert list(figures["budgets"]) == ["0.005", "0.01", "0.05"]  # 399 scans don't support 0.001
    assert max(distances(figures)) < 4
    if law != "tied":  # ties may only make false alarms rarer
        assert min(distances(figures)) > -4
        assert figures["ks_p_value"] > 1e-4


def test_the_calibration_of_a_model_keeps_it_too():
    own = Calibration.from_scores(np.linspace(-2, 0, 199) ** 3)
    figures = coverage(of_model(own), repetitions=60, n=99, fresh=100)
    assert max(map(abs, distances(figures))) < 4


def test_p_values_of_one_rank_too_low_would_be_seen(monkeypatch):
    right = Calibration.p_values
    monkeypatch.setattr(Calibration, "p_values", lambda self, scores: right(self, scores) - 1 / (self.n + 1))
    figures = coverage(LAWS["skewed"], repetitions=60, n=99, fresh=300)
    assert max(distances(figures)) > 4  # 2 % of false alarms at a budget of 1 %


def test_the_command_prints_the_table_and_writes_figures_and_picture(tmp_path, monkeypatch, capsys):
    model, out, picture = tmp_path / "tiny.onnx", tmp_path / "coverage.json", tmp_path / "coverage.png"
    model.write_bytes(calibrated_model(99))
    monkeypatch.setattr(module, "LAWS", {})
    arguments = ["--model", str(model), "--out", str(out), "--figure", str(picture)]
    monkeypatch.setattr(sys, "argv", ["coverage", *arguments])
    module.main()
    assert "300 repetitions of 49 calibration and 50 fresh scans" in capsys.readouterr().out
    (figures,) = json.loads(out.read_text()).values()
    assert figures["budgets"]["0.05"]["expected"] == 0.04  # 2 of 50: what 49 scans support
    assert picture.read_bytes().startswith(b"\x89PNG")
