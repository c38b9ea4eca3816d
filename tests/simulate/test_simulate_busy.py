"""Busy parcels: things in detail, swarms of solids, packing, broader concealments, what nobody could tell; old sets."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from test_simulate_parcel import COARSE, within

from nii.physics.materials import MATERIALS
from nii.scan import FloatArray
from nii.simulate.cargo.loads import UNLISTED
from nii.simulate.parcel import arms, busy, circuits, fittings, remedies, soft_goods
from nii.simulate.parcel.gathering import gathered, swarm
from nii.simulate.parcel.goods import GOODS
from nii.simulate.parcel.hides import BROAD, LIGHTEST, LOOSE_HOST, POWDER, hide
from nii.simulate.parcel.items import Item, block, moved
from nii.simulate.parcel.packing import lay
from nii.simulate.parcel.scenes import HEAVIEST_KG, draw_parcel, draw_scene
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Concealment, Part, Spot, areal_densities, enclosing
from nii.simulate.render.shapes import Box, Cylinder, Ellipsoid, Shape, View
from nii.simulate.sets.generate import simulate_set
from nii.simulate.sets.scan import ALIKE, alike, simulate

pytestmark = pytest.mark.slow

VIEW = View(np.arange(-150, 150, 1.0), np.arange(250, -50, -1.0), -850.0, 300.0)
MAKERS: dict[str, Callable[[Rng], Item]] = {
    maker.__name__: maker for maker in (*busy.SOFT, *busy.SMALL, *busy.ELECTRICAL, *busy.DAILY, busy.no_kind)
}
ROUNDING = 0.02  # mm of a way of up to 130 mm in float32


def rng(*seed: int) -> Rng:
    return np.random.default_rng(seed)


def picture(parts: list[Part]) -> dict[str, FloatArray]:
    return areal_densities(parts, VIEW)


# Swarms


def solids(form: str, count: int = 40) -> list[Shape]:
    """Solids of one form, upright and turned any way, thick and long."""
    draw = rng(len(form))
    found: list[Shape] = []
    for i in range(count):
        a, b, c = (float(side) for side in draw.uniform(1, 25, 3))
        one: Shape = {
            "box": Box((-a, a), (-b, b), (-c, c)),
            "cylinder": Cylinder((1, 2, 3), a / 4, 4 * b, "xyz"[i % 3]),
            "ellipsoid": Ellipsoid((0, 0, 0), (a, b, c)),
        }[form]
        at = draw.uniform((-120, -100, 20), (120, 100, 200))
        axes = np.linalg.qr(draw.normal(size=(3, 3)))[0]
        found.append(one.oriented(axes, at) if i % 3 else one.shifted((float(at[0]), float(at[1]), float(at[2]))))
    return found


@pytest.mark.parametrize("form", ["box", "cylinder", "ellipsoid"])
def test_a_swarm_is_the_sum_of_its_solids(form: str) -> None:
    shapes = solids(form)
    weights = rng(1).uniform(-1, 2, len(shapes)).tolist()
    one_by_one = np.zeros((VIEW.z.size, VIEW.x.size))
    for shape, weight in zip(shapes, weights, strict=True):
        patch = shape.path(VIEW)
        one_by_one[patch.rows, patch.columns] += weight * patch.path
    whole = swarm(shapes, weights)
    patch, together = whole.path(VIEW), np.zeros_like(one_by_one)
    together[patch.rows, patch.columns] = patch.path
    assert np.abs(together - one_by_one).max() < ROUNDING
    assert whole.volume_cm3 == pytest.approx(sum(w * s.volume_cm3 for w, s in zip(weights, shapes, strict=True)))
    around = enclosing([Part(shape, "steel", 1.0) for shape in shapes])
    assert within(around, whole.bounds)
    assert within(whole.bounds, around)


@pytest.mark.parametrize(
    "move", [lambda s: s.shifted((5.0, -3.0, 8.0)), lambda s: s.turned(), lambda s: s.mirrored("x", 4.0)]
)
def test_a_swarm_moves_as_its_solids_do(move: Callable[[Shape], Shape]) -> None:
    shapes = solids("cylinder", 8)
    together = picture([Part(move(swarm(shapes, [2.0] * 8)), "steel", 1.0)])["steel"]
    one_by_one = picture([Part(move(shape), "steel", 2.0) for shape in shapes])["steel"]
    assert np.abs(together - one_by_one).max() < ROUNDING


def test_a_swarm_out_of_the_picture_shows_nothing() -> None:
    far = swarm([shape.shifted((5000.0, 0.0, 0.0)) for shape in solids("box", 4)], [1.0] * 4)
    assert far.path(VIEW).path.size == 0


def test_gathered_things_weigh_and_look_as_before_and_have_fewer_parts() -> None:
    item = circuits.gadget(rng(3))
    one = gathered(item)
    assert len(one.parts) < len(item.parts) / 2
    assert sum(p.mass_kg for p in one.parts) == pytest.approx(sum(p.mass_kg for p in item.parts))
    before, after = (picture([moved(p, np.eye(3), (0, 0, 60)) for p in which.parts]) for which in (item, one))
    assert before.keys() == after.keys()
    for material, layer in before.items():
        assert np.abs(layer - after[material]).max() < 1e-2, material


# Things


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_a_thing_has_a_size_a_mass_and_a_number_of_parts_that_a_parcel_can_hold(name: str) -> None:
    for seed in range(6):
        item = MAKERS[name](rng(seed))
        mass = sum(part.mass_kg for part in item.parts)
        assert 1e-5 < mass < 9, f"{name} of seed {seed}: {mass} kg"
        assert min(item.size) > 0
        assert max(item.size) < 560
        assert len(item.parts) <= 400
        assert len(gathered(item).parts) <= 60
        assert all(part.material in MATERIALS and part.density > 0 for part in item.parts)
        again = MAKERS[name](rng(seed))
        assert again.bounds == item.bounds
        for spot in item.spots:
            assert within(spot.box, Box(*((a - 2, b + 2) for a, b in (item.bounds.x, item.bounds.y, item.bounds.z))))


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_no_thing_is_hollower_than_it_is_thick(name: str) -> None:
    """What is taken out of a solid lies in it, so that little is below zero anywhere."""
    item = MAKERS[name](rng(11))
    layers = picture([moved(part, np.eye(3), (0, 0, 60)) for part in gathered(item).parts])
    for material, layer in layers.items():
        assert layer.min() > -0.3 * max(layer.max(), 0.1), material


def test_a_zip_has_teeth_at_its_pitch() -> None:
    line = [(-40.0, 0.0, 20.0), (40.0, 0.0, 20.0)]
    teeth = fittings.row_of_teeth(line, 8.0, (4.0, 5.0, 2.0), "brass", 8.0)
    assert teeth.mass_kg == pytest.approx(10 * 4 * 5 * 2 * 8.0 / 1e6)
    row = picture([teeth])["brass"].max(axis=0)[115:180]
    assert (np.diff((row > row.max() / 2).astype(int)) == 1).sum() == pytest.approx(65 / 8, abs=1)


# Parcels


def test_busy_things_stay_within_mass_and_number() -> None:
    counts = []
    for seed in range(12):
        items = busy.draw_busy(rng(seed))
        counts.append(len(items))
        assert 0 < sum(part.mass_kg for item in items for part in item.parts) < busy.HEAVIEST_KG
        assert sum(len(item.parts) for item in items) <= busy.MOST_PARTS
    assert max(counts) > 20
    assert max(counts) <= busy.COUNT[1]


def test_a_busy_parcel_holds_its_goods_and_weighs_what_parcels_weigh() -> None:
    held = []
    for seed in range(8):
        parcel = draw_parcel(rng(seed), UNLISTED)
        goods = parcel.parts[len(parcel.package.parts) :]
        held.append(len(goods))
        assert parcel.kind == UNLISTED
        assert 0.05 < sum(part.mass_kg for part in parcel.parts) < HEAVIEST_KG + 5
        assert all(within(part.shape.bounds, parcel.package.inside) or part.sign < 0 for part in goods)
    assert np.median(held) > 40


def test_what_is_soft_is_laid_in_the_box_and_what_is_larger_is_not() -> None:
    room = Box((0, 100), (0, 80), (5, 50))
    for seed in range(20):
        item = lay(rng(seed), Item((Part(block((70, 30, 20)), "cotton", 0.2),), soft=True), room)
        assert item is not None
        assert within(item.bounds, room)
    assert lay(rng(0), Item((Part(block((120, 90, 20)), "cotton", 0.2),), soft=True), room) is None


@pytest.mark.parametrize("family", sorted({*BROAD, POWDER}))
def test_a_broad_concealment_lies_in_its_busy_parcel(family: str) -> None:
    for seed in range(4):
        parcel = draw_parcel(rng(seed, 5), UNLISTED, family, broad=True)
        found = parcel.concealment
        assert found is not None
        assert LIGHTEST / 2 < found.mass_kg < 9
        assert within(enclosing(found.parts), parcel.package.inside)
        assert len(found.parts) < 60


def test_no_powder_in_solid_metal_stone_or_glass() -> None:
    """A plate of steel and a bag of sugar: only the bag can take it, each of 30 times."""
    steel, sugar = (Part(block((90, 60, h)), *stuff) for h, stuff in ((8, ("steel", 7.8)), (30, ("sugar", 0.85))))
    items = [Item((part,), (Spot(part.shape.bounds, part),)) for part in (steel, sugar)]
    for seed in range(30):
        (gone,) = next(item for item in hide(rng(seed), POWDER, items, broad=True) if item.hidden).displaced
        assert gone.material == "sugar"
        assert gone.density < LOOSE_HOST
    plain = {next(i for i in hide(rng(s), POWDER, items) if i.hidden).displaced[0].material for s in range(30)}
    assert plain == {"steel", "sugar"}


def test_a_pistol_has_a_trigger_guard_that_one_sees_through() -> None:
    for seed in range(40):
        draw = rng(seed)
        draw.uniform(7.6, 7.9), draw.integers(3), draw.uniform(0.8, 1.08)
        if draw.choice(3, p=arms.SHARES) == 0:
            break
    parts = arms.firearm(rng(seed))
    lying = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]])
    total = sum(picture([moved(part, lying, (-90, 0, 0)) for part in parts]).values())
    count, _, found, _ = cv2.connectedComponentsWithStats((total < 0.01).astype(np.uint8))  # g/cm2: air
    assert count > 2  # no air, air around, air within
    assert sorted(found[1:, cv2.CC_STAT_AREA])[-2] > 150  # pixels of 1 mm2
    assert 0.3 < sum(part.mass_kg for part in parts) < 2.5


# Scenes, scans and sets


def test_the_share_of_busy_parcels_is_what_was_asked_for() -> None:
    kinds = [k for s in range(25) for k in draw_scene(rng(s), concealed=False, unlisted=0.5).cargo.split("+")]
    assert 0.2 < np.mean([kind == UNLISTED for kind in kinds]) < 0.7  # several in a scene are named once
    assert {UNLISTED} == set(draw_scene(rng(1), concealed=True, unlisted=1.0).cargo.split("+"))
    assert {*kinds} - {UNLISTED} <= {*GOODS, "empty"}


@pytest.mark.parametrize(
    ("seed", "cargo", "load_kg", "darkness"),
    [
        (2011, "watches+leather", 0.18085179, 14209.267),
        (3011, "shoes+car_parts", 0.755222, 27933.600),
        (4011, "instruments+food", 1.173648, 39068.497),
    ],
)
def test_parcels_of_older_seeds_are_what_they_were(seed: int, cargo: str, load_kg: float, darkness: float) -> None:
    """Figures of commit b9663ea, before there were busy parcels: training, validation and test sets."""
    scan = simulate("parcel", seed, 3, concealed=True)
    assert scan.cargo == cargo
    assert scan.load_kg == pytest.approx(load_kg, rel=3e-6)
    assert float(scan.truth.without.astype(float).sum()) == pytest.approx(darkness, rel=1e-5)


def test_busy_parcels_are_darker_and_more_detailed() -> None:
    """Medians over 12 scans: real luggage is about twice as dark as parcels without them."""
    dark, fine = [], []
    for share in (0.0, 1.0):
        scans = [simulate("parcel", 5, i, concealed=False, scanner=COARSE, unlisted=share) for i in range(12)]
        values = [scan.truth.without[0] for scan in scans]
        dark.append(np.median([np.median(v[v > 0.1]) for v in values]))
        fine.append(np.median([np.abs(np.diff(v, axis=1))[v[:, 1:] > 0.1].mean() for v in values]))
    assert dark[1] > 1.3 * dark[0]
    assert fine[1] > 1.5 * fine[0]


def test_the_same_seed_gives_the_same_busy_bytes() -> None:
    first, again = (simulate("parcel", 3, 1, concealed=True, scanner=COARSE, unlisted=0.7) for _ in range(2))
    assert first.measured.tobytes() == again.measured.tobytes()
    assert first.truth.hidden[0].excess.tobytes() == again.truth.hidden[0].excess.tobytes()


def test_what_nobody_could_tell_is_as_heavy_as_what_it_takes_the_place_of() -> None:
    room = Box((0, 50), (0, 40), (0, 20))
    for density, material, displaced, told in (
        (0.8, "sugar", 0.8, True),
        (0.8, "sugar", 0.8 * (1 + 1.1 * ALIKE), False),
        (0.8, "lactose", 0.8 * (1 + 0.9 * ALIKE), True),
        (0.8, "talc", 0.8, False),
    ):
        found = Concealment(POWDER, (Part(room, "cocaine_hcl", density),), (Part(room, material, displaced, -1),))
        assert alike(found) is told
    assert not alike(Concealment(POWDER, (Part(room, "cocaine_hcl", 0.8),)))


def test_a_set_says_what_nobody_could_tell(tmp_path: Path) -> None:
    list(simulate_set("parcel", tmp_path, scans=4, concealed=1, seed=21, scanner=COARSE, truth_only=True, unlisted=0.5))
    table = json.loads((tmp_path / "annotations.json").read_bytes())
    assert {one["alike"] for one in table["annotations"]} <= {True, False}
    assert table["info"]["unlisted"] == 0.5
    chapters = {c: k for i in table["images"] for k, c in zip(i["cargo"].split("+"), i["hs_chapters"], strict=True)}
    assert chapters.get("99", UNLISTED) == UNLISTED


def test_soft_goods_give_way_and_hard_ones_do_not() -> None:
    assert all(maker(rng(1)).soft for maker in busy.SOFT)
    assert not any(maker(rng(1)).soft for maker in (remedies.pump, circuits.charger, fittings.purse))
    assert soft_goods.bag(rng(0)).spots
