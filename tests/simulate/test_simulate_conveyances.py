"""Conveyances: what they weigh, what they are made of, where they could hide something."""

from collections.abc import Callable

import numpy as np
import pytest

from nii.simulate.cargo.scenes import draw_cargo
from nii.simulate.cargo.securing import fallen, secure
from nii.simulate.contraband.concealments import LOOSE, STRUCTURAL, draw_concealment, draw_families
from nii.simulate.conveyance.containers import dry_container
from nii.simulate.conveyance.draw import SHARES, draw_conveyance
from nii.simulate.conveyance.rail import flat_car
from nii.simulate.conveyance.reefers import reefer
from nii.simulate.conveyance.running_gear import fuel_tank, wheel
from nii.simulate.conveyance.structure import Conveyance, below, i_beam, moved, rounded, tube
from nii.simulate.conveyance.tractors import tractor
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part, areal_densities, enclosing
from nii.simulate.render.shapes import Box, PrismX, View
from nii.simulate.scanner.presets import PRESETS

pytestmark = pytest.mark.slow

TIMES = 4  # draws of each


def rng(seed: int = 0) -> Rng:
    return np.random.default_rng(seed)


def inside(box: Box, room: Box, tolerance: float = 1e-6) -> bool:
    return all(
        inner[0] >= outer[0] - tolerance and inner[1] <= outer[1] + tolerance
        for inner, outer in ((box.x, room.x), (box.y, room.y), (box.z, room.z))
    )


def tonnes(parts: tuple[Part, ...] | list[Part]) -> float:
    return sum(part.mass_kg for part in parts) / 1000


def coarse(box: Box, pitch: float = 25.0) -> View:
    return View(
        x=np.arange(box.x[0] + pitch / 2, box.x[1], pitch),
        z=np.arange(box.z[1] + 500, box.z[0] - 500, -pitch),
        source_y=-6500.0,
        source_z=1100.0,
    )


def test_containers_of_20_and_40_feet_are_most_of_the_conveyances() -> None:
    assert sum(SHARES.values()) == pytest.approx(1)
    assert SHARES["20ft"] + SHARES["40ft"] > 0.6


@pytest.mark.parametrize("kind", sorted(SHARES))
def test_a_conveyance_has_rooms_in_its_body_and_cavities_in_its_parts_and_can_be_rendered(kind: str) -> None:
    for seed in range(TIMES):
        one = draw_conveyance(rng(seed), kind)
        whole = enclosing(one.parts)
        assert one.kind == kind
        assert inside(one.outside, whole, 50.0)
        for room in one.rooms:
            assert inside(room, one.outside)
        for name, cavities in one.cavities.items():
            for cavity in cavities:
                assert inside(cavity.shape.bounds, whole), name
                assert cavity.shape.volume_cm3 > 0, name
        total = sum(areal_densities(one.parts, coarse(whole)).values())
        assert np.isfinite(total).all()
        assert total.min() > -1e-3, "hollows are within what they are cut from"


@pytest.mark.parametrize(
    ("build", "least", "most"),
    [
        (lambda r: dry_container(r, 6058).parts, 1.7, 2.6),  # tare 2.2 t
        (lambda r: dry_container(r, 12192).parts, 2.9, 4.3),  # 3.7 t
        (lambda r: reefer(r, 6058).parts, 2.1, 3.3),  # 3.0 t
        (lambda r: reefer(r, 12192).parts, 3.2, 5.0),  # 4.5 t
        (lambda r: tractor(r, 1000, 1300)[0], 4.0, 9.0),  # 6 to 8 t
        (lambda r: flat_car(r, (dry_container(r, 12192),)).parts, 12, 28),  # 12 to 24 t with its container
        (lambda r: wheel((0, 0, 0), 500, 300)[0], 0.07, 0.13),  # tyre and rim 100 kg
    ],
)
def test_masses_are_those_of_the_real_things(build: Callable[[Rng], list[Part]], least: float, most: float) -> None:
    """In tonnes; the figures behind are tare masses printed on such things."""
    for seed in range(TIMES):
        assert least < tonnes(build(rng(seed))) < most


def test_a_truck_stands_on_its_wheels_and_its_load_above_them() -> None:
    for seed in range(TIMES):
        parts, cavities = tractor(rng(seed), 1000, 1300)
        assert min(part.shape.bounds.z[0] for part in parts) == pytest.approx(-1300)
        assert len(cavities["tyre"]) in (6, 10)  # two steered, four on each driven axle
        assert len(cavities["tank"]) == 1


def test_a_tyre_is_hollow_between_rim_and_tread() -> None:
    parts, room = wheel((0.0, 0.0, 0.0), 500.0, 300.0)
    view = View(np.arange(-490.0, 491, 10), np.arange(490.0, -491, -10), -1e7, 0.0)
    rubber = areal_densities(parts, view)["tyre"]
    radius = np.hypot(view.z[:, None], view.x[None, :])
    walls = rubber[(radius > 320) & (radius < 450)]
    np.testing.assert_allclose(walls, 2 * 1.6 * 1.15, rtol=1e-3)  # two walls of 16 mm
    np.testing.assert_allclose(rubber[(radius > 475) & (radius < 490)], 30 * 1.15, rtol=1e-3)
    np.testing.assert_allclose(rubber[radius < 260], 0, atol=1e-4)
    assert room.radius < 500


def test_a_tank_holds_its_fuel_up_to_a_level() -> None:
    parts, cavity = fuel_tank(rng(), (0.0, 1000.0), (-300.0, 300.0), (0.0, 600.0))
    fuel = cavity.filling
    assert fuel is not None
    assert fuel in parts
    assert 0 < fuel.shape.volume_cm3 < cavity.shape.volume_cm3
    assert inside(fuel.shape.bounds, cavity.shape.bounds)
    assert min(areal_densities(parts, coarse(enclosing(parts)))["diesel"].ravel()) >= 0


def test_solids_of_structure_have_the_area_of_their_profile() -> None:
    beam = i_beam((0, 1000), 0.0, (0, 300), 8, (100, 10))
    assert tonnes(beam) == pytest.approx(7.85e-6 * (8 * 300 + 2 * 100 * 10), rel=1e-6)  # flanges cross the web
    pipe = tube((0, 0, 0), 50, 5, 1000, "x")
    assert tonnes(pipe) == pytest.approx(7.85e-6 * np.pi * (50**2 - 45**2), rel=1e-6)
    outline = PrismX(rounded((0, 600), (0, 400), 100, corners=40), (0, 10))
    assert outline.volume_cm3 == pytest.approx((600 * 400 - (4 - np.pi) * 100**2) / 100, rel=1e-3)
    half = PrismX(below(rounded((0, 600), (0, 400), 100, corners=40), 200), (0, 10))
    assert half.volume_cm3 == pytest.approx(outline.volume_cm3 / 2, rel=1e-3)


def test_a_moved_conveyance_is_the_same_further_along() -> None:
    one = draw_conveyance(rng(2), "reefer")
    other = moved(one, 500.0)
    assert tonnes(other.parts) == pytest.approx(tonnes(one.parts))
    assert enclosing(other.parts).x[0] == pytest.approx(enclosing(one.parts).x[0] + 500)
    assert other.inside.x[0] == one.inside.x[0] + 500
    for name, cavities in one.cavities.items():
        for before, after in zip(cavities, other.cavities[name], strict=True):
            assert after.shape.bounds.x[0] == pytest.approx(before.shape.bounds.x[0] + 500)
            assert (after.filling is None) == (before.filling is None)


def test_two_containers_on_a_rail_car_have_a_room_each() -> None:
    car = flat_car(rng(), (dry_container(rng(1), 6058), dry_container(rng(2), 6058)))
    first, second = car.rooms
    assert first.x[1] < second.x[0]
    assert len(car.cavities["front"]) == 2


# What they can hide


def test_families_that_a_conveyance_can_not_hold_are_not_drawn_for_it() -> None:
    kinds = {kind: draw_conveyance(rng(1), kind) for kind in SHARES}
    drawn = {
        kind: {name for seed in range(150) for name in draw_families(rng(seed), one, 2)} for kind, one in kinds.items()
    }
    for kind, families in drawn.items():
        able = {*LOOSE, *(name for name, (needs, _) in STRUCTURAL.items() if needs in kinds[kind].cavities)}
        assert families == able
    assert "reefer_hide" in drawn["reefer"]
    assert "roof_hide" not in drawn["curtain-sider"]
    assert {"tank_hide", "tyre_hide"} <= drawn["box-truck"]
    assert "tank_hide" not in drawn["rail"]


def hidden(kind: str, family: str, seed: int) -> tuple[Conveyance, list[Part], tuple[Part, ...]]:
    one = draw_conveyance(rng(seed), kind)
    found = draw_concealment(rng(seed), family, one, one.inside, ())
    return one, list(found.parts), found.displaced


def test_packages_in_a_reefer_take_the_place_of_foam() -> None:
    in_foam = 0
    for seed in range(12):
        _, parts, gone = hidden("reefer", "reefer_hide", seed)
        for part in gone:
            assert (part.material, part.sign) == ("polyurethane_foam", -1)
            assert part.shape == parts[0].shape
        in_foam += bool(gone)
    assert in_foam > 6  # the others are beside the evaporator


def test_a_divided_tank_loses_the_fuel_of_one_side() -> None:
    for seed in range(6):
        one, parts, gone = hidden("box-truck", "tank_hide", seed)
        fuel = one.cavities["tank"][0].filling
        assert fuel is not None
        assert gone[0].mass_kg < 0
        assert -gone[0].mass_kg < fuel.mass_kg
        divider, packs = (part.shape.bounds.x for part in parts)
        assert divider[1] <= packs[0] + 1e-6 or packs[1] <= divider[0] + 1e-6
        base = areal_densities(one.parts, coarse(enclosing(one.parts)))["diesel"]
        assert (base + areal_densities(gone, coarse(enclosing(one.parts)))["diesel"]).min() > -1e-3


def test_packages_in_a_tyre_lie_between_rim_and_tread() -> None:
    for seed in range(6):
        one, parts, _ = hidden("semi-trailer", "tyre_hide", seed)
        box = enclosing(parts)
        assert any(inside(box, cavity.shape.bounds) for cavity in one.cavities["tyre"])


def test_packages_in_beams_lie_in_their_hollows() -> None:
    for seed in range(6):
        one, parts, _ = hidden("20ft", "beam_hide", seed)
        for part in parts:
            assert any(inside(part.shape.bounds, cavity.shape.bounds) for cavity in one.cavities["beam"])


def test_a_load_ends_before_a_second_door() -> None:
    scenes = (draw_cargo(rng(seed), concealed=True) for seed in range(120))
    found = [
        (enclosing(scene.concealments[0].parts).x, enclosing(scene.load).x)
        for scene in scenes
        if scene.concealments[0].family == "door_hide" and scene.load and scene.conveyance_kind != "rail"
    ]
    assert len(found) > 1
    for door, load in found:
        assert load[1] <= door[0] + 400  # pallets and pieces of furniture may reach a little beyond their room
    assert np.median([door[0] - load[1] for door, load in found]) > 0


# Loads


def test_lashing_and_dunnage_stay_in_the_room_and_weigh_little() -> None:
    room = Box((0, 5900), (-1170, 1170), (150, 2500))
    goods = [Part(Box((100, 3800), (-1100, 1100), (150, 1500)), "flour", 0.5)]
    kinds = set()
    for seed in range(40):
        for part in secure(rng(seed), goods, room):
            assert inside(part.shape.bounds, room, 130.0)
            kinds.add(part.material)
        assert tonnes(secure(rng(seed), goods, room)) < 0.4
    assert kinds == {"polyester_cloth", "steel", "pine", "polyethylene"}


def test_fallen_goods_lie_on_the_floor() -> None:
    room = Box((0, 5900), (-1170, 1170), (150, 2500))
    for seed in range(10):
        for part in fallen(rng(seed), (4000.0, 5000.0), room, (400.0, 300.0), ("flour", 0.5)):
            assert part.shape.bounds.z[0] == pytest.approx(151)
            assert part.mass_kg == pytest.approx(0.4 * 0.3 * 0.4 * 500, rel=1e-6)


def test_fallen_goods_that_are_wider_than_the_room_still_lie_in_it() -> None:
    room = Box((0, 5900), (-600, 600), (150, 2500))
    for part in fallen(rng(1), (4000.0, 5000.0), room, (1300.0, 300.0), ("flour", 0.5)):
        assert part.shape.bounds.y == (-600, 600)


# Size


def test_a_40_ft_container_at_a_fine_pitch_has_more_than_1_2_megapixels() -> None:
    scene = next(
        scene
        for scene in (draw_cargo(rng(seed), concealed=False) for seed in range(40))
        if scene.conveyance_kind == "40ft"
    )
    view = PRESETS["portal-6mv-fine"].view(scene.extent)
    assert view.x.size * view.z.size > 1.2e6
