"""Loads and things of no kind: within their space and their number, legal, reproducible, and none in older sets."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from test_simulate_generate import COARSE, files

from nii.errors import UsageError
from nii.io.scanset import read_set
from nii.simulate.cargo import arrangements
from nii.simulate.cargo.arrangements import MOST_PARTS, RULES, Means, unlisted
from nii.simulate.cargo.loads import CONTAINER_MM, PAYLOAD_KG, UNLISTED, draw_load
from nii.simulate.cargo.scenes import draw_cargo
from nii.simulate.contraband.concealments import draw_loose
from nii.simulate.contraband.shields import OVER, PLATES, THICK, shielded
from nii.simulate.render import freeform, textures
from nii.simulate.render.draws import Rng
from nii.simulate.render.freeform import Palette, anything, draw_palette, filled, thing
from nii.simulate.render.scene import Part, Scene, enclosing
from nii.simulate.render.shapes import Box, Cylinder
from nii.simulate.render.textures import PATTERNS
from nii.simulate.sets.generate import simulate_set
from nii.simulate.sets.scan import simulate
from nii.simulate.vehicle.body import BODIES
from nii.simulate.vehicle.build import draw_vehicle
from nii.simulate.vehicle.goods import fill_unlisted, hosts
from nii.simulate.vehicle.scenes import draw_vehicle_scene
from training.data import load_set

pytestmark = pytest.mark.slow

TIMES = 60
SPACE = Box((100.0, 6000.0), (-1150.0, 1150.0), (150.0, 2500.0))
NARROW = Box((0.0, 260.0), (-120.0, 120.0), (0.0, 240.0))
ROUNDING = 1e-3  # mm


def rng(seed: int = 0) -> Rng:
    return np.random.default_rng(seed)


def within(parts: list[Part], space: Box) -> bool:
    """Whether all solids have a size and lie in the space."""
    boxes = [part.shape.bounds for part in parts]
    sides = [(own, room) for b in boxes for own, room in ((b.x, space.x), (b.y, space.y), (b.z, space.z))]
    return all(r[0] - ROUNDING <= o[0] < o[1] <= r[1] + ROUNDING for o, r in sides)


@cache
def loads() -> tuple[tuple[Part, ...], ...]:
    return tuple(tuple(unlisted(rng(seed), SPACE)) for seed in range(TIMES))


@cache
def scenes() -> tuple[Scene, ...]:
    return tuple(draw_cargo(rng(seed), concealed=True, unlisted=0.5) for seed in range(TIMES))


# Older sets


@pytest.mark.parametrize(
    ("kind", "seed", "cargo", "load_kg", "darkness"),
    [
        ("cargo", 2001, "appliances", 3837.720717, 48968.341),
        ("cargo", 3001, "car", 938.407177, 60770.876),
        ("cargo", 4001, "bales", 1901.411494, 23856.192),
        ("vehicle", 2001, "commercial_goods", 93.143710, 906762.458),
        ("parcel", 2001, "jewellery+electronics+ceramics+seeds", 1.105729, 29122.478),
    ],
)
def test_scans_of_older_seeds_are_what_they_were(
    kind: str, seed: int, cargo: str, load_kg: float, darkness: float
) -> None:
    """Figures of commit b9663ea, before there were things of no kind: validation, calibration and test sets."""
    scan = simulate(kind, seed, 1, concealed=True, scanner=COARSE if kind == "cargo" else None)
    assert scan.cargo == cargo
    assert scan.load_kg == pytest.approx(load_kg, rel=1e-6)
    assert float(scan.truth.without.astype(float).sum()) == pytest.approx(darkness, rel=1e-5)


# Loads


def test_a_load_of_no_kind_stays_in_its_space_and_within_its_parts() -> None:
    for parts in loads():
        assert within(list(parts), SPACE)
        assert 1 <= len(parts) <= MOST_PARTS


def test_the_same_seed_draws_the_same_load_and_another_seed_another() -> None:
    again = [repr(unlisted(rng(seed), SPACE)) for seed in range(6)]
    assert again == [repr(list(parts)) for parts in loads()[:6]]
    assert len(set(again)) == 6


def test_a_load_of_no_kind_weighs_no_more_than_any_load_may() -> None:
    limit = PAYLOAD_KG * (SPACE.x[1] - SPACE.x[0]) / CONTAINER_MM
    masses = [sum(part.mass_kg for part in draw_load(rng(seed), UNLISTED, SPACE).parts) for seed in range(TIMES)]
    assert max(masses) < 1.05 * limit  # what keeps it in place comes on top
    assert min(masses) > 0


def test_loads_of_no_kind_differ_in_materials_densities_textures_and_forms() -> None:
    parts = [part for load in loads() for part in load if part.sign > 0]
    assert len({part.material for part in parts}) > 50
    assert {part.texture.pattern for part in parts if part.texture} == {*PATTERNS, *freeform.OLD_PATTERNS}
    assert {type(part.shape).__name__ for part in parts} == {
        "Box", "Cylinder", "Ellipsoid", "Mesh", "Oriented", "PrismX", "PrismY",
    }  # fmt: skip
    low, high = np.percentile([part.density for part in parts], [5, 95])
    assert low < 0.1
    assert high > 2


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("space", [SPACE, NARROW], ids=["wide", "narrow"])
def test_every_arrangement_stays_in_its_box_and_within_its_parts(
    rule: Callable[[Rng, Box, Means], list[Part]], space: Box
) -> None:
    for seed in range(12):
        for most in (3, 12, 150):
            parts = rule(rng(seed), space, Means(most, draw_palette(rng(seed))))
            assert parts
            assert len(parts) <= max(most, LEAST[rule.__name__])
            assert within(parts, space)


LEAST = {rule.__name__: 3 for rule in RULES} | {"row": 9, "layers": 9, "hanging": 3, "emptied": 9}
"""Parts that a rule may use when it is given fewer than one a cell."""


def test_arrangements_lie_within_each_other_no_deeper_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    deepest = []
    original = arrangements.arranged

    def watched(rng: Rng, box: Box, means: Means) -> list[Part]:
        deepest.append(means.levels)
        return original(rng, box, means)

    monkeypatch.setattr(arrangements, "arranged", watched)
    for seed in range(20):
        unlisted(rng(seed), SPACE)
    assert 0 <= min(deepest) < arrangements.DEEPEST - 1


# Things


@pytest.mark.parametrize("build", freeform.BUILDERS, ids=lambda build: build[0].__name__)
def test_every_thing_stays_in_its_box_and_within_its_parts(
    build: tuple[Callable[[Rng, Box, int, Palette], list[Part]], float, int],
) -> None:
    make, _, least = build
    for seed in range(25):
        for most in (least, 20):
            parts = make(rng(seed), NARROW, most, draw_palette(rng(seed)))
            assert 1 <= len(parts) <= most
            assert within(parts, NARROW)
            assert sum(part.mass_kg for part in parts) > 0


def test_what_is_taken_out_of_a_thing_was_there() -> None:
    for seed in range(40):
        parts = thing(rng(seed), NARROW, 12, draw_palette(rng(seed)))
        for hole in (part for part in parts if part.sign < 0):
            around = [p for p in parts if p.sign > 0 and (p.material, p.density) == (hole.material, hole.density)]
            assert any(within([hole], part.shape.bounds) for part in around)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_vessel_half_full_holds_half(axis: str) -> None:
    vessel = Cylinder((0.0, 0.0, 100.0), 100.0, 200.0, axis)
    half = filled(vessel, 0.5)
    assert half.volume_cm3 == pytest.approx(vessel.volume_cm3 / 2, rel=0.01)  # a polygon stands for the circle
    assert half.bounds.z == pytest.approx((0.0, 100.0), abs=0.4)


# Textures


@pytest.mark.parametrize("name", sorted(PATTERNS))
@pytest.mark.parametrize("shape", [(60, 90), (1, 1), (3, 200)])
def test_a_pattern_has_mean_0_and_variance_1_and_is_reproducible(name: str, shape: tuple[int, int]) -> None:
    first, again = (PATTERNS[name](rng(3), shape, (40.0, 25.0), (6.0, 6.0)) for _ in range(2))
    assert first.shape == shape
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert abs(first.mean()) < 1e-4
    if shape == (60, 90):
        assert first.std() == pytest.approx(1, abs=1e-3)


def test_finer_pixels_show_the_same_size_of_grain() -> None:
    """Size is in mm: at half the pitch a fractal's coarsest blobs cover twice the pixels."""
    coarse, fine = (textures.granules(rng(1), (n, n), (40.0, 40.0), (s, s)) for n, s in ((100, 8.0), (200, 4.0)))
    correlation = [float((f[:, :-d] * f[:, d:]).mean()) for f, d in ((coarse, 1), (fine, 2))]
    assert correlation[0] == pytest.approx(correlation[1], abs=0.12)


# Concealments


def test_things_of_no_kind_among_concealments_stand_on_the_floor_and_weigh_something() -> None:
    for seed in range(TIMES):
        parts = anything(rng(seed))
        assert enclosing(parts).z[0] == pytest.approx(0, abs=ROUNDING)
        assert sum(part.mass_kg for part in parts) > 0
        assert len(parts) <= 6 * 12


def test_a_shield_is_opaque_and_larger_than_what_lies_behind() -> None:
    thing_of_it = anything(rng(1))
    box = enclosing(thing_of_it)
    for seed in range(20):
        plates = shielded(rng(seed), thing_of_it)[len(thing_of_it) :]
        assert 1 <= len(plates) <= 2
        for plate in plates:
            own = plate.shape.bounds
            assert (plate.material, plate.density) in PLATES
            assert THICK[0] <= own.y[1] - own.y[0] <= THICK[1] + ROUNDING
            assert OVER[0] <= box.x[0] - own.x[0] <= OVER[1]
            assert own.z == (box.z[0], pytest.approx(own.z[1]))
            assert own.z[1] > box.z[1]
            assert own.y[1] < box.y[0] or own.y[0] > box.y[1]


def test_some_loose_things_are_shielded_and_most_are_not() -> None:
    drawn = [draw_loose(rng(seed), "bricks") for seed in range(200)]
    metal = [any(part.material in ("lead", "steel") for part in parts) for parts in drawn]
    assert 0.04 < np.mean(metal) < 0.2


# Scenes and sets


def test_scenes_mix_loads_of_no_kind_with_ordinary_ones() -> None:
    kinds = [set(scene.cargo.split("+")) for scene in scenes()]
    assert 0.3 < np.mean([UNLISTED in kind for kind in kinds]) < 0.75
    assert any(UNLISTED in kind and len(kind) > 1 for kind in kinds)
    assert len(set.union(*kinds)) > 10


def test_nothing_is_hidden_inside_a_shell_or_in_solid_metal() -> None:
    for seed in range(20):
        load = draw_load(rng(seed), UNLISTED, SPACE)
        hollow = {(part.material, part.density) for part in load.parts if part.sign < 0}
        hosts = [spot.host for spot in load.spots if spot.host]
        assert all((host.material, host.density) not in hollow and host.density < 2.5 for host in hosts)


def test_a_set_with_loads_of_no_kind_is_reproducible_and_its_load_is_unknown_to_training(tmp_path: Path) -> None:
    for name in ("first", "second"):
        list(
            simulate_set(
                "cargo", tmp_path / name, scans=4, concealed=0.5, seed=8, scanner=COARSE, unlisted=1.0, truth_only=True
            )
        )
    assert files(tmp_path / "first") == files(tmp_path / "second")
    entries = read_set(tmp_path / "first").entries
    assert {kind for entry in entries for kind in (entry.cargo or "").split("+")} == {UNLISTED}
    assert [clean.cargo for clean in load_set(tmp_path / "first", ("bulk", "cartons"), 6.0)] == [-1] * 4


def test_a_mixture_with_a_load_of_no_kind_is_no_example_of_the_other_one(tmp_path: Path) -> None:
    list(simulate_set("cargo", tmp_path, scans=1, concealed=0, seed=8, scanner=COARSE, truth_only=True))
    path = tmp_path / "annotations.json"
    table = json.loads(path.read_bytes())
    for cargo, label in (("cartons", 1), ("cartons+unlisted", -1), ("bulk+cartons", -1), ("unlisted", -1)):
        table["images"][0]["cargo"] = cargo
        path.write_text(json.dumps(table))
        assert load_set(tmp_path, ("bulk", "cartons"), 6.0)[0].cargo == label


@pytest.mark.parametrize(
    ("kind", "share", "held_out"), [("cargo", 1.5, False), ("parcel", float("nan"), False), ("cargo", 0.3, True)]
)
def test_an_impossible_share_is_refused_in_one_line(kind: str, share: float, held_out: bool, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"unlisted: expected 0 to {0 if held_out else 1}, came {share}"):
        list(simulate_set(kind, tmp_path / "set", scans=1, concealed=0, seed=1, held_out=held_out, unlisted=share))
    assert not (tmp_path / "set").exists()


def test_one_scan_of_a_kind_that_has_none_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unlisted: expected 0 for this kind of scene, came 0\.5"):
        simulate("cargo", 1, 1, concealed=False, held_out=True, unlisted=0.5)


# Vehicles


def test_goods_of_no_kind_stay_in_the_rooms_of_a_vehicle_and_below_its_payload() -> None:
    for seed in range(18):
        vehicle = draw_vehicle(rng(seed), tuple(BODIES)[seed % len(BODIES)])
        for room in (vehicle.rooms["boot"], vehicle.rooms["front seat"]):
            parts = fill_unlisted(rng(seed), room, share=0.2 + 0.04 * seed, most_kg=80)
            assert within(parts, room)
            assert 0 < sum(part.mass_kg for part in parts) <= 80 * (1 + 1e-9)
            assert len(parts) <= MOST_PARTS


def test_vehicles_mix_goods_of_no_kind_with_ordinary_ones_and_hide_nothing_in_a_shell() -> None:
    scenes = [draw_vehicle_scene(rng(seed), concealed=True, unlisted=0.6) for seed in range(24)]
    kinds = [set(scene.cargo.split("+")) for scene in scenes]
    assert any(UNLISTED in kind for kind in kinds)
    assert any(UNLISTED not in kind and "empty" not in kind for kind in kinds)
    shell = Part(SPACE, "cotton", 0.5)
    assert hosts([shell]) == [shell]
    assert hosts([shell, Part(freeform.inset(SPACE, 20), "cotton", 0.5, -1)]) == []


def test_a_vehicle_of_goods_of_no_kind_can_be_scanned() -> None:
    scans = (simulate("vehicle", 1, index, concealed=False, unlisted=1.0) for index in range(10))
    found = next(scan for scan in scans if scan.cargo == UNLISTED)
    assert found.load_kg > 0
    assert np.isfinite(found.expected).all()
