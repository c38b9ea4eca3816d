"""Samples made on the device are those of training.samples, and so is their noise."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from nii.errors import UsageError
from nii.physics import noise as physics
from nii.physics.faults import Chain
from nii.physics.noise import NoiseModel
from nii.simulate.cargo.loads import KINDS
from nii.simulate.contraband.concealments import FAMILIES
from nii.simulate.scanner.presets import draw_noise
from training.data import load_set
from training.device_faults import Chains
from training.device_noise import NoiseModels, expected, measure, variance
from training.device_samples import DeviceSamples
from training.device_store import DeviceStore, targets, tilted
from training.samples import BORDER, Batch, SampleConfig, _cut, _Target, _tilted, quartered

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
CROP = (160, 224)
QUIET = NoiseModel(photons=1e12, electronic=0, scatter=0.01, row_gain=0, pulse_jitter=0, bits=32, open_beam=1e9)
"""What is left of a scanner when all chance is taken away: scatter and blur."""


@pytest.fixture(scope="module")
def scans(simulated):
    return load_set(simulated, KINDS, 6.0)


@pytest.fixture(scope="module")
def store(scans):
    return DeviceStore(scans, FAMILIES, CPU)


def samples(store, energies=2, **config):
    return DeviceSamples(
        store, KINDS.index("empty"), SampleConfig(CROP, **({"more": 0.5} | config)), energies=energies, seed=1,
        scanners=50,
    )  # fmt: skip


def crops_of(models, T):
    """The same expected transmission, measured by each of these scanners."""
    noise = NoiseModels.of(models, CPU).of_crops(torch.arange(len(models)), 1, 1, 1)
    return torch.from_numpy(T)[None].repeat(len(models), 1, 1, 1), noise


@pytest.fixture
def waves(rng):
    """Transmission of two energies from 0.9 to 0.01, smooth parts and edges."""
    row, column = np.mgrid[: CROP[0], : CROP[1]]
    A = 2.2 + 2 * np.sin(column / 9) * (row > 70) + 0.2 * rng.random(CROP)
    return np.exp(-np.stack([A, 0.85 * A])).astype(np.float32)


def test_every_parameter_of_a_noise_model_acts_on_the_device_too():
    names = {field.name for field in fields(NoiseModels)}
    assert {field.name for field in fields(NoiseModel)} == names - {"reach", "scatter_reach"}


def test_what_reaches_the_detectors_is_what_the_scanner_model_says(waves, rng):
    """To 1.5e-3 of the air signal: scatter, at most 2 %, is spread on a coarser grid."""
    models = [draw_noise(rng) for _ in range(12)]
    models += [replace(QUIET, blur=0), replace(QUIET, misregistration=-1.3), replace(QUIET, scatter=0, blur=2.2)]
    found = expected(*crops_of(models, waves))
    for one, model in zip(found, models, strict=True):
        wanted = physics._misregistered(physics.blurred(physics.scattered(waves, model), model), model)
        np.testing.assert_allclose(one, wanted, atol=1.5e-3)
        np.testing.assert_allclose(one.mean(), wanted.mean(), rtol=3e-4)


def test_variance_is_that_of_the_scanner_model(waves, rng):
    models = [draw_noise(rng) for _ in range(12)]
    found = variance(*crops_of(models, waves))
    for one, model in zip(found, models, strict=True):
        np.testing.assert_allclose(one, physics.variance(waves, model), rtol=1e-4)


ALONE = {"electronic": 0, "scatter": 0, "row_gain": 0, "pulse_jitter": 0, "blur": 0, "bits": 32, "open_beam": 1e9}


@pytest.mark.parametrize(
    "model",
    [
        NoiseModel(**ALONE | {"photons": 3e4}),
        NoiseModel(**ALONE | {"photons": 300.0}),  # Poisson where it is not normal
        NoiseModel(**ALONE | {"photons": 1e12, "electronic": 1e6, "open_beam": 1e8}),
        NoiseModel(**ALONE | {"photons": 1e12, "row_gain": 0.01}),
        NoiseModel(**ALONE | {"photons": 1e12, "pulse_jitter": 0.01, "afterglow": 0.2}),
        NoiseModel(**ALONE | {"photons": 1e12, "air_error": 0.01}),
        NoiseModel(**ALONE | {"photons": 1e12, "dead_rows": 0.1}),
        NoiseModel(**ALONE | {"photons": 1e12, "bits": 8, "open_beam": 200.0}),
        NoiseModel(photons=5e4, scatter=0),
    ],
    ids=["photons", "few", "electronic", "rows", "pulses", "air", "dead", "bits", "all"],
)
def test_noise_spreads_and_shifts_as_that_of_the_scanner_model(model, rng):
    """Over 100 measurements of 32 x 32 pixels of T = 0.2: their mean, and the spread of pixels, rows and columns."""
    T = np.full((2, 32, 32), 0.2, np.float32)
    ours = measure(*crops_of([model] * 100, T), torch.Generator().manual_seed(1)).numpy().astype(np.float64)
    wanted = np.stack([physics.measure(T, model, rng) for _ in range(100)]).astype(np.float64)
    assert ours.min() >= 0
    # of means: 6 standard errors of their difference. Of variances: a single number for a whole plane (air) leaves
    # 200 draws, so sqrt(2 * 2 / 200) = 0.14 of the ratio; everything else has more
    error = (2 * wanted.mean(axis=(1, 2, 3)).var() / 100) ** 0.5
    assert ours.mean() == pytest.approx(wanted.mean(), abs=6 * error + 1e-6)
    for axes in ((), (2,), (3,), (2, 3)):
        spread = [float(one.mean(axis=axes).var()) for one in (ours, wanted)]
        assert spread[0] == pytest.approx(spread[1], rel=0.5, abs=1e-11), axes


def test_the_same_generator_gives_the_same_noise(waves):
    crops, noise = crops_of([NoiseModel()] * 2, waves)
    first, again, other = (measure(crops, noise, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])


def area_means(plane, rows, columns):
    """Means over areas, by differences of the integral; OpenCV's INTER_AREA takes another pixel where it rounds."""
    for axis, size in ((0, rows), (1, columns)):
        lines = np.moveaxis(plane, axis, 0).astype(np.float64)
        integral = np.concatenate([np.zeros_like(lines[:1]), np.cumsum(lines, axis=0)])
        edges = np.arange(size + 1) * len(lines) / size
        below = np.minimum(edges.astype(int), len(lines) - 1)
        at_edges = integral[below] + (edges - below)[:, None] * lines[below]
        plane = np.moveaxis(np.diff(at_edges, axis=0) * size / len(lines), 0, axis)
    return plane.astype(np.float32)


def placed(store, scans, items, pair):
    """The items of a pair as training.samples places them: concealments resampled, row and column."""
    for one in np.flatnonzero(items.crop == pair):
        number = items.hidden[one]
        scan = scans[store.scan[number]]
        hidden = scan.truth.hidden[number - store.first[store.scan[number]]]
        rows, columns, way = int(items.height[one]), int(items.width[one]), -1 if items.mirrored[one] else 1
        planes = [area_means(plane, rows, columns) for plane in hidden.excess]
        height, width = hidden.mask.shape
        mask = hidden.mask[np.arange(rows) * height // rows][:, np.arange(columns) * width // columns]
        excess = np.float32(items.thick[one]) * np.stack(planes)[..., ::way]
        yield replace(hidden, excess=excess, mask=mask[:, ::way]), int(items.row[one]), int(items.column[one])


def test_targets_are_those_of_training_samples(store, scans, rng):
    made = samples(store)
    crops, items = made.drawn(30, [], rng)
    attenuation = store.attenuation(crops, CROP)
    scanner = rng.integers(50, size=30)
    found = targets(store, attenuation, items, made.chains.of_crops(torch.from_numpy(scanner), 1))
    shown = 0
    for pair, number in enumerate(scanner):
        model = NoiseModel(
            **{
                field.name: int(value) if field.name == "bits" else value
                for field in fields(NoiseModel)
                if (value := float(getattr(made.chains.noise, field.name)[number])) is not None
            }
        )
        A = _cut(scans[crops.scan[pair]].truth.without, int(crops.row[pair]), int(crops.column[pair]), CROP)
        wanted = _Target.of(A, list(placed(store, scans, items, pair)), FAMILIES, Chain(model))
        np.testing.assert_array_equal(attenuation[pair], A)
        np.testing.assert_allclose(found.excess[pair], wanted.excess, atol=1e-3)
        np.testing.assert_array_equal(found.evidence[pair, 0], wanted.evidence)
        np.testing.assert_allclose(found.weight[pair, 0], wanted.weight, rtol=1e-5)
        np.testing.assert_array_equal(found.family[pair], wanted.family)
        shown += bool(wanted.evidence.any())
    assert shown > 15


@pytest.mark.parametrize("energies", [1, 2])
def test_a_batch_holds_what_was_drawn(store, scans, rng, energies):
    """Crops measured without chance, and everything else as `quartered` makes it of a pair of training.samples."""
    made = samples(store, energies, single=0.3)
    made.chains = Chains.of([Chain(QUIET)] * 2, CPU)
    crops, items = made.drawn(12, [], rng)
    batch = made.batch(crops, items, np.zeros(12, np.int64), torch.Generator())
    flat = {name: getattr(batch, name).unflatten(0, (12, 2)) for name in Batch._fields}
    for pair in range(12):
        scan, single = scans[crops.scan[pair]], crops.single[pair]
        A = _cut(scan.truth.without, int(crops.row[pair]), int(crops.column[pair]), CROP)
        images = []
        for present in (list(placed(store, scans, items, pair)), []):
            target = _Target.of(A, present, FAMILIES, Chain(QUIET))
            T, excess = np.exp(-A - target.excess), target.excess
            if single >= 0:
                T, excess = T[[single, single]], excess[[single, single]]
            T, excess = T[:energies], excess[:energies]
            precision = np.clip(0.02 / (np.sqrt(physics.variance(T[:1], QUIET)) / np.maximum(T[:1], 1e-4)), 0.02, 1)
            parts = (physics.measure(T, QUIET, rng), target.evidence[None], target.weight[None], excess, precision)
            tensors = [torch.from_numpy(np.ascontiguousarray(part, np.float32)) for part in parts]
            flip = (-1,) if crops.flip[pair] else ()
            family = torch.from_numpy(target.family)
            images.append([*(t.flip(flip) for t in (*tensors, family)), torch.tensor(scan.cargo), torch.tensor(0.0)])
        wanted = quartered(Batch(*map(torch.stack, zip(*images, strict=True))))
        for (name, found), want in zip(list(flat.items())[:-1], wanted, strict=False):
            assert found[pair].dtype == want.dtype
            tolerance = 1.5e-3 if name == "transmission" else 1e-3  # scatter on a coarser grid
            torch.testing.assert_close(found[pair], want, atol=tolerance, rtol=1e-4, msg=f"{name} of pair {pair}")
        assert flat["empty"][pair].tolist() == [float(scan.cargo == KINDS.index("empty"))] * 2


def test_batches_depend_on_their_key_and_number_only(store):
    first, again, other = (samples(store).batches(3, [], key) for key in ((4, 0), (4, 0), (4, 1)))
    for _ in range(2):
        one, same, different = next(first), next(again), next(other)
        assert all(torch.equal(getattr(one, name), getattr(same, name)) for name in Batch._fields)
        assert not torch.equal(one.transmission, different.transmission)


def test_crops_are_drawn_from_where_training_samples_draws_them(store, scans, rng):
    """Shares of own concealments, mirrored crops and single energies; hard negatives show their place."""
    made = samples(store, own=0.25, single=0.5, hard=1.0, more=0.0)
    crops, items = made.drawn(4000, [(2, 100, 200)], rng)
    assert np.mean(crops.flip) == pytest.approx(0.5, abs=0.04)
    assert [np.mean(crops.single == side) for side in (0, 1)] == pytest.approx([0.25, 0.25], abs=0.04)
    at_home = (items.row + crops.row[items.crop] == store.row[items.hidden]) & (items.thick == 1)
    assert np.unique(items.crop[at_home]).size / 4000 == pytest.approx(0.25, abs=0.04)
    hard = np.setdiff1d(np.arange(4000), items.crop[at_home])
    assert (crops.scan[hard] == 2).all()
    assert ((crops.row[hard] <= 100) & (crops.row[hard] + CROP[0] > 100)).all()
    assert ((crops.column[hard] <= 200) & (crops.column[hard] + CROP[1] > 200)).all()


def test_a_share_of_samples_gets_more_concealments_and_of_these_again(store, rng):
    one, many = (samples(store, own=0.0, more=more).drawn(4000, [], rng)[1] for more in (0.0, 0.5))
    assert one.crop.size == 4000
    assert many.crop.size / 4000 == pytest.approx(2, abs=0.1)
    assert (np.diff(many.crop) >= 0).all()


def test_real_scans_get_little_noise_and_nobody_says_what_they_hold(scans, rng):
    real = [replace(scan, measured=True, cargo=-1, truth=replace(scan.truth, hidden=())) for scan in scans[:2]]
    made = samples(DeviceStore([*real, *scans], FAMILIES, CPU), own=0.0, measured=1.0, single=0.0)
    crops, items = made.drawn(6, [], rng)
    assert (crops.scan < 2).all()
    batch = made.batch(crops, items, np.arange(6), torch.Generator().manual_seed(3))
    assert set(batch.empty.tolist()) == {-1.0}
    assert set(batch.cargo.tolist()) == {-1}
    clean = torch.exp(-made.store.attenuation(crops, CROP))
    flipped = torch.where(torch.from_numpy(crops.flip).view(-1, 1, 1, 1), clean.flip(-1), clean)
    assert float((batch.transmission[1::2] - flipped).abs().max()) < 0.02


def test_a_whole_scan_is_measured_anew(store, scans, rng):
    made = samples(store)
    image = made.scanned(1, rng)
    assert image.shape == (1, *scans[1].truth.without.shape)
    assert float((image[0] - torch.exp(-torch.from_numpy(scans[1].truth.without.astype(np.float32)))).std()) < 0.05
    assert samples(store, energies=1).scanned(1, rng).shape[1] == 1


def test_crops_larger_than_a_scan_repeat_its_edge(scans):
    small = replace(scans[0], truth=replace(scans[0].truth, without=scans[0].truth.without[:, :100, :90]))
    store = DeviceStore([scans[1], small], FAMILIES, CPU)
    made = DeviceSamples(store, 0, SampleConfig(CROP), energies=2, seed=1, scanners=2)
    crops, _ = made.drawn(50, [], np.random.default_rng(5))
    pair = int(np.flatnonzero(crops.scan == 1)[0])
    found = store.attenuation(crops, CROP)[pair]
    np.testing.assert_array_equal(found, _cut(small.truth.without, 0, 0, CROP))


def test_samples_that_only_the_cores_make_are_refused(store):
    with pytest.raises(UsageError, match="expected enlarged = 1"):
        samples(store, enlarged=2.0)


def test_families_are_borders_where_nothing_is_concealed(store, rng):
    made = samples(store)
    crops, items = made.drawn(4, [], rng)
    batch = made.batch(crops, items, np.zeros(4, np.int64), torch.Generator())
    assert (batch.family[1::2] == BORDER).all()
    assert not batch.evidence[1::2].any()
    assert not batch.excess[1::2].any()


def test_a_tilted_picture_is_turned_as_training_samples_turns_it(waves):
    """To a hundredth of the range at edges of 0.4: OpenCV interpolates between 32 places of a pixel."""
    angles = torch.tensor([0.0, 0.06, -0.03])
    found = tilted(torch.from_numpy(waves)[None].repeat(3, 1, 1, 1), angles)
    for one, angle in zip(found.numpy(), angles.tolist(), strict=True):
        np.testing.assert_allclose(one, _tilted(waves, angle), atol=0.015)
        assert np.abs(one - _tilted(waves, angle)).mean() < 1e-3
    assert torch.equal(found[0], torch.from_numpy(waves))


def test_a_share_of_pictures_is_tilted_with_what_is_hidden_in_them(store, rng):
    made = samples(store, tilted=0.5, faulty=0.5, own=1.0)
    crops, _ = made.drawn(400, [], rng)
    assert np.mean(crops.angle != 0) == pytest.approx(0.5, abs=0.1)
    few, which = made.drawn(8, [], rng)
    batch = made.batch(few, which, np.arange(8), torch.Generator().manual_seed(1))
    covered = batch.evidence[0::2, 0] == 1
    assert (batch.family[0::2][covered] != BORDER).float().mean() > 0.9
    assert float(batch.excess[0::2, 0][covered].abs().mean()) > 3 * float(batch.excess[0::2, 0][~covered].abs().mean())
