import json
import math

import numpy as np
import pytest
from scipy import stats

from nii.errors import CalibrationError
from nii.stats.operating_point import (
    Calibration,
    budgets,
    certain_pfa,
    check_pfa,
    choose_calibration,
    p_values,
    scans_certain,
    scans_needed,
    smallest_pfa,
    threshold,
    tolerated,
)

BUDGETS = (0.001, 0.005, 0.01, 0.05, 0.07, 0.1, 0.29, 1 / 3, 0.5, 0.99)


def brute_force_p(score: float, calibration: np.ndarray) -> float:
    return (1 + sum(1 for c in calibration if c >= score)) / (len(calibration) + 1)


def binomial_bounds(trials: int, rate: float) -> tuple[float, float]:
    """A correct simulation leaves these bounds once in 10 000 runs (and the seed is fixed)."""
    low, high = stats.binom.ppf([0.5e-4, 1 - 0.5e-4], trials, rate)
    return float(low), float(high)


def test_p_values_of_a_small_example_are_counted_by_hand():
    # calibration 1, 2, 2, 3: four, three, one and no scores are at least 1, 2, 3 and 4
    assert p_values([1, 2, 3, 4], [2, 3, 1, 2]).tolist() == [1.0, 0.8, 0.4, 0.2]


def test_p_values_keep_the_shape_of_the_scores(rng):
    assert p_values(rng.normal(size=(3, 5)), rng.normal(size=7)).shape == (3, 5)
    assert p_values([], [1.0]).shape == (0,)


@pytest.mark.parametrize("ties", [False, True])
def test_alarm_by_threshold_is_alarm_by_p_value_exactly(rng, ties):
    for n in [*range(1, 40), 99, 199]:
        calibration = rng.integers(0, 5, n).astype(float) if ties else rng.normal(size=n)
        between = (calibration[:-1] + calibration[1:]) / 2
        scores = np.concatenate([calibration, np.nextafter(calibration, np.inf), between, [-9.0, 9.0]])
        expected = np.array([brute_force_p(score, calibration) for score in scores])
        assert np.array_equal(p_values(scores, calibration), expected)
        for pfa in [b for b in (*BUDGETS, 1 / (n + 1), 2 / (n + 1)) if smallest_pfa(n) <= b < 1]:
            assert np.array_equal(scores > threshold(calibration, pfa), expected <= pfa), (n, pfa)


def test_threshold_is_exact_where_floating_point_rounds_the_wrong_way():
    # 0.07 * 100 is 7.000000000000001 and 0.29 * 100 is 28.999999999999996
    assert tolerated(99, 0.07) == 6
    assert tolerated(99, 0.29) == 28


def test_threshold_of_99_scans_at_five_percent_leaves_four_above():
    assert threshold(np.arange(1, 100), 0.05) == 95.0


def test_a_budget_below_one_over_n_plus_one_is_refused_in_one_line():
    with pytest.raises(CalibrationError, match=r"Pfa 0\.001: expected at least 999 .* came 57, .* 0\.0172"):
        threshold(np.arange(57), 0.001)
    assert threshold(np.arange(999), 0.001) == 998


@pytest.mark.parametrize("pfa", BUDGETS)
def test_scans_needed_is_the_fewest_that_support_the_budget(pfa):
    n = scans_needed(pfa)
    assert smallest_pfa(n) <= pfa
    assert n == 1 or smallest_pfa(n - 1) > pfa


@pytest.mark.parametrize("pfa", [0, 1, -0.1, 1.5, math.nan])
def test_a_budget_outside_zero_to_one_is_refused(pfa):
    with pytest.raises(CalibrationError, match="Pfa: expected a number above 0 and below 1"):
        check_pfa(pfa)


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(CalibrationError, match="scores: expected finite numbers, came 1 NaN"):
        p_values([0.0, math.nan], [1.0])
    with pytest.raises(CalibrationError, match="calibration scores: expected finite numbers"):
        threshold([math.inf], 0.5)
    with pytest.raises(CalibrationError, match="expected at least one, came none"):
        p_values([1.0], [])


def test_p_values_of_fresh_benign_scans_are_uniform(rng):
    # One fresh scan per calibration set: the p-values are independent, and without ties
    # each of the n + 1 ranks is equally likely. Chi-square over the 20 ranks of n = 19.
    runs, n = 20_000, 19
    calibration, fresh = rng.gamma(0.5, size=(runs, n)), rng.gamma(0.5, size=runs)
    p = (1 + (calibration >= fresh[:, None]).sum(axis=1)) / (n + 1)
    assert np.array_equal(p[:5], [float(p_values(fresh[i], calibration[i])) for i in range(5)])
    counts = np.bincount(np.rint(p * (n + 1)).astype(int), minlength=n + 2)[1:]
    assert stats.chisquare(counts).pvalue > 1e-4


def test_observed_pfa_of_one_fresh_scan_per_calibration_is_binomial(rng):
    # P(alarm) is exactly floor(pfa (n + 1)) / (n + 1): 1, 2 and 5 in 60 for n = 59
    runs, n = 4_000, 59
    calibration, fresh = rng.lognormal(size=(runs, n)), rng.lognormal(size=runs)
    for pfa, rate in [(0.02, 1 / 60), (0.0499, 2 / 60), (0.085, 5 / 60)]:
        alarms = sum(s > threshold(c, pfa) for s, c in zip(fresh, calibration, strict=True))
        low, high = binomial_bounds(runs, rate)
        assert low <= alarms <= high, (pfa, alarms)


def test_ties_never_spend_more_than_the_budget(rng):
    runs, n = 4_000, 39
    calibration, fresh = rng.poisson(2.0, size=(runs, n)), rng.poisson(2.0, size=runs)
    alarms = sum(s > threshold(c, 0.1) for s, c in zip(fresh, calibration, strict=True))
    assert alarms <= binomial_bounds(runs, 0.1)[1]


@pytest.mark.parametrize("pfa", [0.001, 0.005, 0.01, 0.05])
def test_observed_pfa_over_300_calibrations_lies_where_exchangeability_says(rng, pfa):
    # Given one calibration, the true Pfa is Beta(k, n + 1 - k) with k = floor(pfa (n + 1)), so
    # alarms among m fresh scans are beta-binomial. Their sum over the runs is near normal:
    # 4 standard deviations, about once in 16 000 runs.
    runs, n, m = 300, 1999, 500
    alarms = np.array([(rng.normal(size=m) > threshold(rng.normal(size=n), pfa)).sum() for _ in range(runs)])
    k = tolerated(n, pfa) + 1
    law = stats.betabinom(m, k, n + 1 - k)
    assert abs(alarms.mean() - law.mean()) < 4 * law.std() / math.sqrt(runs)
    # each single run: outside the central 99.8 % of that law in about 0.6 of 300 runs; 8 or more
    # happens once in a million
    low, high = law.ppf(0.001), law.ppf(0.999)
    assert np.count_nonzero((alarms < low) | (alarms > high)) < 8


def test_region_p_values_keep_the_budget_of_the_whole_scan(rng):
    # 30 regions per benign scan: one alarm anywhere counts, and still at most the budget
    runs, n, regions = 3_000, 49, 30
    benign = rng.normal(size=(runs, n, regions)).max(axis=2)
    fresh = rng.normal(size=(runs, regions))
    alarmed = 0
    for calibration, scan in zip(benign, fresh, strict=True):
        alarmed += bool((Calibration.from_scores(calibration).p_values(scan) <= 0.1).any())
    low, high = binomial_bounds(runs, 5 / 50)
    assert low <= alarmed <= high


def test_calibration_survives_json_bit_by_bit(rng):
    scores = rng.normal(size=200).astype(np.float32)
    made = Calibration.from_scores(scores, name="portal 3", scanner="portal-3")
    text = json.dumps(made.to_json())
    assert Calibration.from_json(json.loads(text)) == made
    assert np.array_equal(np.asarray(made.scores, np.float32), np.sort(scores))
    assert len(text) < 200 * 16  # shortest digits, not the 18 of the double


def test_calibration_ranks_and_decides_as_the_plain_functions_do(rng):
    scores = rng.normal(size=99).astype(np.float32)
    made = Calibration.from_scores(scores)
    assert (made.n, made.smallest_pfa) == (99, 0.01)
    assert made.p_value(0.5) == p_values(0.5, scores)
    assert made.threshold(0.05) == threshold(scores, 0.05)
    with pytest.raises(CalibrationError, match=r"calibration 'default': Pfa 0\.001: expected at least 999"):
        made.threshold(0.001)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"name": "a", "scanner": None, "scores": []},
        {"name": "a", "scanner": None, "scores": None},
        {"name": "a", "scanner": None, "scores": ["x"]},
        {"name": "a", "scanner": None, "scores": [1e300]},
        {"name": 3, "scanner": None, "scores": [1.0]},
    ],
)
def test_a_record_that_is_no_calibration_is_refused(record):
    with pytest.raises(CalibrationError, match=r"^calibration.*: expected .*came"):
        Calibration.from_json(record)


def test_unsorted_scores_are_refused_by_the_plain_constructor():
    with pytest.raises(CalibrationError, match="expected ascending float32 scores"):
        Calibration("default", None, (2.0, 1.0))


def test_the_calibration_is_chosen_by_scanner_with_the_default_as_fallback():
    own = Calibration.from_scores([1.0], name="north", scanner="north")
    default = Calibration.from_scores([2.0])
    assert choose_calibration([default, own], "north") is own
    assert choose_calibration([own, default], "south") is default
    assert choose_calibration([own, default], None) is default
    single = Calibration.from_scores([3.0], name="single-energy")
    own_single = Calibration.from_scores([4.0], name="north, single-energy", scanner="north")
    every = [own, default, single, own_single]
    assert [choose_calibration(every, name) for name in ("north", "south")] == [own, default]
    chosen = [choose_calibration(every, name, single_energy=True) for name in ("north", "south", None)]
    assert chosen == [own_single, single, single]
    assert choose_calibration([own, default], "north", single_energy=True) is own
    with pytest.raises(CalibrationError, match=r"scanner south: expected .* came north"):
        choose_calibration([own], "south")
    with pytest.raises(CalibrationError, match=r"scanner unknown: .* came none"):
        choose_calibration([], None)


@pytest.mark.parametrize(("pfa", "scans"), [(0.01, 299), (0.004, 748), (0.001, 2995)])
def test_a_budget_kept_with_confidence_needs_three_times_as_many_scans(pfa, scans):
    """Wilks, Annals of Mathematical Statistics 12, 1941: 299 for the 99 % limit with 95 % confidence."""
    assert scans_certain(pfa) == scans
    assert certain_pfa(scans) <= pfa < certain_pfa(scans - 1)


def test_budgets_are_told_on_average_and_with_confidence():
    assert budgets(299) == "smallest Pfa 0.00333 on average, 0.00997 with 95 % confidence"


def test_in_nineteen_of_twenty_calibrations_the_certain_budget_is_kept(rng):
    highest = rng.random((4000, 30)).max(axis=1)  # of benign scores whose share above s is 1 - s
    assert np.mean(1 - highest <= certain_pfa(30)) == pytest.approx(0.95, abs=0.012)
