import pytest

from nii.evaluate.metrics.missing import Unknown
from nii.evaluate.metrics.regions import (
    FROC_POINTS,
    confusion,
    froc,
    hits,
    mass_metrics,
    matches,
    material_rate,
    region_metrics,
)
from nii.evaluate.metrics.results import KnownConcealment, ScanResult, ScoredRegion

PLACE = (100.0, 50.0, 40.0, 20.0)
ELSEWHERE = (300.0, 50.0, 40.0, 20.0)


def region(score: float, box=PLACE, **more) -> ScoredRegion:
    return ScoredRegion(box=box, score=score, **more)


def concealed(name: str, *regions: ScoredRegion, box=PLACE, family="bricks", mass=None, material=None) -> ScanResult:
    truth = KnownConcealment(family=family, box=box, mass_kg=mass, material=material)
    return ScanResult(name=name, concealed=True, score=1.0, truth=(truth,), regions=regions)


def benign(name: str, *regions: ScoredRegion) -> ScanResult:
    return ScanResult(name=name, concealed=False, score=0.0, regions=regions)


@pytest.mark.parametrize(
    ("box", "hit"),
    [
        (PLACE, True),
        ((110, 55, 5, 5), True),  # a small part of a large concealment
        ((120, 50, 40, 20), True),  # half of the region inside
        ((90, 40, 80, 40), True),  # four times the area around it: IoU 0.25
        ((0, 0, 400, 200), False),  # the whole scan: IoU 0.01
        ((139, 69, 40, 20), False),  # touches one pixel
        (ELSEWHERE, False),
        ((140, 50, 10, 10), False),  # side by side
    ],
)
def test_a_region_hits_what_an_officer_would_see_in_it(box, hit):
    assert hits(box, PLACE) is hit


def test_the_best_region_that_hits_is_the_match():
    scan = concealed("a", region(0.3), region(0.9, ELSEWHERE), region(0.7))
    (match,) = matches([scan])
    assert match.region is not None
    assert match.region.score == 0.7


def test_froc_of_three_scans_is_counted_by_hand():
    scans = [
        concealed("a", region(0.9), region(0.5), region(0.4, ELSEWHERE)),  # found at .9; .5 counts nothing
        concealed("b", region(0.8, ELSEWHERE), region(0.6)),  # a false one first, found at .6
        benign("c", region(0.7, ELSEWHERE)),
    ]
    curve = [(p["threshold"], p["false_per_scan"], p["recall"]) for p in froc(scans)]
    third = pytest.approx(1 / 3)
    assert curve == [
        (0.9, 0.0, 0.5),
        (0.8, third, 0.5),
        (0.7, pytest.approx(2 / 3), 0.5),
        (0.6, pytest.approx(2 / 3), 1.0),
        (0.4, 1.0, 1.0),
    ]
    figures = region_metrics(scans)
    assert (figures["recall_at_1_per_scan"], figures["found_at_1"], figures["n"]) == (0.5, 1, 2)


def test_a_long_froc_keeps_its_ends_and_stays_short():
    scans = [benign(str(i), region(float(i), ELSEWHERE)) for i in range(500)] + [concealed("x", region(250.5))]
    curve = froc(scans)
    assert len(curve) == FROC_POINTS
    assert (curve[0]["threshold"], curve[-1]["threshold"]) == (499.0, 0.0)


def test_no_region_at_all_is_a_recall_of_zero_and_no_box_is_unknown():
    assert region_metrics([concealed("a"), benign("b")])["recall_at_1_per_scan"] == 0.0
    figures = region_metrics([concealed("a", region(0.9), box=None), benign("b")])
    assert figures["recall_at_1_per_scan"] == Unknown("no concealment with a known box in this set")
    assert figures["froc"] == figures["recall_at_1_per_scan"]


def test_mass_errors_are_relative_to_the_true_mass():
    scans = [
        concealed("a", region(0.9, mass_kg=12.0, mass_low=9.0, mass_high=15.0), mass=10.0),
        concealed("b", region(0.9, mass_kg=15.0, mass_low=14.0, mass_high=16.0), mass=20.0),
        concealed("c", region(0.9, ELSEWHERE, mass_kg=1.0), mass=5.0),  # not found: no estimate
        concealed("d", region(0.9), mass=5.0),  # found, but not weighed
    ]
    figures = mass_metrics(scans)
    assert (figures["n"], figures["n_truth"]) == (2, 4)
    assert figures["median_relative_error"] == pytest.approx((0.2 + 0.25) / 2)
    assert figures["median_bias"] == pytest.approx((0.2 - 0.25) / 2)
    assert (figures["ci90_coverage"], figures["ci90_n"]) == (0.5, 2)


def test_masses_that_nobody_knows_are_unknown():
    reason = Unknown("no found concealment has both a true and an estimated mass")
    assert mass_metrics([concealed("a", region(0.9, mass_kg=3.0))])["median_relative_error"] == reason
    figures = mass_metrics([concealed("a", region(0.9, mass_kg=3.0), mass=2.0)])
    assert figures["median_relative_error"] == 0.5
    assert figures["ci90_coverage"] == Unknown("no mass estimate has an interval")


def test_confusion_says_what_found_concealments_were_called():
    scans = [
        concealed("a", region(0.9, family="bricks", material="organic"), material="inorganic"),
        concealed("b", region(0.9, family="firearm")),
        concealed("c", family="firearm", material="metal"),
    ]
    assert confusion(scans) == {
        "family": {"bricks": {"bricks": 1, "firearm": 1}, "firearm": {"not found": 1}},
        "family_material": {"bricks": {"not named": 1, "organic": 1}, "firearm": {"not found": 1}},
        "material": {"inorganic": {"organic": 1}, "metal": {"not found": 1}},
    }


def test_materials_are_right_or_wrong_only_where_one_is_named_and_the_truth_is_known():
    scans = [
        concealed("a", region(0.9, material="organic"), material="organic"),
        concealed("b", region(0.9, material="metal"), material="organic"),
        concealed("c", region(0.9, material="undetermined"), material="organic"),
        concealed("d", region(0.9, material="organic")),
        concealed("e", material="organic"),
    ]
    rate = material_rate(scans)
    assert (rate["found"], rate["named"], rate["right"], rate["share_right"]) == (3, 2, 1, 0.5)
    assert isinstance(material_rate(scans[2:])["right"], Unknown)
