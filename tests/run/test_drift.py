from html import unescape

import numpy as np
import pytest
from scans import make_set
from tiny_model import tiny_model

from nii import cli
from nii.errors import CalibrationError
from nii.io.table import read_jsonl
from nii.quality.measure import assess
from nii.run.drift import ALARM, MOST_STREAMS, DriftMonitor, bets, quality_figures
from nii.scan import Scan
from nii.stats.operating_point import Calibration

pytestmark = pytest.mark.slow


def calibration(rng, n: int = 199, **more) -> Calibration:
    return Calibration.from_scores(rng.normal(size=n), **more)


def watch(monitor: DriftMonitor, made: Calibration, scores) -> list:
    return [monitor.update("north", made.p_value(float(score)), made) for score in scores]


def highest(states) -> float:
    return max(state.evidence["score"] for state in states)


def test_every_bet_is_fair_and_never_loses_everything():
    u = (np.arange(20_000) + 0.5) / 20_000
    pays = np.array([bets(float(value)) for value in u])
    assert pays.mean(axis=0) == pytest.approx(np.ones(5), abs=1e-6)
    assert pays.min() > 0


def test_an_unchanged_scanner_stays_quiet_even_on_few_calibration_scans(rng):
    # evidence of A is reached less than once in A scans on average: 8 x 500 scans, far below ALARM
    for n in (9, 199):
        runs = [watch(DriftMonitor(), calibration(rng, n), rng.normal(size=500)) for _ in range(4)]
        assert max(highest(states) for states in runs) < ALARM / 50
        assert not any(states[-1].drifted for states in runs)


@pytest.mark.parametrize(("shift", "scale"), [(1.0, 1.0), (-1.0, 1.0), (6.0, 1.0), (0.0, 3.0), (0.0, 0.2)])
def test_a_changed_scanner_is_called_within_a_few_hundred_scans(rng, shift, scale):
    made = calibration(rng)
    state = watch(DriftMonitor(), made, rng.normal(shift, scale, size=400))[-1]
    assert (state.drifted, state.changed) == (True, ("score",))
    assert 10 < state.since < 400
    assert "scanner north: no longer looks like its calibration (score; seen at scan" in state.line()


def test_a_change_after_many_good_scans_is_called_too(rng):
    made = calibration(rng)
    scores = np.concatenate([rng.normal(size=400), rng.normal(1.5, size=400)])
    state = watch(DriftMonitor(), made, scores)[-1]
    assert 400 < state.since < 800


def test_concealments_are_no_drift(rng):
    made = calibration(rng)
    scores = rng.normal(size=600) + 5 * (rng.random(600) < 0.05)
    assert highest(watch(DriftMonitor(), made, scores)) < ALARM / 50


def test_once_called_a_drift_stays_called(rng):
    made = calibration(rng)
    monitor = DriftMonitor()
    since = watch(monitor, made, rng.normal(2.0, size=300))[-1].since
    state = watch(monitor, made, rng.normal(size=300))[-1]
    assert (state.drifted, state.since, state.scans) == (True, since, 600)


def test_a_worse_picture_is_called_by_its_figure(rng):
    made = calibration(rng, quality={"noise": rng.normal(0.005, 0.0005, 199).round(5), "air": np.ones(199)})
    monitor = DriftMonitor()
    for score, noise in zip(rng.normal(size=300), rng.normal(0.007, 0.0005, 300).round(5), strict=True):
        figures = {"noise": float(noise), "air": 1.0, "unheard_of": 3.0}
        state = monitor.update("north", made.p_value(float(score)), made, quality=figures)
    assert state.changed == ("noise",)
    assert state.evidence["air"] < ALARM / 50  # all values alike are no evidence of anything
    assert "(noise; seen at scan" in state.line()


def test_scanners_are_watched_apart_and_by_their_own_calibration(rng):
    default, north = calibration(rng), calibration(rng, 99, name="north", scanner="north")
    monitor = DriftMonitor()
    monitor.update("north", 1 / 100, north)
    monitor.update("south", 1 / 200, default)
    monitor.update(None, 1.0, default)
    found = {state.scanner: (state.calibration, state.scans) for state in monitor.states()}
    assert found == {"north": ("north", 1), "south": ("default", 1), "unknown": ("default", 1)}
    assert monitor.update("north", 1 / 200, default).calibration == "default"
    line = monitor.states()[-1].line()
    assert line == "scanner unknown: no sign of change in 1 scans against the 199 of calibration 'default'"


def test_names_from_outside_cannot_fill_the_memory(rng):
    made, monitor = calibration(rng, 9), DriftMonitor()
    for number in range(MOST_STREAMS + 50):
        monitor.update(f"scanner {number}", 0.5, made)
    assert len(monitor.states()) == MOST_STREAMS + 1
    assert next(s for s in monitor.states() if s.scanner == "others").scans == 50


@pytest.mark.parametrize("p_value", [0.0, 0.5, 1.5, float("nan")])
def test_a_p_value_of_another_calibration_is_refused(rng, p_value):
    with pytest.raises(CalibrationError, match="drift: expected a p-value among 2 scans"):
        DriftMonitor().update("north", p_value, calibration(rng, 2))


def test_a_scan_that_comes_again_is_no_news(rng):
    made = calibration(rng)
    monitor = DriftMonitor()
    for _ in range(300):
        state = monitor.update("north", 0.9, made, sha256="a scan")
    assert (state.scans, state.drifted) == (1, False)
    for number in range(300):
        state = monitor.update("north", 0.9, made, sha256=f"scan {number}")
    assert (state.scans, state.drifted) == (301, True)


def test_a_batch_says_from_which_scan_on_its_scanner_has_changed(tmp_path, capsys):
    # the calibration has an air of 2, these scans one of half of that
    made = Calibration.from_scores(np.linspace(-2, 0, 199), quality={"air": np.linspace(1.99, 2.01, 199)})
    model = tmp_path / "tiny.onnx"
    model.write_bytes(tiny_model((made,)))
    scans, out, pictures = make_set(tmp_path / "set", 30, 0) / "scans", tmp_path / "out.jsonl", tmp_path / "pictures"
    options = ("--model", str(model), "--out", str(out), "--overlays", str(pictures))
    cli.app(["score", str(scans), *options], standalone_mode=False)
    said = [row["drift"] for row in read_jsonl(out)]
    assert said[0] is None
    assert said[-1].startswith("scanner portal-1: no longer looks like its calibration (")
    assert "run nii calibrate" in said[-1]
    assert capsys.readouterr().out.splitlines()[-1] == said[-1]
    assert said[-1] in unescape((pictures / "index.html").read_text())
    assert [line is None for line in said] == sorted((line is None for line in said), reverse=True)


def test_the_watched_figures_are_those_of_the_quality_of_a_scan(rng):
    noisy = rng.normal(1.0, 0.01, (2, 80, 90)).astype(np.float32)
    figures = quality_figures(assess(Scan(transmission=noisy)).as_record())
    assert figures["noise"] == pytest.approx(0.01, rel=0.1)
    assert figures["air"] == pytest.approx(1.0, abs=0.02)
