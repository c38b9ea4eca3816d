"""Loads: answers of the test of emptiness by truth, and the rank of the true kind."""

from nii.evaluate.metrics.loads import load_metrics
from nii.evaluate.metrics.missing import Unknown
from nii.evaluate.metrics.results import ScanResult

KINDS = ("tiles", "paper", "steel", "wood", "rice", "empty")


def scan(cargo: str | None, any_load: str, *first: str, concealed: bool = False) -> ScanResult:
    kinds = (*first, *(kind for kind in KINDS if kind not in first))
    return ScanResult(name="a", concealed=concealed, score=0.0, cargo=cargo, any_load=any_load, kinds=kinds)


def test_answers_are_counted_by_truth_and_kinds_by_rank():
    results = [
        scan("empty", "empty"),
        scan("empty", "undetermined"),
        scan("empty", "loaded", concealed=True),  # holds a concealment: neither empty nor a load
        scan("steel", "loaded", "steel"),
        scan("rice", "loaded"),  # fifth
        scan("wood", "empty", "empty", "tiles", "paper", "steel", "rice"),  # sixth
        scan("steel+rice", "loaded"),  # of several kinds
        scan("feathers", "undetermined"),  # a kind that the model hasn't
        scan(None, "loaded"),
    ]
    told = load_metrics(results)
    assert told["any_load"] == {
        "empty": {"empty": 1, "undetermined": 1},
        "loaded": {"empty": 1, "loaded": 3, "undetermined": 1},
    }
    assert [(row["count"], row["n"]) for row in told["kinds"].values()] == [(1, 3), (2, 3)]
    assert told["of_other_kinds"] == 2


def test_a_set_that_says_nothing_of_its_loads_has_no_such_figures():
    assert isinstance(load_metrics([scan(None, "loaded")]), Unknown)
