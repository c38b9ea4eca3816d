"""Scans and truths through pixels of another size."""

import numpy as np
import pytest

from nii.model.pitch import axis_weights, resized, size_at, touched, working_size
from nii.simulate.sets.truth import Hidden, Truth, resampled

SIZES = [(40, 17), (17, 40), (30, 30), (64, 63), (9, 31)]


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_weights_of_an_axis_are_those_of_the_resized_picture(old, new, rng):
    """OpenCV is the independent reader here: area means where it shrinks, linear where it grows."""
    plane = rng.random((old, 5), np.float32)
    whole = axis_weights(old, new, slice(0, new), slice(0, old))
    assert whole.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert whole @ plane == pytest.approx(resized(plane[None], (new, 5))[0], abs=2e-4)  # it interpolates in 11 bits


@pytest.mark.parametrize(("old", "new"), SIZES)
@pytest.mark.parametrize("given", [slice(0, 3), slice(5, 9), slice(7, 9)])
def test_all_that_a_part_touches_and_is_made_of_is_found(old, new, given):
    whole = axis_weights(old, new, slice(0, new), slice(0, old))
    wanted, needed = touched(old, new, given)
    assert (whole[:, given].any(axis=1).nonzero()[0] >= wanted.start).all()
    assert (whole[:, given].any(axis=1).nonzero()[0] < wanted.stop).all()
    assert axis_weights(old, new, wanted, needed) == pytest.approx(whole[wanted, needed], abs=1e-6)
    assert axis_weights(old, new, wanted, needed).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_scan_can_get_coarser_along_one_axis_and_finer_along_the_other():
    plane = np.repeat(np.array([[[0.0, 1.0]]], np.float32), 4, axis=1)
    assert resized(plane, (2, 4))[0] == pytest.approx(np.tile([0, 0.25, 0.75, 1.0], (2, 1)))


def hidden_block(shape=(60, 90), at=(20, 30), size=(13, 17)):
    without = np.full((2, *shape), 0.5, np.float32)
    without[:, :, 40:] = 2.0
    excess = np.full((2, *size), 0.8, np.float32)
    return Truth(without, (Hidden("bricks", 1.0, 50.0, *at, excess, np.ones(size, np.bool_)),))


@pytest.mark.parametrize("pitch", [3.0, 4.1, 7.0, 12.0])
def test_a_resampled_truth_is_that_of_the_resampled_transmissions(pitch):
    """What a detector counts is averaged: excess follows from the two transmissions, with and without."""
    truth, size = hidden_block(), size_at((60, 90), (6.0, 6.0), (pitch, pitch))
    other = resampled(truth, size)
    assert other.without.shape == (2, *size)
    (one,), (before,) = other.hidden, truth.hidden
    present = np.exp(-truth.without)
    present[:, 20:33, 30:47] *= np.exp(-before.excess)
    expected = resized(present, size)
    found = np.exp(-other.without)
    rows, columns = one.mask.shape
    found[:, one.row : one.row + rows, one.column : one.column + columns] *= np.exp(-one.excess)
    assert found == pytest.approx(expected, abs=1e-3)
    assert np.count_nonzero(one.mask) * pitch**2 == pytest.approx(13 * 17 * 36, rel=0.25)
    assert (one.family, one.mass_kg, one.dprime) == ("bricks", 1.0, 50.0)


def test_a_truth_at_its_own_size_stays_as_it_is():
    truth = hidden_block()
    assert resampled(truth, (60, 90)) is truth


def test_what_no_pixel_shows_any_more_is_left_out():
    assert resampled(hidden_block(size=(1, 1)), (10, 15)).hidden == ()


@pytest.mark.parametrize(
    ("pitch", "size"), [(None, (60, 90)), ((6.1, 5.9), (60, 90)), ((3.0, 3.0), (30, 45)), ((6.0, 9.0), (60, 135))]
)
def test_training_and_use_agree_on_the_size_at_the_working_pitch(pitch, size):
    assert working_size((60, 90), pitch, 6.0) == size
