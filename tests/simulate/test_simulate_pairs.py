"""Two passages of one conveyance: the same bytes again, a change where its mask is, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from nii.errors import UsageError
from nii.simulate.scanner.presets import PORTALS
from nii.simulate.sets.pairs import CHANGES, simulate_pairs

pytestmark = pytest.mark.slow

COARSE = replace(PORTALS["mobile-6mv"], pitch_mm=(20.0, 20.0))  # mm; small pictures, quick to draw


@pytest.fixture(scope="module")
def pairs():
    return {pair.change: pair for pair in simulate_pairs(5001, 4, (None, "false_wall", "beam_hide"), scanner=COARSE)}


def test_the_same_arguments_give_the_same_bytes(pairs):
    (again,) = simulate_pairs(5001, 4, ("false_wall",), scanner=COARSE)
    assert np.array_equal(again.before.transmission, pairs["false_wall"].before.transmission)
    assert np.array_equal(again.after.transmission, pairs["false_wall"].after.transmission)


def test_an_unchanged_pair_has_no_mask_and_other_columns_for_another_speed(pairs):
    pair = pairs[None]
    assert pair.mask is None
    assert pair.mass_kg == 0
    assert pair.before.shape[0] == pair.after.shape[0]
    assert pair.plan.travels[0].stretch != pair.plan.travels[1].stretch
    assert pair.before.shape[1] != pair.after.shape[1]


def test_a_change_shows_in_the_passage_that_has_it_and_nowhere_else(pairs):
    pair, same = pairs["false_wall"], pairs[None]
    changed, other = (pair.after, pair.before) if pair.added else (pair.before, pair.after)
    plain, plain_other = (same.after, same.before) if pair.added else (same.before, same.after)
    low = np.log(plain.transmission[0].clip(0.01)) - np.log(changed.transmission[0].clip(0.01))
    assert pair.mask.shape == changed.shape
    assert low[pair.mask].mean() > 0.2  # 100 kg and more over a few square metres
    assert abs(np.median(low[~pair.mask])) < 0.01  # noise alone
    assert abs(np.median(other.transmission - plain_other.transmission)) < 0.01
    assert pair.mass_kg > 50


def test_changes_that_a_conveyance_cannot_hold_are_left_out():
    made = {pair.change for pair in simulate_pairs(5001, 4, CHANGES, scanner=COARSE)}
    assert made < set(CHANGES)


@pytest.mark.parametrize(("seed", "change"), [(-1, None), (5001, "bricks")])
def test_a_seed_out_of_range_and_an_unknown_change_are_refused(seed, change):
    with pytest.raises(UsageError, match="expected"):
        next(simulate_pairs(seed, 0, (change,), scanner=COARSE))
