"""Learning a judge from candidates with a known answer."""

import numpy as np
import pytest

from nii.fit.learn import Table, cross_fitted, folds, highest, learned, scored
from nii.model.judge import Judge
from nii.studies.judge_coverage import COPIES, coverage, draw_site

pytestmark = pytest.mark.slow

CAME = Judge(np.array([1, 0, 0], np.float32), np.zeros(1, np.float32))


def site(rng, scans, shift=3.0):
    """Evidence that says nothing, and a second feature that tells hits: two candidates a scan, benign and inserted."""
    number = np.arange(4 * scans)
    hit = number % 4 == 3
    features = rng.normal(size=(len(number), 3)).astype(np.float32)
    features[:, 1] += shift * hit
    features[:, 2] = 7.0  # even: it says nothing, and has no spread to divide by
    return Table(features, number // 4, number // 2, number % 4 > 1, hit)


def test_a_feature_that_tells_concealments_gets_weight_and_an_even_one_none(rng):
    judge = learned(site(rng, 400), CAME, prior=1.0)
    assert judge.weight[1] > 1.5
    assert abs(judge.weight[0]) < 0.5
    assert judge.weight[2] == 0


def test_with_few_scans_the_judge_stays_near_the_one_that_came(rng):
    weights = [learned(site(rng, n), CAME, prior=30.0).weight[1] for n in (3, 30, 300)]
    assert 0 < weights[0] < weights[1] < weights[2]


def test_without_any_scan_or_without_any_hit_it_is_the_one_that_came(rng):
    assert learned(site(rng, 0), CAME) is CAME
    benign = site(rng, 5).of(np.array([True] * 5))
    nothing = Table(benign.features, benign.scan, benign.seen, benign.inserted, np.zeros_like(benign.hit))
    assert learned(nothing, CAME) is CAME


def test_the_judge_is_where_the_slope_of_loss_and_penalty_vanishes(rng):
    table, prior = site(rng, 40), 5.0
    used = ~table.inserted | table.hit
    features, hit = table.features[used].astype(float), table.hit[used]
    weight = np.where(hit, 1.0, 0.5)  # of each scan one hit, two candidates of the benign one

    def loss(judge):
        score = features @ judge.weight.astype(float) + judge.bias[0]
        change = (judge.weight - CAME.weight) * features.std(axis=0)
        offset = judge.bias[0] + (judge.weight - CAME.weight) @ features.mean(axis=0)
        return (weight * np.logaddexp(0, np.where(hit, -score, score))).sum() + prior / 2 * (
            change @ change + offset**2
        )

    best = learned(table, CAME, prior)
    for _ in range(20):
        other = Judge(best.weight + rng.normal(0, 0.05, 3) * [1, 1, 0], best.bias + rng.normal(0, 0.05))
        assert loss(other) > loss(best)


def test_each_scan_is_left_out_once_with_all_that_was_put_into_it(rng):
    assert (np.sum(list(folds(23)), axis=0) == 1).all()
    table = site(rng, 20)
    scores = cross_fitted(table, 20, CAME)
    first = next(iter(folds(20)))
    judge = learned(table.of(~first), CAME)
    here = first[table.scan]
    assert scores[here] == pytest.approx(scored(table.features[here], judge))
    assert np.isfinite(scores).all()


def test_the_score_of_a_scan_is_its_highest_candidate():
    assert highest(np.array([1.0, 3.0, 2.0]), np.array([0, 0, 2]), 3).tolist() == [3.0, -np.inf, 2.0]


def test_cross_fitted_scores_keep_the_budget_and_reused_ones_do_not():
    (row,) = [row for row in coverage(30, repetitions=25, fresh=200) if row["pfa"] == 0.1]
    assert row["observed"] == pytest.approx(row["expected"], abs=3 * row["standard_error"] + 0.02)
    assert row["reused"] > row["observed"]


def test_a_simulated_site_has_its_copies_beside_each_scan(rng):
    table = draw_site(rng, 3)
    assert (np.bincount(table.scan) == np.bincount(table.scan)[0]).all()
    assert len(np.unique(table.seen[table.inserted])) == 3 * COPIES
