"""Parcels: goods, packages, packing, concealments, scenes on a belt, and the scanner that sees them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from nii.model import detector
from nii.physics.beams import HIGH_LAYER, HIGH_LAYERS, LOW_LAYER, LOW_LAYERS, standard_beams
from nii.physics.forward import beam_key, stored_beams, transmission, tube_beam
from nii.physics.mass import excess_mass
from nii.physics.materials import MATERIALS
from nii.physics.noise import NoiseModel
from nii.scan import Scan
from nii.simulate.parcel.goods import GOODS, HS_CHAPTERS, Vessel, draw_goods
from nii.simulate.parcel.hides import LIGHTEST, POWDER
from nii.simulate.parcel.items import Item, block, rod, vessel
from nii.simulate.parcel.packing import Heap
from nii.simulate.parcel.scenes import FAMILIES, HEAVIEST_KG, KINDS, Parcel, draw_parcel, draw_scene
from nii.simulate.render.scene import Part, enclosing
from nii.simulate.render.shapes import Box
from nii.simulate.scanner.presets import BELTS, PORTALS, draw_belt_scanner
from nii.simulate.sets.kinds import KINDS as SCENES
from nii.simulate.sets.scan import simulate

pytestmark = pytest.mark.slow

TIMES = 4  # draws of each kind and family
TOUCH = 1e-3  # mm
COARSE = replace(BELTS["parcel-160kv"], pitch_mm=(2.0, 2.0))


def drawn(kind: str, seed: int, family: str | None = None) -> Parcel:
    return draw_parcel(np.random.default_rng((seed, KINDS.index(kind))), kind, family)


def within(inner: Box, outer: Box) -> bool:
    pairs = ((inner.x, outer.x), (inner.y, outer.y), (inner.z, outer.z))
    return all(a[0] >= b[0] - TOUCH and a[1] <= b[1] + TOUCH for a, b in pairs)


def apart(one: Box, other: Box) -> bool:
    pairs = ((one.x, other.x), (one.y, other.y), (one.z, other.z))
    return any(a[1] <= b[0] + TOUCH or b[1] <= a[0] + TOUCH for a, b in pairs)


# Goods and packages


def test_every_kind_has_a_chapter_and_there_are_two_dozen() -> None:
    assert set(HS_CHAPTERS) == {*GOODS, "empty"}
    assert len(KINDS) >= 24
    assert all(len(chapter) == 2 and chapter.isdigit() for chapter in HS_CHAPTERS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_parcel_weighs_what_parcels_weigh_and_its_goods_lie_in_it(kind: str) -> None:
    for seed in range(TIMES):
        parcel = drawn(kind, seed)
        assert parcel.concealment is None
        assert 0.005 < sum(part.mass_kg for part in parcel.parts) < HEAVIEST_KG + 3
        goods = parcel.parts[len(parcel.package.parts) :]
        assert all(part.material in MATERIALS and part.density > 0 for part in parcel.parts)
        assert kind == "empty" or goods
        for part in goods:
            assert within(part.shape.bounds, parcel.package.inside) or part.sign < 0
        assert within(parcel.package.inside, parcel.package.outside)


def test_all_packages_are_drawn() -> None:
    kinds = Counter(drawn(KINDS[i % len(KINDS)], i).package.kind for i in range(100))
    assert set(kinds) == {"carton", "envelope", "mailer", "tin", "tube"}
    assert kinds["carton"] > 30


def test_a_parcel_of_packaging_only_holds_no_goods() -> None:
    assert draw_goods(np.random.default_rng(0), "empty") == []


def test_a_vessel_holds_what_its_plan_says_and_its_room_lies_in_its_contents() -> None:
    plan = Vessel((20, 20), (50, 50), ((("glass", (2.5, 2.5)), (2.0, 2.0)),), (("water", (1.0, 1.0)),))
    jar = vessel(np.random.default_rng(0), plan)
    walls = sum(part.mass_kg for part in jar.parts if part.material == "glass")
    # 62.832 cm3 outside less 18 mm of radius and 46 mm of height inside, 46.823 cm3; 2.5 g/cm3
    assert walls == pytest.approx((62.832 - 46.823) * 2.5 / 1000, rel=1e-3)
    (spot,) = jar.spots
    assert spot.host is not None
    assert spot.host.material == "water"
    assert within(spot.box, spot.host.shape.bounds)


def test_a_rod_joins_two_points() -> None:
    bar = rod((10, 20, 30), (10, 60, 60), 5, "steel", 7.85)
    assert bar.shape.volume_cm3 == pytest.approx(np.pi * 0.25 * 5, rel=1e-6)
    box = bar.shape.bounds
    assert box.y == pytest.approx((20 - 3, 60 + 3))  # 5 mm of radius across a slope of 3 to 4
    assert box.z == pytest.approx((30 - 4, 60 + 4))


def test_things_come_to_rest_on_each_other_without_sharing_space() -> None:
    rng = np.random.default_rng(3)
    heap = Heap(Box((0, 200), (0, 150), (5, 400)))
    bricks = [Item((Part(block((120, 90, 20)), "glass", 2.5),)) for _ in range(12)]
    rested = [item for brick in bricks if (item := heap.drop(rng, brick)) is not None]
    assert len(rested) >= 5
    boxes = [item.bounds for item in rested]
    assert min(box.z[0] for box in boxes) < 6
    assert all(apart(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(within(box, heap.inside) for box in boxes)


def test_what_does_not_fit_is_left_out_unless_it_is_no_larger_than_the_empty_box() -> None:
    rng = np.random.default_rng(0)
    thing = Item((Part(block((198, 30, 99)), "glass", 2.5),))
    assert Heap(Box((0, 100), (0, 100), (0, 100))).drop(rng, thing, careful=True) is None
    assert Heap(Box((0, 100), (0, 200), (0, 31))).drop(rng, thing, careful=True) is not None


# Concealments


@pytest.mark.parametrize("family", FAMILIES)
def test_a_concealment_lies_in_its_parcel_and_weighs_grams_to_kilograms(family: str) -> None:
    for seed in range(3 * TIMES):
        parcel = drawn(KINDS[(7 * seed) % len(KINDS)], seed, family)
        found = parcel.concealment
        assert found is not None
        assert found.family == family
        assert LIGHTEST / 2 < found.mass_kg < 9
        assert within(enclosing(found.parts), parcel.package.inside)
        assert all(part.sign == -1 for part in found.displaced)


def test_every_kind_can_hold_a_concealment() -> None:
    for number, kind in enumerate(KINDS):
        for family in (FAMILIES[number % len(FAMILIES)], POWDER):
            assert drawn(kind, number, family).concealment is not None


def test_what_is_put_in_goods_displaces_them_and_what_lies_among_them_does_not() -> None:
    shares = Counter(
        bool(found.displaced)
        for seed in range(60)
        if (found := drawn(("clothes", "books", "food")[seed % 3], seed, "bulk_bag").concealment)
    )
    assert shares[True] > 5
    assert shares[False] > 20


def test_powder_takes_the_place_of_a_product_of_the_same_volume() -> None:
    displacing = 0
    for seed in range(8):
        found = drawn("food", seed, POWDER).concealment
        assert found is not None
        (powder,) = found.parts
        displacing += bool(found.displaced)
        for gone in found.displaced:
            assert gone.shape == powder.shape
            assert gone.mass_kg < 0
    assert displacing >= 6  # all things of food hold something; a thing or two of another kind may be hollow


def test_concealments_among_goods_share_no_space_with_them() -> None:
    checked = 0
    for seed in range(20):
        parcel = drawn("electronics", seed, "bricks")
        found = parcel.concealment
        if found is None or found.displaced:
            continue
        box = enclosing(found.parts)
        lying = Counter(apart(box, part.shape.bounds) for part in parcel.parts[len(parcel.package.parts) :])
        checked += lying[True] > lying[False]  # bounds of what stands askew may touch
    assert checked > 8


# Scenes


def test_parcels_on_a_belt_do_not_fill_the_same_space() -> None:
    for seed in range(12):
        scene = draw_scene(np.random.default_rng(seed), concealed=seed % 2 == 1)
        assert within(enclosing(scene.load), Box(scene.extent.x, (-600, 600), scene.extent.z))
        assert bool(scene.concealments) == (seed % 2 == 1)
        for concealment in scene.concealments:
            assert within(enclosing(concealment.parts), scene.extent)
        assert set(scene.cargo.split("+")) <= set(KINDS)


def test_images_hold_one_to_five_parcels_of_many_kinds() -> None:
    scenes = [draw_scene(np.random.default_rng((9, seed)), concealed=False) for seed in range(40)]
    assert len({kind for scene in scenes for kind in scene.cargo.split("+")}) > 20
    assert max(scene.cargo.count("+") for scene in scenes) >= 3


# Scans


def test_a_scan_of_parcels_has_its_truth() -> None:
    families = set()
    for index in range(6):
        scan = simulate("parcel", 4, index, concealed=index % 2 == 1, scanner=COARSE)
        assert scan.measured.shape[0] == 2
        assert scan.measured.shape == scan.truth.without.shape
        assert scan.conveyance == "belt"
        assert np.isfinite(scan.truth.without).all()
        assert np.median(scan.measured[:, :3]) == pytest.approx(1, abs=0.05)  # air above
        assert bool(scan.truth.hidden) == (index % 2 == 1)
        for concealment in scan.truth.hidden:
            families.add(concealment.family)
            assert concealment.dprime > 0
            assert concealment.mask.any()
            assert np.isfinite(concealment.excess).all()
    assert families <= set(SCENES["parcel"].families)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    first, again, other = (simulate("parcel", seed, 3, concealed=True) for seed in (11, 11, 12))
    assert first.measured.tobytes() == again.measured.tobytes()
    assert first.truth.without.tobytes() == again.truth.without.tobytes()
    assert first.measured.shape != other.measured.shape or first.measured.tobytes() != other.measured.tobytes()


def test_the_mask_lies_where_the_excess_is() -> None:
    scan = simulate("parcel", 4, 1, concealed=True, scanner=COARSE)
    (found, *_) = scan.truth.hidden
    assert np.abs(found.excess[0][found.mask]).mean() > 5 * np.abs(found.excess[0][~found.mask]).mean()


# The scanner


def test_belt_scanners_are_drawn_around_the_presets() -> None:
    for seed in range(40):
        scanner = draw_belt_scanner(np.random.default_rng(seed))
        assert scanner.energies == ("160kV-low", "160kV-high")
        assert all(0.8 <= pitch <= 1.6 for pitch in scanner.pitch_mm)
        assert 700 <= scanner.source_distance <= 1000
        assert scanner.noise.compound > 1


def test_every_layer_of_a_belt_scanner_has_its_stored_beam() -> None:
    for layer in (*LOW_LAYERS, *HIGH_LAYERS):
        assert beam_key("160kV", layer.detector, layer.thickness_mm, layer.filters) in stored_beams()


def test_tube_beams_are_found_by_the_names_that_scans_carry() -> None:
    for names in (("160kV-low", "160kV-high"), ("160 kV low", "160 kV high")):
        low, high = standard_beams(names) or ()
        assert low is tube_beam(160, thickness_mm=LOW_LAYER.thickness_mm)
        assert high is tube_beam(160, detector="CsI", thickness_mm=4, filters=HIGH_LAYER.filters)
        assert low.weights @ low.energy_kev < high.weights @ high.energy_kev - 10
    assert standard_beams(("6MV-low",)) is None
    assert standard_beams(("16kV-low",)) is None


def test_parcel_scans_are_taken_for_parcels() -> None:
    scan = Scan(transmission=np.ones((2, 32, 32), np.float32), energies=BELTS["parcel-160kv"].energies)
    assert detector.choose_model(scan) == "parcel"


def test_the_mass_of_powder_in_clothes_is_known_from_its_excess() -> None:
    """20 x 20 mm of 2 g/cm2 behind 1 g/cm2 of cotton: 8 g. Bias allowed as in nii.physics.mass."""
    beams = standard_beams(("160kV-low", "160kV-high"))
    assert beams is not None
    depth = np.zeros((2, 40, 40), np.float32)
    depth[0] = 1.0
    without = transmission(depth, ["cotton", "cocaine_hcl"], beams)
    depth[1, 10:30, 10:30] = 2.0
    present = transmission(depth, ["cotton", "cocaine_hcl"], beams)
    mask = depth[1] > 0
    found = excess_mass(np.log(without / present), mask, present, pitch_mm=(1.0, 1.0), beams=beams, noise=NoiseModel())
    assert found.kg == pytest.approx(0.008, rel=0.05)


def test_a_near_source_shows_what_lies_off_the_plane_whole() -> None:
    """850 mm from the plane, 300 mm up: an edge at y = -150, z = 0 crosses the plane at 300 - 300 * 850 / 700."""
    view = BELTS["parcel-160kv"].view(Box((0, 100), (-150, 150), (0, 400)))
    assert view.z[-1] == pytest.approx(300 - 300 * 850 / 700, abs=1.6)  # pixels of 1 mm, whole ones only
    assert view.z[0] == pytest.approx(300 + 100 * 850 / 700, abs=1.1)


def test_one_energy_of_a_portal_is_a_scanner_too() -> None:
    dual = PORTALS["portal-6mv"]
    single = replace(dual, channels=dual.channels[1:], pitch_mm=(40.0, 40.0))
    scan = simulate("cargo", 2, 1, concealed=True, scanner=single)
    assert scan.scanner.energies == ("6MV",)
    assert scan.measured.shape[0] == 1
    assert scan.truth.without.shape[0] == 1
