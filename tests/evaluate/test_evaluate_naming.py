"""Names of found concealments: counts, unknown where it is right, and the error of their probabilities."""

import pytest

from nii.evaluate.metrics.missing import Unknown
from nii.evaluate.metrics.naming import LOOKED_AT, calibration_error, what_metrics
from nii.evaluate.metrics.results import KnownConcealment, ScanResult, ScoredRegion

PLACE, ELSEWHERE = (100, 100, 40, 40), (300, 100, 40, 40)


def region(called: str, likeliest: str, probability: float, box=PLACE, score=1.0, similar=()) -> ScoredRegion:
    return ScoredRegion(box=box, score=score, family=called, families=((likeliest, probability),), similar=similar)


def scan(name: str, true: str, *regions: ScoredRegion) -> ScanResult:
    return ScanResult(
        name=name, concealed=True, score=1.0, truth=(KnownConcealment(family=true, box=PLACE),), regions=regions
    )


def test_names_are_counted_with_unknown_where_it_is_right_and_where_it_is_not():
    results = [
        scan("a", "bricks", region("bricks", "bricks", 0.9, similar=("pills", "bricks"))),
        scan("b", "bricks", region("unknown", "bricks", 0.4, similar=("pills",))),
        scan("c", "pills", region("bricks", "bricks", 0.6)),
        scan("d", "other", region("unknown", "pills", 0.3)),
        scan("e", "sculpture", region("pills", "pills", 0.8)),  # a family that the model hasn't
        scan("f", "pills", region("pills", "pills", 0.9, box=ELSEWHERE)),
    ]
    told = what_metrics(results, ["bricks", "pills", "other"])
    assert told["n"] == 5
    assert told["confusion"] == {
        "bricks": {"bricks": 1, "unknown": 1},
        "pills": {"bricks": 1},
        "unknown": {"pills": 1, "unknown": 1},
    }
    counts = {name: (row["count"], row["n"]) for name, row in told.items() if isinstance(row, dict) and "count" in row}
    assert counts == {
        "named": (3, 5),
        "right_of_named": (1, 3),
        "right_of_known": (1, 3),
        "likeliest_right_of_known": (2, 3),
        "unknown_of_known": (1, 3),
        "unknown_of_truly_unknown": (1, 2),
        "similar_of_the_family": (1, 2),
        "false_regions": (1, 1),
    }
    assert what_metrics(results)["unknown_of_truly_unknown"]["n"] == 1  # what has no family, for any model
    assert told["unknown_of_truly_unknown"]["ci"] == pytest.approx(
        (0.0126, 0.9874), abs=1e-4
    )  # Clopper-Pearson, 1 of 2


def test_only_the_highest_regions_of_a_scan_count():
    false = [region("bricks", "bricks", 0.9, box=ELSEWHERE, score=2.0 + i) for i in range(LOOKED_AT)]
    assert isinstance(what_metrics([scan("a", "bricks", *false, region("bricks", "bricks", 0.9))]), Unknown)
    assert what_metrics([scan("a", "bricks", *false[1:], region("bricks", "bricks", 0.9))])["n"] == 1


def test_records_without_families_give_no_figure():
    bare = ScoredRegion(box=PLACE, score=1.0, family="bricks")
    assert isinstance(what_metrics([scan("a", "bricks", bare)]), Unknown)


def test_the_calibration_error_is_the_mean_difference_of_promise_and_truth():
    assert calibration_error([0.8, 0.8], [True, False], bins=1)["value"] == pytest.approx(0.3)
    assert calibration_error([0.9, 0.5, 0.5, 0.9], [True, False, True, True], bins=2)["value"] == pytest.approx(0.05)
    told = calibration_error([0.1] * 20 + [0.9] * 20, [False] * 20 + [True] * 20, bins=10)
    assert (told["n"], len(told["bins"])) == (40, 10)
    assert told["value"] == pytest.approx(0.1)
    # a bin of 4 regions of probability 0.1 holds 0, 1, 2 right ones ... : mean distance of their share to it 0.131
    assert told["if_right"] == pytest.approx(0.131, abs=0.01)
