"""Threat image projection: what is put in, where it is put, and the noise that it leaves."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from nii.errors import ScanError, UsageError
from nii.physics.forward import attenuation_curve, linac_beam
from nii.physics.mass import excess_mass
from nii.physics.noise import NoiseModel, apply, draw, variance
from nii.scan import Kind, Scan
from nii.simulate.contraband.concealments import LOOSE
from nii.simulate.scanner.presets import PRESETS
from nii.simulate.sets.scan import simulate
from nii.simulate.tip import transmission as tip
from nii.simulate.tip.transmission import draw_place, estimated_noise, insert, layer_excess_on

pytestmark = pytest.mark.slow

BEAMS = (linac_beam(4.0), linac_beam(6.0))
QUIET = NoiseModel(photons=1e9, electronic=0, scatter=0, row_gain=0, pulse_jitter=0, blur=0)
PITCH = (9.0, 9.0)
PRESET = replace(PRESETS["portal-6mv"], pitch_mm=PITCH, noise=QUIET)


@cache
def benign(index: int = 1, *, noise: NoiseModel = QUIET) -> Scan:
    """A simulated scan with nothing concealed; by default all but free of noise."""
    scan = simulate("cargo", 2, index, concealed=False, scanner=replace(PRESET, noise=noise))
    return Scan(transmission=scan.measured, energies=("4MV", "6MV"), pitch_mm=PITCH)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_random_numbers_give_the_same_bytes_and_others_another_scan() -> None:
    (first, one), (again, other) = (insert(benign(), rng(3)) for _ in range(2))
    assert first.transmission.tobytes() == again.transmission.tobytes()
    assert one.excess.tobytes() == other.excess.tobytes()
    assert (one.family, one.mass_kg, one.row, one.column) == (other.family, other.mass_kg, other.row, other.column)
    assert insert(benign(), rng(4))[0].transmission.tobytes() != first.transmission.tobytes()


@pytest.mark.parametrize("family", sorted(LOOSE))
def test_every_loose_family_can_be_put_in_and_changes_its_box_only(family: str) -> None:
    before = benign()
    after, hidden = insert(before, rng(1), family)
    assert hidden.family == family
    assert hidden.mask.any()
    assert hidden.excess.shape == (2, *hidden.mask.shape)
    assert hidden.excess.min() > -1e-5
    assert hidden.dprime > 0
    assert family in after.notes[-1]
    changed = (after.transmission != before.transmission).any(axis=0)
    assert changed.any()
    rows, columns = (
        slice(at, at + size) for at, size in zip((hidden.row, hidden.column), hidden.mask.shape, strict=True)
    )
    changed[rows, columns] = False
    assert not changed.any()
    assert before.notes == ()


@pytest.mark.parametrize(("family", "kg"), [("bricks", 12.0), ("bulk_bag", 30.0), ("jerrycans", 60.0)])
def test_the_wanted_mass_is_put_in_and_found_again_by_physics(family: str, kg: float) -> None:
    """Within 4 %: rays rise by up to 0.2, which lengthens paths by 2 %, and a background is taken for one material."""
    found = []
    for seed in range(3):
        after, hidden = insert(benign(), rng(seed), family, kg, noise=QUIET)
        assert hidden.mass_kg == pytest.approx(kg)
        box = np.s_[
            :, hidden.row : hidden.row + hidden.mask.shape[0], hidden.column : hidden.column + hidden.mask.shape[1]
        ]
        T = np.maximum(after.transmission[box], 1e-4)
        mass = excess_mass(hidden.excess, hidden.mask, T, pitch_mm=PITCH, beams=BEAMS, noise=QUIET)
        found.append(mass.kg)
        change = np.log(np.maximum(benign().transmission[box], 1e-4) / T)
        light = T.min(axis=0) > 1e-3
        assert np.quantile(np.abs(change - hidden.excess)[:, light], 0.995) < 0.01
    assert np.median(found) == pytest.approx(kg, rel=0.04)


def test_a_layer_behind_steel_adds_what_the_hardened_beam_feels() -> None:
    steel = np.full((2, 4, 5), 1, np.float32)
    steel *= np.array([float(attenuation_curve("steel", 100, beam)) for beam in BEAMS], np.float32)[:, None, None]
    layer = {"steel": np.full((4, 5), 10, np.float32)}
    added = layer_excess_on(steel, layer, BEAMS)[:, 0, 0]
    exact = [float(attenuation_curve("steel", 110, beam) - attenuation_curve("steel", 100, beam)) for beam in BEAMS]
    np.testing.assert_allclose(added, exact, rtol=2e-3)
    in_air = layer_excess_on(np.zeros_like(steel), layer, BEAMS)[:, 0, 0]
    assert (added < 0.97 * in_air).all()


def test_the_material_behind_is_told_by_the_two_energies() -> None:
    """Behind water the beam is hardened less than behind steel of the same attenuation at 6 MV."""
    water = np.stack([np.full((3, 3), attenuation_curve("water", 60, beam), np.float32) for beam in BEAMS])
    layer = {"lead": np.full((3, 3), 5, np.float32)}
    exact = []
    for beam in BEAMS:
        both = tip.transmission(np.array([[[60.0]], [[5.0]]], np.float32), ["water", "lead"], [beam])
        exact.append(-np.log(both[0, 0, 0]) - float(attenuation_curve("water", 60, beam)))
    np.testing.assert_allclose(layer_excess_on(water, layer, BEAMS)[:, 1, 1], exact, rtol=0.01)


def test_the_noise_behind_a_layer_is_that_of_what_is_left_of_the_signal() -> None:
    """Variance within 3 % of the model's; multiplying alone would leave a fifth of it."""
    noise = NoiseModel(photons=2e4, electronic=8, scatter=0, row_gain=0, pulse_jitter=0, blur=0)
    T = np.full((1, 200, 300), 0.4, np.float32)
    measured = apply(T, noise, draw(T.shape, noise, rng()))
    excess = np.full((1, 150, 200), 1.6, np.float32)
    box = (slice(20, 170), slice(30, 230))
    after = tip._multiplied(measured, T, box, excess, noise, rng(1))
    left = T[:, *box] * np.exp(-excess)
    assert after.mean() == pytest.approx(left.mean(), rel=2e-3)
    assert after.var() == pytest.approx(float(variance(left, noise).mean()), rel=0.03)
    assert (measured[:, *box] * np.exp(-excess)).var() < 0.3 * after.var()


def test_dead_detectors_stay_dead_and_scatter_stays_behind_an_opaque_thing() -> None:
    noise = replace(QUIET, scatter=0.02)
    T = np.full((1, 60, 60), 0.5, np.float32)
    measured = T.copy()
    measured[:, 30] = 0
    after = tip._multiplied(
        measured, T, (slice(20, 40), slice(20, 40)), np.full((1, 20, 20), 9, np.float32), noise, rng()
    )
    assert (after[:, 10] == 0).all()
    np.testing.assert_allclose(after[:, 0], 0.5 * 0.02 / 1.02, rtol=0.05)


def test_the_dose_is_read_off_the_scan() -> None:
    noise = replace(QUIET, photons=4e4, compound=2.4, electronic=3)
    found = estimated_noise(benign(noise=noise), BEAMS)
    assert found.photons / found.compound == pytest.approx(4e4 / 2.4, rel=0.15)  # independent quanta


def box_with(goods: tuple[slice, slice]) -> np.ndarray:
    """Attenuation of a bare box of 60 x 100 pixels in air, with goods somewhere in it."""
    attenuation = np.zeros((80, 120), np.float32)
    attenuation[10:70, 10:110] = 0.15
    attenuation[goods] = 2.0
    return attenuation


def test_a_thing_is_put_among_goods_or_on_them_and_never_into_air() -> None:
    goods = (slice(45, 70), slice(20, 60))
    places = [draw_place(rng(seed), box_with(goods), (14, 16)) for seed in range(60)]
    among = [row for row, column in places if row >= 43 and 18 <= column <= 46]
    on = [row for row, _ in places if row not in among]
    assert len(among) > 20
    assert len(on) > 10
    lower = {row + 14 - tip.MARGIN for row in on}  # edge of the thing, without the margin
    assert lower <= set(range(45 - 1, 45 + tip.SUPPORT + 1)), "it touches the goods, at most a little sunken"
    for row, column in places:  # without the margin it lies within the box
        assert 10 <= row + tip.MARGIN <= 70 - 14 + 2 * tip.MARGIN
        assert 10 <= column + tip.MARGIN <= 110 - 16 + 2 * tip.MARGIN


def test_without_goods_it_lies_in_the_object() -> None:
    bare = box_with((slice(0, 0), slice(0, 0)))
    for seed in range(20):
        row, column = draw_place(rng(seed), bare, (14, 16))
        assert (bare[row : row + 14, column : column + 16] > 0).mean() > 0.84  # its margin may be in air


def test_one_energy_and_a_scan_that_knows_neither_pitch_nor_energies_will_do() -> None:
    low, high = benign().transmission
    for planes, energies in ((high[None], 1), (np.stack([low, high]), 2)):
        after, hidden = insert(Scan(transmission=planes), rng(2), "bricks", 5.0)
        assert len(after.transmission) == energies
        assert hidden.excess.shape[0] == energies
        assert hidden.mask.sum() * 0.36 / 1e4 < 1.5  # m2, at the 6 mm that are taken


def test_a_parcel_gets_a_thing_of_a_parcel() -> None:
    scan = simulate("parcel", 2, 0, concealed=False, scanner=PRESETS["parcel-160kv"])
    _, hidden = insert(Scan(transmission=scan.measured, energies=scan.scanner.energies, pitch_mm=(1.0, 1.0)), rng(1))
    assert hidden.mass_kg < 3.01


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"family": "false_wall"}, UsageError, "family: expected one of bricks"),
        ({"mass_kg": 0.0}, UsageError, "mass: expected kg above 0, came 0"),
        ({"mass_kg": float("nan")}, UsageError, "mass: expected kg above 0, came nan"),
        ({"mass_kg": 1e6, "family": "bricks"}, UsageError, "expected a bricks that fits into the scan"),
        ({"kind": Kind.OPERATOR_IMAGE}, ScanError, "expected a transmission scan of one or two energies"),
        ({"planes": 3}, ScanError, "expected a transmission scan of one or two energies, came 3"),
        ({"energies": ("5GeV", "6GeV")}, ScanError, "expected energies such as 4MV"),
        ({"air": True}, ScanError, "came only air"),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(change: dict[str, object], error: type, message: str) -> None:
    planes = np.ones((2, 64, 64), np.float32) if change.get("air") else benign().transmission
    if change.get("planes"):
        planes = np.repeat(planes[:1], 3, axis=0)
    scan = Scan(
        transmission=planes,
        kind=change.get("kind", Kind.TRANSMISSION),
        energies=change.get("energies", ()),
        pitch_mm=PITCH,
    )
    with pytest.raises(error, match=message) as caught:
        insert(scan, rng(), change.get("family"), change.get("mass_kg"))
    assert "\n" not in str(caught.value)
