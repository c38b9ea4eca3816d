import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from nii.errors import CalibrationError
from nii.stats.rates import (
    allowed_alarms,
    auroc,
    auroc_interval,
    clopper_pearson,
    draw_resamples,
    once,
    resampled_auroc,
    resampled_pd,
    roc_band,
    set_threshold,
)


def binormal(rng, n, shift, spread=1.0):
    return rng.normal(size=n), rng.normal(shift, spread, size=n)


def test_auroc_of_gaussian_scores_is_the_binormal_closed_form(rng):
    # P(N(1.5, 2) > N(0, 1)) = Phi(1.5 / sqrt(5)); 4 standard errors of n = 4000 are below 0.025
    benign, concealed = binormal(rng, 4000, 1.5, 2.0)
    assert auroc(benign, concealed) == pytest.approx(stats.norm.cdf(1.5 / np.sqrt(5)), abs=0.025)


def test_bootstrap_intervals_cover_the_true_auroc_about_95_times_in_100(rng):
    truth = stats.norm.cdf(1 / np.sqrt(2))
    intervals = [auroc_interval(*binormal(rng, 60, 1.0), rng, 200) for _ in range(150)]
    covered = sum(low <= truth <= high for low, high in intervals)
    # the percentile bootstrap is known to fall a little short of 95 % at n = 60;
    # below 0.90 a right one is once in 100, and 150 of 150 once in 2000
    assert 135 <= covered <= 149


def test_a_resample_counted_equals_a_resample_written_out(rng):
    benign, concealed = rng.integers(0, 8, 30) * 1.0, rng.integers(2, 10, 20) * 1.0
    (draws,) = draw_resamples(rng, 30, 20, repeats=25)
    for row in range(25):
        ours, theirs = np.repeat(benign, draws.benign[row]), np.repeat(concealed, draws.concealed[row])
        assert (ours.size, theirs.size) == (30, 20)
        expected = roc_auc_score(np.repeat([0, 1], [30, 20]), np.concatenate([ours, theirs]))
        assert resampled_auroc(benign, concealed, draws)[row] == pytest.approx(expected)
        thresholds = [*np.sort(ours)[[29, 28, 24, 0]], -np.inf]  # 0, 1, 5, 29, all 30 above it
        pd = resampled_pd(benign, concealed, draws, [0, 1, 5, 29, 30])[row]
        assert pd == pytest.approx([np.mean(theirs > threshold) for threshold in thresholds])


def test_resamples_come_in_chunks_with_the_asked_total(rng):
    chunks = list(draw_resamples(rng, 3, 4, repeats=600))
    assert sum(len(chunk.benign) for chunk in chunks) == 600
    assert all((chunk.concealed.sum(axis=1) == 4).all() for chunk in chunks)


def test_complete_separation_has_the_interval_of_disjoint_pairs(rng):
    # 10 pairs, all in order: 0.025 ** (1 / 10) = 0.692, where the bootstrap would say [1, 1]
    low, high = auroc_interval(np.arange(10.0), np.arange(20.0, 35.0), rng)
    assert (low, high) == (pytest.approx(0.025 ** (1 / 10)), 1.0)
    low, high = auroc_interval(np.array([1.0]), np.array([0.0]), rng)
    assert (low, high) == (0.0, pytest.approx(0.975))


def test_clopper_pearson_agrees_with_published_values():
    # rule of three's exact form, 1 - 0.025 ** (1 / n); and Newcombe, Stat. Med. 17 (1998), 81 of 263
    assert clopper_pearson(0, 10) == (0.0, pytest.approx(1 - 0.025**0.1))
    assert clopper_pearson(10, 10) == (pytest.approx(0.025**0.1), 1.0)
    assert clopper_pearson(81, 263) == pytest.approx((0.2527, 0.3676), abs=1e-4)
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_set_threshold_lets_at_most_the_budget_alarm():
    benign = np.arange(1.0, 101.0)
    assert set_threshold(benign, 0.05) == 95.0
    assert set_threshold(benign, 0.001) == 100.0
    asked = [(100, 0.07), (100, 0.29), (28, 0.01), (19, 0.05), (20, 0.05)]
    assert [allowed_alarms(n, pfa) for n, pfa in asked] == [7, 29, 0, 0, 1]
    with pytest.raises(CalibrationError, match="Pfa: expected a number above 0"):
        set_threshold(benign, 1.0)


def test_roc_band_encloses_the_curve_and_ends_at_one(rng):
    benign, concealed = binormal(rng, 80, 1.0)
    band = roc_band(benign, concealed, rng, repeats=200)
    pfa, pd, low, high = (np.array(band[key]) for key in ("pfa", "pd", "low", "high"))
    assert (pfa[0], pfa[-1], pd[-1]) == (0.0, 1.0, 1.0)
    assert np.all(np.diff(pd) >= 0)
    assert np.mean((low <= pd) & (pd <= high)) > 0.95
    assert pd[0] == np.mean(concealed > benign.max())


def test_the_set_itself_is_the_resample_with_every_count_one(rng):
    benign, concealed = binormal(rng, 40, 0.7)
    itself = resampled_auroc(benign, concealed, once(40, 40))
    assert itself == pytest.approx([auroc(benign, concealed)])
