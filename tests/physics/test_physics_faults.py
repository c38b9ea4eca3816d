"""Faults of scanners: none leaves the picture alone, each is seen and bounded, and what is drawn repeats."""

from dataclasses import replace

import numpy as np
import pytest

from nii.errors import PhysicsError
from nii.physics.faults import NONE, RANGES, Chain, Faults, apply_faults, draw_plan, level_variance, measure_with
from nii.physics.noise import NoiseModel, measure
from nii.scan import FloatArray
from nii.simulate.scanner.presets import draw_chain, draw_noise

SHAPE = (2, 60, 80)
QUIET = NoiseModel(
    photons=1e12, compound=1, hardening=0, electronic=0, scatter=0, row_gain=0, pulse_jitter=0, blur=0,
    bits=32, open_beam=2.0**31,
)  # fmt: skip

ONE_EACH = {
    "lag": Faults(lag=0.1, lag_columns=3),
    "gain steps": Faults(gain_steps=0.02, block=16),
    "drift": Faults(drift=0.02),
    "lines": Faults(lines=0.1, line_gain=0.1),
    "ghost": Faults(ghost=0.03, ghost_shift=(4, 25)),
    "coarse": Faults(coarse=2.3),
    "few levels of transmission": Faults(levels=64),
    "few levels of attenuation": Faults(levels=64, of_attenuation=True, deepest=6),
    "JPEG": Faults(levels=256, jpeg=60),
    "JPEG of attenuation": Faults(levels=256, jpeg=60, of_attenuation=True),
}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scene() -> FloatArray:
    """Air, a grey wedge, a dark block and a thin bar, the low energy darker."""
    attenuation = np.zeros(SHAPE, np.float32)
    attenuation[:, 10:50, 20:60] = np.linspace(0.2, 2.5, 40, dtype=np.float32)
    attenuation[:, 20:35, 30:45] += 3
    attenuation[:, 5:55, 70:71] = 0.7
    attenuation[0] *= 1.2
    return np.exp(-attenuation)


def changed(faults: Faults, seed: int = 0) -> FloatArray:
    return apply_faults(scene(), faults, draw_plan(SHAPE, faults, rng(seed)))


def test_no_faults_leave_the_picture_alone() -> None:
    assert np.array_equal(changed(NONE), scene())
    noise = NoiseModel()
    assert np.array_equal(measure_with(scene(), noise, NONE, rng(4)), measure(scene(), noise, rng(4)))


@pytest.mark.parametrize("name", ONE_EACH)
def test_each_fault_is_seen_bounded_and_repeatable(name: str) -> None:
    faults = ONE_EACH[name]
    image = measure_with(scene(), QUIET, faults, rng(1))
    change = np.abs(image - scene())
    assert image.shape == SHAPE
    assert image.dtype == np.float32
    assert image.min() >= 0
    assert change.max() > 2e-3
    assert change.mean() < 0.05  # what is there is still there
    assert np.array_equal(image, measure_with(scene(), QUIET, faults, rng(1)))


def test_lag_darkens_what_follows_and_keeps_the_light() -> None:
    line = np.ones((1, 1, 40), np.float32)
    line[..., 20] = 0
    faults = Faults(lag=0.2, lag_columns=2)
    seen = apply_faults(line, faults, draw_plan(line.shape, faults, rng()))
    assert seen[0, 0, :20] == pytest.approx(1)
    assert seen[0, 0, 20] == pytest.approx(0.2, abs=1e-6)  # light of the columns before
    assert (np.diff(seen[0, 0, 21:29]) > 0).all()
    assert seen.sum() == pytest.approx(39, abs=1e-4)


def test_gain_steps_are_even_within_a_block_of_detectors() -> None:
    faults = Faults(gain_steps=0.05, block=16)
    gain = draw_plan(SHAPE, faults, rng(2)).row_gain
    steps = np.flatnonzero(np.diff(gain[0]))
    assert len(steps) in (3, 4)
    assert (np.diff(steps) == 16).all()
    assert not np.array_equal(gain[0], gain[1])


def test_drifting_air_is_slow_and_the_same_at_both_energies() -> None:
    gain = draw_plan(SHAPE, Faults(drift=0.03), rng(2)).column_gain
    assert np.array_equal(gain[0], gain[1])
    assert np.abs(np.diff(gain[0])).max() < 0.01
    assert gain.std() > 0.005


def test_few_levels_are_as_many_as_they_say() -> None:
    ramp = np.linspace(0, 1.1, 5000, dtype=np.float32).reshape(1, 50, 100)
    for faults in (Faults(levels=32), Faults(levels=32, of_attenuation=True, deepest=5)):
        seen = apply_faults(ramp, faults, draw_plan(ramp.shape, faults, rng()))
        values = np.unique(seen)
        assert len(values) == 32
        steps = np.diff(np.log(values)) if faults.of_attenuation else np.diff(values)
        assert steps == pytest.approx(steps[0], rel=1e-3)
        assert seen.max() == 1
    assert values[0] == pytest.approx(np.exp(-5), rel=1e-4)


@pytest.mark.parametrize("faults", [Faults(levels=64), Faults(levels=64, of_attenuation=True, deepest=4)])
def test_the_variance_of_few_levels_is_that_of_their_rounding(faults: Faults) -> None:
    ramp = np.linspace(0.03, 0.99, 90_000, dtype=np.float32).reshape(1, 300, 300)
    off = (apply_faults(ramp, faults, draw_plan(ramp.shape, faults, rng())) - ramp) ** 2
    assert off.mean() == pytest.approx(level_variance(ramp, faults).mean(), rel=0.05)
    assert Chain(QUIET, faults).variance(ramp).mean() > 0.95 * off.mean()
    assert not level_variance(ramp, NONE).any()


def test_what_is_darker_than_the_last_level_is_unknown() -> None:
    dark = np.float32([1e-3, 0.1])
    unknown, known = level_variance(dark, Faults(levels=256, of_attenuation=True, deepest=4))
    assert unknown == pytest.approx(1e-6)
    assert known < 1e-6


def test_a_picture_of_one_level_is_refused() -> None:
    with pytest.raises(PhysicsError, match="fault levels: expected 0, or 2 and more, came 1"):
        Faults(levels=1)


def test_a_ghost_lies_where_it_should_and_is_as_faint_as_it_should() -> None:
    image = np.ones((1, 30, 30), np.float32)
    image[0, 10, 10] = 0
    faults = Faults(ghost=0.1, ghost_shift=(3, -4))
    seen = apply_faults(image, faults, draw_plan(image.shape, faults, rng()))
    assert seen[0, 13, 6] == pytest.approx(0.9)
    assert np.count_nonzero(seen != 1) == 2


def test_coarse_pixels_hide_what_is_small_and_have_the_noise_of_large_ones() -> None:
    noisy = replace(QUIET, photons=400)
    flat = np.full((1, 90, 120), 0.5, np.float32)
    fine, coarse = (measure_with(flat, noisy, Faults(coarse=c), rng(3)) for c in (1.0, 3.0))
    assert coarse.shape == flat.shape
    assert coarse.std() == pytest.approx(fine.std(), rel=0.35)  # each large pixel counts as few photons as a fine one
    assert np.abs(np.diff(coarse)).mean() < 0.5 * np.abs(np.diff(fine)).mean()


def test_a_picture_of_one_pixel_survives_all_faults() -> None:
    dot = np.full((2, 1, 1), 0.5, np.float32)
    for faults in ONE_EACH.values():
        assert measure_with(dot, QUIET, faults, rng()).shape == dot.shape


@pytest.mark.parametrize("name", sorted(RANGES))
def test_faults_beyond_what_is_physical_are_refused(name: str) -> None:
    low, high = RANGES[name]
    for value in (low - 1, high + 1, float("nan")):
        with pytest.raises(PhysicsError, match=f"fault {name}: expected {low:g} to {high:g}, came"):
            replace(Faults(levels=256), **{name: value})


def test_drawn_chains_are_as_often_faulty_as_asked_and_show_every_fault() -> None:
    drawn = [draw_chain(rng(seed), faulty=0.5, coarsest=2.4).faults for seed in range(400)]
    faulty = [one for one in drawn if one != NONE]
    assert 0.35 < len(faulty) / 400 < 0.55
    for name in ("lag", "gain_steps", "drift", "lines", "ghost", "levels", "jpeg", "of_attenuation"):
        assert 0.05 < np.mean([bool(getattr(one, name)) for one in faulty]) < 0.6
    assert max(one.coarse for one in drawn) > 2
    assert all(one == NONE for one in (draw_chain(rng(s), faulty=0.0, coarsest=2.4).faults for s in range(30)))


def test_the_noise_of_a_chain_without_faults_is_drawn_as_it_always_was() -> None:
    for seed in range(10):
        assert draw_chain(rng(seed), faulty=0.0, coarsest=1.0) == Chain(draw_noise(rng(seed)))
