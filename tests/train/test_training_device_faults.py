"""Faults of scanners as the device adds them are those of nii.physics.faults."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from nii.physics import faults as physics
from nii.physics.faults import NONE, Chain, FaultPlan, Faults
from nii.physics.noise import NoiseModel
from nii.simulate.scanner.presets import draw_chain
from training.device_faults import Chains, FaultModels, measure_with, with_faults
from training.device_noise import NoiseModels

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
SIZE = (50, 70)
QUIET = NoiseModel(photons=1e12, electronic=0, scatter=0, row_gain=0, pulse_jitter=0, blur=0, bits=32, open_beam=1e9)


@pytest.fixture
def image(rng):
    row, column = np.mgrid[: SIZE[0], : SIZE[1]]
    A = 2 + 1.8 * np.sin(column / 6) * (row > 20) + 0.1 * rng.random(SIZE)
    return np.exp(-np.stack([A, 0.85 * A])).astype(np.float32)


def crops_of(models, image):
    faults = FaultModels.of(models, CPU).of_crops(torch.arange(len(models)), 1, 1, 1)
    return torch.from_numpy(image)[None].repeat(len(models), 1, 1, 1), faults


def full(count):
    return tuple(torch.full((count, 1, 1), float(size)) for size in SIZE)


def test_every_fault_acts_on_the_device_too():
    names = {field.name for field in fields(FaultModels)}
    assert {field.name for field in fields(Faults)} - {"ghost_shift"} == names - {"ghost_row", "ghost_column"}


def test_faults_without_chance_are_those_of_the_scanner_model(image, rng):
    models = [
        NONE,
        Faults(lag=0.1, lag_columns=0.8),
        Faults(lag=0.05, lag_columns=7.0),
        Faults(ghost=0.03, ghost_shift=(-7, 40)),
        Faults(levels=128),
        Faults(levels=256, of_attenuation=True, deepest=5.0),
        Faults(lag=0.1, ghost=0.02, ghost_shift=(3, 9), levels=1024),
    ]
    crops, faults = crops_of(models, image)
    found = with_faults(crops, faults, full(len(models)), torch.Generator())
    plan = FaultPlan(np.ones((2, SIZE[0]), np.float32), np.ones((2, SIZE[1]), np.float32))
    for one, model in zip(found.numpy(), models, strict=True):
        wanted = physics.apply_faults(image, model, plan)
        # a value at the middle between two levels may go to either, by rounding
        assert np.mean(np.abs(one - wanted) > 1e-5) < 2e-3, model
        step = (
            1.1 * max(model.deepest if model.of_attenuation else 1, 1) / max(model.levels, 1) if model.levels else 1e-5
        )
        assert np.abs(one - wanted).max() < step, model


@pytest.mark.parametrize("quality", [40, 75, 97])
def test_compression_is_that_of_a_jpeg_file_but_for_rounding(image, quality):
    """The library transforms in integers, so that single values are off by some of 256 levels."""
    model = Faults(jpeg=quality)
    crops, faults = crops_of([model], image)
    found = with_faults(crops, faults, full(1), torch.Generator())[0].numpy()
    plan = FaultPlan(np.ones((2, SIZE[0]), np.float32), np.ones((2, SIZE[1]), np.float32))
    wanted = physics.apply_faults(image, model, plan)
    lost = np.abs(wanted - image).mean()
    assert np.abs(found - wanted).mean() < 0.15 * lost + 0.3 / 255
    assert np.abs(found - image).mean() == pytest.approx(lost, rel=0.1)


def test_coarse_pixels_are_those_of_the_scanner_model(image, rng):
    models = [Faults(coarse=coarse) for coarse in (1.0, 1.07, 1.3, 1.5, 2.4)]
    crops, faults = crops_of(models, image)
    noise = NoiseModels.of([QUIET] * len(models), CPU).of_crops(torch.arange(len(models)), 1, 1, 1)
    found = measure_with(crops, noise, faults, torch.Generator())
    for one, model in zip(found.numpy(), models, strict=True):
        np.testing.assert_allclose(one, physics.measure_with(image, QUIET, model, rng), atol=2e-3)


@pytest.mark.parametrize(
    "model",
    [Faults(gain_steps=0.02, block=8), Faults(drift=0.02), Faults(lines=0.2, line_gain=0.1)],
    ids=["steps", "drift", "lines"],
)
def test_gains_spread_as_those_of_the_scanner_model(model, rng):
    """Of 400 pictures of T = 0.5: variances of pixels, of rows and of columns."""
    flat = np.full((2, *SIZE), 0.5, np.float32)
    crops, faults = crops_of([model] * 400, flat)
    ours = with_faults(crops, faults, full(400), torch.Generator().manual_seed(2)).numpy().astype(np.float64)
    wanted = np.stack(
        [physics.apply_faults(flat, model, physics.draw_plan(flat.shape, model, rng)) for _ in range(400)]
    ).astype(np.float64)
    assert ours.mean() == pytest.approx(wanted.mean(), abs=2e-3)
    for axes in ((1,), (1, 2), (1, 3), (1, 2, 3)):
        spread = [float(one.mean(axis=axes).var()) for one in (ours, wanted)]
        # the fewest draws are 400 of 6 knots each, whose variance is known to about a tenth
        assert spread[0] == pytest.approx(spread[1], rel=0.3, abs=1e-10), axes


def test_a_drawn_scanner_gives_pictures_that_differ_from_the_truth_as_much(image, rng):
    """Root mean square of what noise and faults change, over 150 drawn chains: within a tenth of each other."""
    chains = [draw_chain(rng, faulty=1.0, coarsest=1.5) for _ in range(150)]
    crops, faults = crops_of([one.faults for one in chains], image)
    noise = NoiseModels.of([one.noise for one in chains], CPU).of_crops(torch.arange(150), 1, 1, 1)
    found = measure_with(crops, noise, faults, torch.Generator().manual_seed(3)).numpy()
    wanted = np.stack([chain.measure(image, rng) for chain in chains])
    assert found.min() >= 0
    assert found.shape == wanted.shape
    rms = [np.sqrt(np.mean((one - image) ** 2, axis=(1, 2, 3))) for one in (found, wanted)]
    assert np.median(rms[0] / rms[1]) == pytest.approx(1, abs=0.1)
    assert np.mean(rms[0]) == pytest.approx(np.mean(rms[1]), rel=0.1)


def test_the_same_generator_gives_the_same_faults(image):
    model = Faults(lines=0.3, line_gain=0.1, drift=0.02, gain_steps=0.02)
    crops, faults = crops_of([model, replace(model, lag=0.1)], image)
    one, same, other = (with_faults(crops, faults, full(2), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_few_levels_count_in_the_variance(image, rng):
    chains = [draw_chain(rng, faulty=1.0, coarsest=1.5) for _ in range(60)] + [Chain(QUIET, Faults(levels=64))]
    found = Chains.of(chains, CPU).of_crops(torch.arange(61), 1, 1, 1).variance(torch.from_numpy(image)[None])
    for one, chain in zip(found.numpy(), chains, strict=True):
        np.testing.assert_allclose(one, chain.variance(image), rtol=1e-3)
