"""Vehicles: bodies, goods, concealments in rooms and in the structure, whole scans."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from nii.errors import UsageError
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Concealment, Part, areal_densities, enclosing
from nii.simulate.render.shapes import Box, Interval, View
from nii.simulate.scanner.presets import PORTALS
from nii.simulate.sets.kinds import kind_of
from nii.simulate.sets.scan import simulate
from nii.simulate.vehicle import scenes as vehicle_scenes
from nii.simulate.vehicle.body import BODIES
from nii.simulate.vehicle.build import Vehicle, draw_vehicle
from nii.simulate.vehicle.goods import HS_CHAPTERS, ITEMS, fill, hosts
from nii.simulate.vehicle.hides import HIDES, MOST_KG, packs
from nii.simulate.vehicle.parts import VehicleCavity, bowed, cavity_of, clutter, crowned, drawn_start, strip
from nii.simulate.vehicle.scenes import (
    CLEARANCE,
    FAMILIES,
    HEAVY_KG,
    draw_goods,
    draw_laden,
    draw_thing,
    draw_vehicle_scanner,
    draw_vehicle_scene,
)

pytestmark = pytest.mark.slow

TIMES = 3  # draws of each kind and family
TOUCH = 1e-6  # mm
COARSE = replace(PORTALS["portal-6mv-fine"], pitch_mm=(25.0, 25.0), source_distance=5000.0, source_height=900.0)
LOOSE = sorted(set(FAMILIES) - set(HIDES))


def random(*key: int) -> Rng:
    return np.random.default_rng(key)


def seen(box: Box) -> View:
    """A coarse view of a vehicle and what its near side shows below the road."""
    return COARSE.view(Box((box.x[0] - 300, box.x[1] + 300), box.y, (box.z[0] - 300, box.z[1] + 300)))


def inside(box: Box, room: Box, slack: float = TOUCH) -> bool:
    sides = ((box.x, room.x), (box.y, room.y), (box.z, room.z))
    return all(inner[0] >= outer[0] - slack and inner[1] <= outer[1] + slack for inner, outer in sides)


def overlap(a: Interval, b: Interval) -> bool:
    return a[0] < b[1] - TOUCH and a[1] > b[0] + TOUCH


def mass(parts: tuple[Part, ...] | list[Part]) -> float:
    return sum(part.mass_kg for part in parts)


# What vehicles are built of


def test_a_crowned_sheet_has_the_mass_of_its_sheet_and_the_height_of_its_profile() -> None:
    """A steel roof of 2 m x 1 m x 1 mm is 15.7 kg; that it curves across adds nothing, being measured upright."""
    flat = crowned([(0.0, 1000.0), (2000.0, 1000.0)], 50, 500, 1.0, "steel")
    assert mass(flat) == pytest.approx(15.7, rel=1e-6)
    box = enclosing(flat)
    assert (box.x, box.y) == ((0, 2000), (-500, 500))
    assert (box.z[0], box.z[1]) == (pytest.approx(1000 - 50 - 6), 1000)  # sheets seen edge-on are spread over 6 mm
    steep = crowned([(0.0, 0.0), (300.0, 400.0)], 0, 500, 1.0, "steel")  # 500 mm along the slope
    assert mass(steep) == pytest.approx(7.85 * 0.5, rel=1e-6)


def test_a_bowed_sheet_has_the_mass_of_its_sheet() -> None:
    """A cover 1 m wide, 200 mm deep in plan: 1098 mm along the parabola, by its closed form."""
    slope = 4 * 200 / 1000  # of the parabola at its ends is 2 * 200 / 500 = 0.8
    length = 500 * (np.sqrt(1 + slope**2) + np.arcsinh(slope) / slope)
    parts = bowed(0, 200, 500, (0.0, 100.0), 2.0, "steel")
    assert mass(parts) == pytest.approx(length * 100 * 2 * 7.85e-6, rel=0.005)  # chords of 16 pieces
    assert enclosing(parts).x == pytest.approx((0, 200))


def test_clutter_stays_in_its_box() -> None:
    box = Box((0.0, 100.0), (0.0, 30.0), (0.0, 60.0))
    parts = clutter(random(1), box, 200, ("steel", "copper"), (5, 80))
    assert len(parts) == 200
    assert inside(enclosing(parts), box)


def test_a_thing_as_long_as_its_room_starts_where_the_room_does() -> None:
    room = (0.1, 0.3)
    assert all(drawn_start(random(seed), room, room[1] - room[0]) == pytest.approx(0.1) for seed in range(5))
    assert drawn_start(random(0), (0.0, 1.0), 1.0 + 1e-12) == 0
    starts = [drawn_start(random(seed), (2.0, 10.0), 3.0) for seed in range(200)]
    assert min(starts) >= 2
    assert max(starts) <= 7
    assert np.mean(starts) == pytest.approx(4.5, abs=0.4)  # standard error 0.1


def test_blocks_of_a_turned_cavity_stand_in_it() -> None:
    cavity = VehicleCavity((100.0, 200.0), (80.0, 20.0), (0.0, 50.0), np.pi / 2)
    low = cavity.prism((0, 40), (0, 20), (0.0, 50.0))  # its length points up
    assert low.bounds.z == pytest.approx((160, 200))
    assert low.bounds.x == pytest.approx((90, 110))
    assert low.volume_cm3 == pytest.approx(40)
    assert cavity.whole.volume_cm3 == pytest.approx(80)
    assert strip((0.0, 0.0), (10.0, 0.0), 4.0) == ((0, -2), (10, -2), (10, 2), (0, 2))


# Bodies


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("fuel", [True, False])
def test_a_vehicle_has_a_plausible_mass_and_stays_within_its_measures(kind: str, *, fuel: bool) -> None:
    """Kerb weights of such vehicles are 0.9 to 2.6 t, of electric ones up to 0.4 t more."""
    for seed in range(TIMES):
        vehicle = draw_vehicle(random(seed, fuel), kind, fuel=fuel)
        assert 900 < mass(vehicle.parts) < (2600 if vehicle.tank else 3000)
        out = vehicle.outside
        slack = Box((out.x[0] - 60, out.x[1] + 100), (out.y[0] - 60, out.y[1] + 60), (-10, out.z[1] + 30))  # tow bar
        for part in vehicle.parts:
            assert inside(part.shape.bounds, slack), part
        assert vehicle.body.drive != "electric" or vehicle.tank is None


@pytest.mark.parametrize("kind", BODIES)
def test_what_is_cut_out_of_a_vehicle_was_there(kind: str) -> None:
    """No ray meets less than nothing of any material; 0.05 g/cm2 for sums of float32 in layers of 1000 g/cm2."""
    for seed in range(3):
        vehicle = draw_vehicle(random(seed), kind, spare=True)
        layers = areal_densities(vehicle.parts, seen(vehicle.outside))
        assert all(np.isfinite(layer).all() and layer.min() > -0.05 for layer in layers.values())


def test_vehicles_have_what_they_are_asked_for() -> None:
    vehicles = [draw_vehicle(random(seed), fuel=True, spare=True) for seed in range(12)]
    assert all(vehicle.tank is not None and vehicle.wheels[-1].axis == "z" for vehicle in vehicles)
    assert len({vehicle.body.kind for vehicle in vehicles}) >= 4


# Goods


@pytest.mark.parametrize("load", ITEMS)
def test_goods_stand_in_their_room_on_the_floor_or_on_each_other(load: str) -> None:
    for seed in range(TIMES):
        room = draw_vehicle(random(seed), "van").rooms["boot"]
        goods = fill(random(seed, 1), room, load, share=0.9, most_kg=150)
        assert 0 < mass(goods) <= 150
        assert inside(enclosing(goods), room, 4)  # walls of 1 mm are spread over 6 mm
        assert enclosing(goods).z[0] <= room.z[0] + 4


def test_every_load_has_a_chapter_and_empty_means_no_goods() -> None:
    assert set(HS_CHAPTERS) == {*ITEMS, "empty"} == set(kind_of("vehicle").loads)
    drawn = [draw_goods(random(seed), draw_vehicle(random(seed))) for seed in range(40)]
    for load, goods in drawn:
        assert set(load.split("+")) <= set(HS_CHAPTERS)
        if load == "empty":
            assert mass(goods) < 12  # a bottle, a bag
        else:
            assert mass(goods) > 0
    assert 4 <= sum(load == "empty" for load, _ in drawn) <= 20  # 30 % of 40: 12 +- 2.9


# Concealments


def hidden(family: str, seed: int) -> tuple[Vehicle, list[Part], Concealment]:
    rng = random(seed, FAMILIES.index(family))
    vehicle, _, goods, (found,) = draw_laden(rng, (family,))
    return vehicle, goods, found


@pytest.mark.parametrize("family", FAMILIES)
def test_a_concealment_has_mass_and_can_be_seen(family: str) -> None:
    for seed in range(TIMES):
        vehicle, _, found = hidden(family, seed)
        assert found.family == family
        assert 0.003 < found.mass_kg < 6 * MOST_KG
        layers = areal_densities(found.parts, replace(COARSE, pitch_mm=(4.0, 4.0)).view(vehicle.outside))
        assert sum(layer.sum() for layer in layers.values()) > 0


@pytest.mark.parametrize("family", ["bumper_hide", "door_hide", "engine_hide", "floor_hide", "roof_hide", "seat_hide"])
def test_packages_stay_in_the_cavities_of_their_family(family: str) -> None:
    for seed in range(3 * TIMES):
        vehicle, _, found = hidden(family, seed)
        rooms = [cavity.whole.bounds for cavity in vehicle.cavities[family.removesuffix("_hide")]]
        assert rooms
        packages = [part for part in found.parts if part.material not in ("steel", "plywood", "aluminium")]
        for part in packages:
            assert any(inside(part.shape.bounds, room, 1e-3) for room in rooms)
        covers = found.parts[len(packages) :]
        assert len(covers) <= (1 if family == "floor_hide" else 0)


def test_goods_stand_on_the_second_floor_that_hides_something() -> None:
    raised = 0
    for seed in range(16):
        vehicle, goods, found = hidden("floor_hide", seed)
        boot = vehicle.rooms["boot"]
        built = [
            box
            for box in (part.shape.bounds for part in found.parts)
            if overlap(box.x, boot.x) and box.z[1] > vehicle.body.load_floor
        ]
        raised += bool(built)
        assert all(box.z[1] <= boot.z[0] for box in built)
        for part in goods:
            bounds = part.shape.bounds
            assert not any(
                overlap(bounds.x, box.x) and overlap(bounds.y, box.y) and overlap(bounds.z, (box.z[0], box.z[1] - 4))
                for box in built
            )
    assert raised >= 2


def test_packages_lie_on_the_bottom_of_their_cavity_and_side_by_side() -> None:
    cavity = cavity_of(Box((0.0, 900.0), (0.0, 300.0), (100.0, 400.0)))
    for seed in range(30):
        boxes = [part.shape.bounds for part in packs(random(seed), cavity)]
        assert min(box.z[0] for box in boxes) == pytest.approx(100)
        assert all(
            not (overlap(a.x, b.x) and overlap(a.y, b.y) and overlap(a.z, b.z))
            for a, b in itertools.combinations(boxes, 2)
        )


def test_the_walled_off_part_of_a_tank_holds_packages_and_no_fuel() -> None:
    for seed in range(3 * TIMES):
        vehicle, _, found = hidden("tank_hide", seed)
        assert vehicle.tank is not None
        assert inside(enclosing(found.parts), vehicle.tank.inside, 1e-3)
        (gone,) = found.displaced
        assert (gone.material, gone.density) == (vehicle.tank.fuel.material, vehicle.tank.fuel.density)
        assert inside(gone.shape.bounds, vehicle.tank.fuel.shape.bounds, 1e-3)
        assert 0 > gone.mass_kg >= -vehicle.tank.fuel.mass_kg


def test_packages_in_tyres_lie_between_rim_and_tread() -> None:
    for seed in range(2 * TIMES):
        vehicle, _, found = hidden("tyre_hide", seed)
        for part in found.parts:
            y = sum(part.shape.bounds.y) / 2
            near = [wheel for wheel in vehicle.wheels if wheel.axis == "y" and abs(wheel.centre[1] - y) < 1]
            assert part.shape.bounds.y[1] - y < near[0].width / 2
            corners = np.array(part.shape.corners)
            radii = [np.hypot(*(corners - (wheel.centre[0], wheel.centre[2])).T) for wheel in near]
            assert any(np.all((r > w.rim) & (r < w.radius - 15)) for r, w in zip(radii, near, strict=True))


def test_packages_in_a_spare_wheel_lie_within_it() -> None:
    for seed in range(3 * TIMES):
        vehicle, _, found = hidden("spare_hide", seed)
        wheel = vehicle.wheels[-1]
        (x, y, z), r, half = wheel.centre, wheel.radius, wheel.width / 2
        assert inside(enclosing(found.parts), Box((x - r, x + r), (y - r, y + r), (z - half, z + half)))


def test_an_air_bag_makes_room_for_packages_in_the_dashboard() -> None:
    taken = [hidden("dashboard_hide", seed) for seed in range(12)]
    with_bag = [(vehicle, found) for vehicle, _, found in taken if found.displaced]
    assert 2 <= len(with_bag) <= 10
    for vehicle, found in with_bag:
        assert mass(found.displaced) == pytest.approx(-mass(vehicle.bags))


def test_there_is_no_hide_in_a_tank_or_a_spare_wheel_that_is_not_there() -> None:
    vehicle = draw_vehicle(random(0))
    with pytest.raises(UsageError, match="expected a vehicle with a tank"):
        HIDES["tank_hide"](random(0), replace(vehicle, tank=None))
    with pytest.raises(UsageError, match="expected a vehicle with a spare wheel"):
        HIDES["spare_hide"](random(0), replace(vehicle, wheels=vehicle.wheels[:4]))


@pytest.mark.parametrize("family", LOOSE)
def test_a_thing_lies_in_goods_or_on_what_is_below_it_in_a_room(family: str) -> None:
    for seed in range(2 * TIMES):
        vehicle, goods, found = hidden(family, seed)
        box = enclosing(found.parts)
        if found.displaced:
            assert any(inside(box, host.shape.bounds) for host in hosts(goods))
            continue
        (name,) = [name for name, room in vehicle.rooms.items() if inside(box, room)]
        assert found.mass_kg < HEAVY_KG or name == "boot"
        tops = [
            bounds.z[1]
            for bounds in (part.shape.bounds for part in goods)
            if overlap(bounds.x, box.x) and overlap(bounds.y, box.y)
        ]
        assert box.z[0] == pytest.approx(max(tops, default=vehicle.rooms[name].z[0]) + CLEARANCE)


@pytest.mark.parametrize("family", LOOSE)
def test_a_thing_of_each_family_fits_a_small_car_without_goods(family: str) -> None:
    """So that scenes can be drawn until it fits."""
    cars = [draw_vehicle(random(seed), "hatchback") for seed in range(2 * TIMES)]
    assert all(draw_thing(random(seed), family, car, []) is not None for seed, car in enumerate(cars))


def test_where_full_goods_leave_no_room_another_vehicle_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    first = draw_vehicle(random(0), "hatchback")
    full = [Part(Box(room.x, room.y, room.z), "steel", 0.1) for room in first.rooms.values()]
    assert draw_thing(random(1), "bricks", first, full) is None
    drawn = iter([("tools", full), ("empty", [])])
    monkeypatch.setattr(vehicle_scenes, "draw_vehicle", lambda *_, **__: first)
    monkeypatch.setattr(vehicle_scenes, "draw_goods", lambda *_: next(drawn))
    _, load, goods, found = draw_laden(random(1), ("bricks",))
    assert (load, goods, [one.family for one in found]) == ("empty", [], ["bricks"])


def test_what_is_heavy_goes_into_the_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    block = Part(Box((0.0, 200.0), (0.0, 200.0), (0.0, 200.0)), "lead", 11.35)  # 91 kg
    monkeypatch.setitem(vehicle_scenes.LOOSE, "bricks", lambda _: [block])
    for seed in range(12):
        vehicle = draw_vehicle(random(seed))
        found = draw_thing(random(seed), "bricks", vehicle, [])
        assert found is not None
        assert inside(enclosing(found.parts), vehicle.rooms["boot"])


# Scenes and scans


@pytest.mark.parametrize("concealed", [True, False])
def test_vehicle_scenes_have_concealments_if_and_only_if_asked_for(*, concealed: bool) -> None:
    for seed in range(6):
        scene = draw_vehicle_scene(random(seed), concealed=concealed)
        assert len(scene.concealments) in ((1, 2) if concealed else (0,))
        assert scene.conveyance_kind in BODIES
        sides = enclosing(scene.conveyance[:50]), scene.extent
        assert sides[0].x[0] > sides[1].x[0]
        assert all(
            inside(enclosing(concealment.parts), replace(scene.extent, z=(0, 4000)), 1)
            for concealment in scene.concealments
        )


def test_vehicles_drive_both_ways() -> None:
    """The engine's half is the heavier one of a car without goods: its middle lies left or right of the picture's."""
    left = []
    for seed in range(12):
        scene = draw_vehicle_scene(random(seed), concealed=False)
        vehicle = [part for part in scene.conveyance if part.material in ("copper", "lead_acid_battery")]
        middle = sum(sum(part.shape.bounds.x) / 2 * part.mass_kg for part in vehicle) / mass(vehicle)
        left.append(middle < sum(scene.extent.x) / 2)
    assert 1 <= sum(left) <= 11


def test_the_same_random_numbers_give_the_same_scene() -> None:
    first, second = (draw_vehicle_scene(random(5), concealed=True) for _ in range(2))
    assert first == second
    assert first != draw_vehicle_scene(random(6), concealed=True)


def test_drawn_scanners_are_finer_than_those_of_cargo() -> None:
    for seed in range(8):
        scanner = draw_vehicle_scanner(random(seed))
        assert 3 <= scanner.pitch_mm[0] <= 5
        assert scanner.energies == ("4MV", "6MV")
        assert scanner.source_distance > 2 * 1010  # beyond the near side of the widest van


def test_a_vehicle_is_scanned_with_its_truth() -> None:
    scans = [simulate("vehicle", 3, index, concealed=True, scanner=COARSE) for index in range(2)]
    again = simulate("vehicle", 3, 0, concealed=True, scanner=COARSE)
    np.testing.assert_array_equal(scans[0].measured, again.measured)
    for scan in scans:
        assert scan.measured.shape[0] == 2
        assert scan.truth.hidden
        assert scan.truth.mask().any()
        assert {concealment.family for concealment in scan.truth.hidden} <= set(FAMILIES)
        assert scan.truth.without.max() > 2  # the engine
