"""Scenes: textures, loads, concealments and where these stand."""

import numpy as np
import pytest

from nii.simulate.cargo.loads import BUILDERS, CONTAINER_MM, HS_CHAPTERS, KINDS, PAYLOAD_KG, STRIP_MM, Load, draw_load
from nii.simulate.cargo.scenes import draw_cargo
from nii.simulate.contraband.concealments import FAMILIES, LOOSE, STRUCTURAL, draw_concealment
from nii.simulate.contraband.placing import CLEARANCE, behind_dense, displaced
from nii.simulate.conveyance.draw import SHARES, draw_conveyance
from nii.simulate.conveyance.structure import Conveyance
from nii.simulate.render.scene import Concealment, Part, Spot, Texture, areal_densities, enclosing, texture
from nii.simulate.render.shapes import Box, Cylinder, Ellipsoid, Interval, Patch, View

HOLDER = {"reefer_hide": "reefer", "tank_hide": "box-truck", "tyre_hide": "box-truck"}
"""Conveyances that families need which a container can't hold."""

TIMES = 5  # draws of each kind and family
TOUCH = 1e-6  # mm


def seen(box: Box, pitch: float = 40.0) -> View:
    """A coarse view of a box from a source 6 m away, with what its near side shows above and below."""
    return View(
        x=np.arange(box.x[0] + pitch / 2, box.x[1], pitch),
        z=np.arange(box.z[1] + 400, box.z[0] - 400, -pitch),
        source_y=-6000.0,
        source_z=1200.0,
    )


def container(seed: int = 0) -> Conveyance:
    return draw_conveyance(np.random.default_rng(seed), "20ft")


def rendered(parts: tuple[Part, ...], view: View) -> dict[str, np.ndarray]:
    return areal_densities(parts, view)


# Textures


def multiplier(plan: Texture, rows: int = 60, columns: int = 80, pitch: float = 10.0) -> np.ndarray:
    view = View(x=np.arange(columns) * pitch, z=-np.arange(rows) * pitch, source_y=-6000.0, source_z=0.0)
    patch = Patch(slice(0, rows), slice(0, columns), np.ones((rows, columns)))
    return texture(plan, patch, view)


@pytest.mark.parametrize("pattern", ["grain", "folds", "stripes-x", "stripes-z", "grid"])
def test_a_texture_has_mean_one_and_the_contrast_asked_for(pattern: str) -> None:
    # 60 seeds: the mean of about 13 x 10 blobs of deviation 0.3 is uncertain by 0.03 in one, 0.004 in 60
    fields = np.stack([multiplier(Texture(pattern, (60.0, 60.0), 0.3, seed)) for seed in range(60)])
    assert fields.mean() == pytest.approx(1, abs=0.015)
    assert fields.std() == pytest.approx(0.3, abs=0.09)
    assert fields.min() >= 0.05


def test_a_texture_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    plan = Texture("grain", (60.0, 90.0), 0.3, 7)
    np.testing.assert_array_equal(multiplier(plan), multiplier(plan))
    assert np.abs(multiplier(plan) - multiplier(Texture("grain", (60.0, 90.0), 0.3, 8))).max() > 0.1


def test_stripes_vary_along_one_axis_only() -> None:
    assert np.ptp(multiplier(Texture("stripes-x", (60.0, 60.0), 0.3, 1)), axis=0).max() == 0
    assert np.ptp(multiplier(Texture("stripes-z", (60.0, 60.0), 0.3, 1)), axis=1).max() == 0


def test_stripes_turn_with_their_solid() -> None:
    """A quarter turn about the beam makes stripes along the travel run along the height."""
    quarter = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    plan = Texture("stripes-x", (60.0, 60.0), 0.3, 1)
    part = Part(Box((-200, 200), (0, 10), (-200, 200)).oriented(quarter), "water", 1.0, texture=plan)
    view = View(x=np.arange(-150, 150, 10.0), z=np.arange(150, -150, -10.0), source_y=-1e6, source_z=0.0)
    (layer,) = rendered((part,), view).values()
    assert np.ptp(layer, axis=1).max() < 1e-3
    assert np.ptp(layer, axis=0).min() > 0.5


def test_no_contrast_is_no_texture() -> None:
    assert np.ptp(multiplier(Texture("grid", (60.0, 60.0), 0.0, 1))) == 0


# Rendering


def test_areal_density_is_path_times_density_and_hollows_are_taken_out() -> None:
    view = View(x=np.array([0.0, 100.0]), z=np.array([0.0]), source_y=-1e6, source_z=0.0)
    tube = (
        Part(Cylinder((0, 0, 0), 50, 60, "x"), "steel", 7.85),
        Part(Cylinder((0, 0, 0), 40, 60, "x"), "steel", 7.85, -1),
    )
    # two walls of 1 cm at x = 0; nothing at x = 100
    np.testing.assert_allclose(rendered(tube, view)["steel"], [[2 * 7.85, 0]], rtol=1e-5)


def test_the_smallest_box_around_parts() -> None:
    parts = (Part(Box((0, 1), (2, 3), (4, 5)), "water", 1), Part(Ellipsoid((0, 0, 0), (1, 2, 3)), "water", 1))
    assert enclosing(parts) == Box((-1, 1), (-2, 3), (-3, 5))


# Loads


def some_load(kind: str, seed: int) -> tuple[Conveyance, Load]:
    rng = np.random.default_rng((seed, KINDS.index(kind)))
    conveyance = draw_conveyance(rng, "20ft")
    return conveyance, draw_load(rng, kind, conveyance.inside)


def test_every_kind_has_a_chapter_and_there_are_two_dozen() -> None:
    assert set(HS_CHAPTERS) == set(KINDS)
    assert len(KINDS) >= 24


@pytest.mark.parametrize("kind", KINDS)
def test_a_load_is_drawn_within_its_payload_and_its_container_and_can_be_rendered(kind: str) -> None:
    for seed in range(TIMES):
        conveyance, load = some_load(kind, seed)
        room = conveyance.inside
        limit = PAYLOAD_KG * (room.x[1] - room.x[0]) / CONTAINER_MM
        assert sum(part.mass_kg for part in load.parts) <= limit * 1.02, "lashing comes on top"
        assert kind == "empty" or sum(part.mass_kg for part in load.parts) > 0
        for part in load.parts:
            bounds = part.shape.bounds
            assert bounds.z[0] > room.z[0] - 300, f"{part} lies deep under the floor"
            assert bounds.x[1] > room.x[0]
            assert bounds.x[0] < room.x[1]
        for layer in rendered(load.parts, seen(conveyance.outside)).values():
            assert np.isfinite(layer).all()


def test_a_too_heavy_load_is_made_lighter_not_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Box((0.0, 5900.0), (-1170.0, 1170.0), (0.0, 2400.0))
    monkeypatch.setitem(BUILDERS, "bulk", lambda _, space: [Part(space, "steel", 7.85)])  # 259 t
    load = draw_load(np.random.default_rng(0), "bulk", room)
    assert sum(part.mass_kg for part in load.parts) == pytest.approx(PAYLOAD_KG)


def test_an_empty_container_holds_at_most_a_pallet() -> None:
    masses = [sum(part.mass_kg for part in some_load("empty", seed)[1].parts) for seed in range(20)]
    assert min(masses) == 0
    assert max(masses) < 40


# Concealments


def in_free_space(family: str, seed: int) -> tuple[Conveyance, Load, Concealment]:
    """A concealment that no goods could take in, on a load of coils, pallets or nothing."""
    rng = np.random.default_rng((seed, FAMILIES.index(family)))
    conveyance = draw_conveyance(rng, HOLDER.get(family, "20ft"))
    load = draw_load(rng, str(rng.choice(["steel_coils", "cartons", "empty", "car"])), conveyance.inside)
    free = tuple(spot for spot in load.spots if spot.host is None)
    return conveyance, load, draw_concealment(rng, family, conveyance, conveyance.inside, free)


def inside(box: Box, room: Box, tolerance: float = TOUCH) -> bool:
    return all(
        inner[0] >= outer[0] - tolerance and inner[1] <= outer[1] + tolerance
        for inner, outer in ((box.x, room.x), (box.y, room.y), (box.z, room.z))
    )


def overlap(a: Interval, b: Interval) -> bool:
    return a[0] < b[1] and a[1] > b[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_concealment_is_drawn_has_mass_and_can_be_rendered(family: str) -> None:
    for seed in range(TIMES):
        conveyance, _, found = in_free_space(family, seed)
        assert found.family == family
        assert found.mass_kg > 0
        if family in LOOSE:
            assert not found.displaced, "free space holds no goods to push out"
        layers = rendered(found.parts, seen(enclosing(conveyance.parts), 10.0))
        assert sum(layer.sum() for layer in layers.values()) > 0


@pytest.mark.parametrize("family", sorted(LOOSE))
def test_a_thing_stays_inside_the_container(family: str) -> None:
    for seed in range(4 * TIMES):
        conveyance, _, found = in_free_space(family, seed)
        assert inside(enclosing(found.parts), conveyance.inside)


@pytest.mark.parametrize("family", sorted(STRUCTURAL))
def test_a_change_to_the_conveyance_stays_in_its_structure(family: str) -> None:
    for seed in range(4 * TIMES):
        conveyance, _, found = in_free_space(family, seed)
        assert inside(enclosing(found.parts), enclosing(conveyance.parts))


@pytest.mark.parametrize("family", sorted(LOOSE))
def test_a_thing_in_free_space_stands_on_the_highest_thing_below_it(family: str) -> None:
    """No gap but the clearance of 1 mm, over the strips of 120 mm along x in which support is looked for.

    What lies below counts over the whole depth of the container, so across y a thing may reach beyond
    what carries it; and it is lowered into the load where the roof leaves too little headroom.
    """
    for seed in range(4 * TIMES):
        conveyance, load, found = in_free_space(family, seed)
        box = enclosing(found.parts)
        near = (box.x[0] - 1.1 * STRIP_MM, box.x[1] + 1.1 * STRIP_MM)  # strips are of about that width
        tops = [part.shape.bounds.z[1] for part in load.parts if overlap(part.shape.bounds.x, near)]
        highest = max((top for top in tops if top < conveyance.inside.z[1]), default=0.0)
        assert box.z[0] <= max(highest, conveyance.inside.z[0]) + CLEARANCE + TOUCH


def test_a_thing_inside_goods_displaces_as_much_of_them_as_it_fills() -> None:
    host = Part(Box((0, 1000), (0, 1000), (0, 1000)), "flour", 0.6)
    tin = (
        Part(Box((100, 300), (100, 200), (100, 250)), "steel", 7.85),
        Part(Box((110, 290), (110, 190), (110, 240)), "steel", 7.85, -1),
    )
    pushed = displaced(tin, host)
    assert [(part.material, part.density, part.sign) for part in pushed] == [("flour", 0.6, -1)]
    assert sum(part.mass_kg for part in pushed) == pytest.approx(-3.0 * 0.6)  # 20 x 10 x 15 cm
    assert displaced(tin, None) == ()


def test_things_are_put_into_goods_where_goods_can_hold_them(rng: np.random.Generator) -> None:
    conveyance = container()
    host = Part(Box(conveyance.inside.x, conveyance.inside.y, conveyance.inside.z), "flour", 0.6)
    spots = (Spot(host.shape, host),)
    found = [draw_concealment(rng, "bricks", conveyance, conveyance.inside, spots) for _ in range(60)]
    share = np.mean([bool(one.displaced) for one in found])
    assert share == pytest.approx(0.6, abs=0.2)  # 60 draws: standard error 0.06


@pytest.mark.parametrize("family", sorted({*LOOSE} - {"die_moulds"}))
def test_without_displaced_goods_a_concealment_only_adds(family: str) -> None:
    # die moulds are left out: their bores may be wider than a thin plate is high
    for seed in range(TIMES):
        conveyance, _, found = in_free_space(family, seed)
        view = seen(conveyance.outside, 10.0)
        total = sum(rendered(found.parts, view).values())
        assert total.min() > -1e-3  # g/cm2; sums of float32 layers of up to 1000 g/cm2


def test_the_densest_quarter_of_the_goods_hides_best() -> None:
    goods = [Part(Box((x, x + 100), (0, 500), (0, 500)), "flour", 0.5) for x in np.arange(0.0, 800, 100)]
    spots = tuple(Spot(part.shape, part) for part in goods)
    plate = Part(Box((300, 500), (600, 700), (0, 500)), "steel", 7.85)  # behind two of the eight
    hidden = behind_dense((*spots, Spot(Box((0, 800), (0, 500), (500, 900)))), (*goods, plate))
    assert {spot.box.x for spot in hidden} == {(300, 400), (400, 500)}
    assert behind_dense(spots[:0], (plate,)) == ()


# Whole scenes


@pytest.mark.parametrize("concealed", [True, False])
def test_cargo_scenes_have_concealments_if_and_only_if_asked_for(concealed: bool) -> None:
    for seed in range(10):
        scene = draw_cargo(np.random.default_rng(seed), concealed=concealed)
        assert len(scene.concealments) in ((1, 2) if concealed else (0,))
        assert set(scene.cargo.split("+")) <= set(KINDS)
        assert scene.conveyance_kind in SHARES
        for concealment in scene.concealments:
            assert inside(enclosing(concealment.parts), scene.extent)


def test_the_same_random_numbers_give_the_same_scene() -> None:
    first, second = (draw_cargo(np.random.default_rng(5), concealed=True) for _ in range(2))
    assert first == second
    assert first != draw_cargo(np.random.default_rng(6), concealed=True)
