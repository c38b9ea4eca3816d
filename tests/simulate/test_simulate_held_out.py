"""The held-out world: other loads, conveyances and scanners, the same truth; never to train on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nii.errors import ScanSetError, UsageError
from nii.io.scanset import read_set
from nii.physics.beams import standard_beams
from nii.physics.forward import beam_key, stored_beams
from nii.simulate.cargo import loads
from nii.simulate.cargo.scenes import draw_cargo
from nii.simulate.conveyance import draw as conveyances
from nii.simulate.held_out.conveyances import draw_held_out_conveyance
from nii.simulate.held_out.forms import MOST_PARTS, bar
from nii.simulate.held_out.scanners import draw_held_out_scanner
from nii.simulate.held_out.scenes import BUILDERS, HS_CHAPTERS, draw_held_out
from nii.simulate.render.scene import Part, enclosing
from nii.simulate.render.shapes import Box
from nii.simulate.scanner.presets import PRESETS, draw_scanner
from nii.simulate.sets.generate import simulate_set
from nii.simulate.sets.kinds import FAMILIES, HELD_OUT
from nii.simulate.sets.scan import Simulated, simulate
from training.data import load_set
from training.pipeline import make_model
from training.recipe import Recipe

pytestmark = pytest.mark.slow

COARSE = replace(PRESETS["portal-6mv"], pitch_mm=(40.0, 40.0))
ROOMS = (1600.0, 5700.0, 12_000.0)  # mm: half of a short room, and whole ones


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def room(length: float) -> Box:
    return Box((90.0, 90.0 + length), (-1150.0, 1150.0), (400.0, 2500.0))


def outside(parts: list[Part], space: Box) -> list[Part]:
    """Parts that stick out of the space by more than 1 mm."""
    bounds = [(part, part.shape.bounds) for part in parts]
    sides = ("x", "y", "z")
    return [
        part
        for part, box in bounds
        if any(getattr(box, s)[0] < getattr(space, s)[0] - 1.01 for s in sides)
        or any(getattr(box, s)[1] > getattr(space, s)[1] + 1.01 for s in sides)
    ]


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished set of four scans of the held-out world."""
    path = tmp_path_factory.mktemp("sets") / "held-out"
    list(simulate_set("cargo", path, scans=4, concealed=0.5, seed=5, scanner=COARSE, held_out=True))
    return path


# Loads


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_a_load_lies_within_its_space_and_is_of_bounded_size(kind: str) -> None:
    for length in ROOMS:
        for seed in range(3):
            parts = BUILDERS[kind](rng(seed), room(length))
            assert parts
            assert not outside(parts, room(length))
            assert len(parts) < 1.25 * MOST_PARTS  # thinned at random, thing by thing


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_a_load_keeps_to_the_payload(kind: str) -> None:
    for seed in range(3):
        load = loads.built_load(rng(seed), kind, BUILDERS[kind], room(5900))
        assert load.kind == kind
        assert load.spots
        goods = sum(part.mass_kg for part in load.parts)
        assert 20 < goods < loads.PAYLOAD_KG + 500  # straps and dunnage come on top


def test_too_heavy_goods_are_made_lighter() -> None:
    iron = loads.built_load(rng(1), "iron", lambda _, space: [Part(space, "steel", 7.85)], room(5900))
    assert iron.parts[0].mass_kg == pytest.approx(loads.PAYLOAD_KG)


def test_the_held_out_world_shares_no_load_and_no_conveyance_with_training() -> None:
    assert set(BUILDERS) == set(HS_CHAPTERS)
    assert not set(BUILDERS) & set(loads.KINDS)
    kinds = {draw_held_out_conveyance(rng(seed)).kind for seed in range(12)}
    assert kinds == {"open-top", "swap-body"}
    assert not kinds & set(conveyances.SHARES)
    assert set(HELD_OUT["cargo"].families) <= set(FAMILIES)


def test_a_bar_is_as_long_and_thick_as_asked_for() -> None:
    """A 3-4-5 triangle: 500 mm by 20 mm by 10 mm of steel is 785 g."""
    one = bar((0.0, 0.0), (300.0, 400.0), 20, (0.0, 10.0), ("steel", 7.85))
    assert one.mass_kg == pytest.approx(0.785)


# Conveyances, scenes, scanners


def test_rooms_and_cavities_lie_within_the_conveyance() -> None:
    for seed in range(12):
        one = draw_held_out_conveyance(rng(seed))
        assert {"beam", "floor", "front", "door"} <= set(one.cavities)
        for inner in (*one.rooms, *(c.shape.bounds for name in ("beam", "floor") for c in one.cavities[name])):
            assert not outside([Part(inner, "water", 1.0)], one.outside)
        assert enclosing(one.parts).x[0] <= one.outside.x[0] + 1


def test_a_concealment_of_any_way_is_in_view() -> None:
    for seed in range(30):
        scene = draw_held_out(rng(seed), concealed=True)
        assert scene.concealments
        for concealment in scene.concealments:
            assert concealment.family in FAMILIES
            assert concealment.mass_kg > 0
            assert not outside([Part(enclosing(concealment.parts), "water", 1.0)], replace(scene.extent, y=(-1e4, 1e4)))
    assert not draw_held_out(rng(0), concealed=False).concealments


def test_most_scanners_are_beyond_the_range_of_the_usual_ones() -> None:
    usual = [draw_scanner(rng(seed)) for seed in range(60)]
    drawn = [draw_held_out_scanner(rng(seed)) for seed in range(60)]
    lowest, highest = (f([one.pitch_mm[0] for one in usual]) for f in (min, max))
    assert all(one.pitch_mm[0] < lowest or one.pitch_mm[0] > highest for one in drawn)
    assert any(one.noise.bits == 8 for one in drawn)
    assert min(one.noise.photons for one in drawn) < 1e4
    heights = [one.source_height for one in drawn]
    assert min(heights) < 0
    assert max(heights) > 3000
    assert {one.energies for one in drawn} == {("4MV", "6MV")}
    assert standard_beams(drawn[0].energies) is not None
    filters = {one.channels[0].copper for one in drawn} - {one.channels[0].copper for one in usual}
    assert filters == {0.0, 9.0}


def test_no_one_waits_for_an_optimiser_while_a_scan_is_simulated() -> None:
    for seed in range(20):
        for channel in draw_held_out_scanner(rng(seed)).channels:
            key = beam_key(channel.name, "CdWO4", channel.detector_mm, (("copper", channel.copper),))
            assert key in stored_beams()


# Sets


def same(one: Simulated, other: Simulated) -> bool:
    return one.measured.shape == other.measured.shape and bool((one.measured == other.measured).all())


def test_the_same_arguments_give_the_same_scan_and_the_two_worlds_differ() -> None:
    first, again = (simulate("cargo", 5, 1, concealed=True, scanner=COARSE, held_out=True) for _ in range(2))
    assert same(first, again)
    np.testing.assert_array_equal(first.truth.without, again.truth.without)
    assert not same(first, simulate("cargo", 5, 1, concealed=True, scanner=COARSE))


def test_only_what_has_a_held_out_world_can_be_asked_for_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="held-out kind of scene: expected one of cargo, came parcel"):
        list(simulate_set("parcel", tmp_path / "p", scans=1, concealed=0, seed=1, held_out=True))
    assert not (tmp_path / "p").exists()


def test_a_set_says_that_it_is_held_out_and_what_it_holds(held_out: Path) -> None:
    found = json.loads((held_out / "annotations.json").read_text())
    assert found["info"]["held_out"] is True
    assert all(kind in BUILDERS for image in found["images"] for kind in image["cargo"].split("+"))
    assert all(len(image["hs_chapters"]) == len(image["cargo"].split("+")) for image in found["images"])
    assert (len(read_set(held_out).benign), len(read_set(held_out).concealed)) == (2, 2)


def test_an_unfinished_set_goes_on_only_in_its_own_world(tmp_path: Path) -> None:
    steps = simulate_set("cargo", tmp_path / "set", scans=3, concealed=0, seed=5, scanner=COARSE, held_out=True)
    while next(steps) < 1:
        pass
    with pytest.raises(UsageError, match="expected the held_out of the unfinished set"):
        list(simulate_set("cargo", tmp_path / "set", scans=3, concealed=0, seed=5, scanner=COARSE))


def test_training_refuses_a_held_out_set(held_out: Path, tmp_path: Path) -> None:
    message = "held-out: expected a set to learn from, came one of held-out kinds"
    with pytest.raises(ScanSetError, match=message):
        load_set(held_out, tuple(BUILDERS), 6.0)
    with pytest.raises(ScanSetError, match=message):
        make_model(Recipe("cargo", "cargo"), tmp_path / "run", [held_out], [], version="0", resume=False)
    (held_out / "truth").rename(held_out / "apart")  # as a set of the user's own it would be read otherwise
    try:
        with pytest.raises(ScanSetError, match=message):
            make_model(Recipe("cargo", "cargo"), tmp_path / "run", [held_out], [], version="0", resume=False)
    finally:
        (held_out / "apart").rename(held_out / "truth")


# What is older


@pytest.mark.parametrize(
    ("seed", "concealed", "mean"),
    [(3, True, 3636.196567997164), (9, False, 3627.85518364983), (2001, False, 6500.351460537282)],
)
def test_the_usual_world_draws_what_it_drew_before(seed: int, concealed: bool, mean: float) -> None:
    """Mean positions of all parts, mm, as drawn before the held-out world was there."""
    scene = draw_cargo(rng(seed), concealed=concealed)
    where = np.mean([sum(part.shape.bounds.x) / 2 for part in (*scene.load, *scene.conveyance)])
    assert where == pytest.approx(mean, abs=1e-6)
