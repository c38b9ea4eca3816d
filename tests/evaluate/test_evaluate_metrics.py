import builtins
import json
import math
import sys

import numpy as np
import pytest
from scipy import stats

from nii.errors import CalibrationError, ScanSetError, UsageError
from nii.evaluate.metrics.collect import metrics
from nii.evaluate.metrics.compare import compare
from nii.evaluate.metrics.detection import tail_probability
from nii.evaluate.metrics.missing import Unknown, split_unknown
from nii.evaluate.metrics.pixels import pixel_statistics
from nii.evaluate.metrics.results import KnownConcealment, ScanResult, ScoredRegion, usable
from nii.stats.operating_point import Calibration
from nii.stats.optional import evaluate_extra

MODEL = {"name": "cargo", "version": "1"}
CONTRACT = [  # section 3 of the contract: what metrics.json must hold
    "model",
    "scans.benign",
    "scans.concealed",
    "auroc",
    "auroc_ci",
    "pd_at_pfa.0.01.pd",
    "pd_at_pfa.0.01.ci",
    "pd_at_pfa.0.01.threshold",
    "pd_at_pfa.0.01.pfa_observed",
    "operating_point.pfa",
    "operating_point.pd",
    "operating_point.pfa_observed",
    "operating_point.alarms_benign",
    "families.bricks.n",
    "families.bricks.auroc",
    "families.bricks.pd_at_pfa.0.01.pd",
    "pixel.auroc",
    "pixel.ap",
    "pixel.aupro",
    "regions.froc",
    "regions.recall_at_1_per_scan",
    "mass.n",
    "mass.median_relative_error",
    "mass.ci90_coverage",
    "material.share_right",
    "seconds_per_scan",
]


def calibration(n: int = 199, **more) -> Calibration:
    """Benign scores that are the quantiles of a standard normal."""
    return Calibration.from_scores(stats.norm.ppf(np.arange(1, n + 1) / (n + 1)), **more)


def scan(name: str, score: float, *, family: str | None = None, **more) -> ScanResult:
    truth = (KnownConcealment(family=family, **more.pop("truth", {})),) if family else ()
    more = {"p_value": calibration().p_value(score), "seconds": 0.5, **more}
    return ScanResult(name=name, concealed=family is not None, score=score, truth=truth, **more)


def complete_set(rng, benign: int = 40, concealed: int = 40, shift: float = 1.5) -> list[ScanResult]:
    heat = rng.random((20, 30), dtype=np.float32)
    mask = np.zeros((20, 30), np.uint8)
    mask[5:9, 10:15] = 255
    box = (10.0, 5.0, 5.0, 4.0)
    mass = {"mass_kg": 2.0, "mass_low": 1.0, "mass_high": 3.0}
    named = {"family": "bricks", "families": (("bricks", 0.8),), "similar": ("bricks",)}
    found = ScoredRegion(box=box, score=1.0, material="organic", **named, **mass)
    clear, hidden = pixel_statistics(heat, None), pixel_statistics(heat, mask)
    families, loads = ["bricks", "firearm"], ["timber", "mixed:tyres+car", "mixed:car+drums"]
    said = {"scanner": "s", "any_load": "loaded", "kinds": ("timber", "drums")}
    return [scan(f"b{i}", float(rng.normal()), cargo=loads[i % 3], pixels=clear, **said) for i in range(benign)] + [
        scan(
            f"c{i}",
            float(rng.normal(shift)),
            family=families[i % 2],
            truth={"box": box, "mass_kg": 0.5 + i, "dprime": float(i), "material": "organic"},
            cargo=loads[i % 3],
            pixels=hidden,
            regions=(found,),
            **said,
        )
        for i in range(concealed)
    ]


def figures(results, **more):
    made = metrics(results, model=MODEL, calibrations=[calibration()], resamples=100, **more)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert_every_null_has_a_reason(made)
    return made


def assert_every_null_has_a_reason(made):
    nulls = []

    def walk(tree, path):
        if tree is None:
            nulls.append(path.removeprefix("."))
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
        for key, value in pairs:
            walk(value, f"{path}.{key}")

    walk({key: value for key, value in made.items() if key not in ("unknown", "model", "about")}, "")
    assert sorted(nulls) == sorted(made["unknown"])


def lookup(made, path):
    for key in path.replace("0.01", "0_01").split("."):
        made = made[key.replace("_01", ".01")]
    return made


def test_a_complete_set_answers_every_field_of_the_contract(rng):
    made = figures(complete_set(rng))
    assert [path for path in CONTRACT if lookup(made, path) is None] == []
    assert made["model"] == MODEL
    rare = ("detection_curves", "what.unknown_of_truly_unknown", "what.false_regions")  # this set has none of these
    assert [path for path in made["unknown"] if not path.startswith(rare)] == []
    assert set(made["pd_at_pfa"]) == {"0.001", "0.01", "0.05"}


def test_auroc_of_a_gaussian_set_is_the_binormal_closed_form(rng):
    made = figures(complete_set(rng, 800, 800, shift=1.0))
    # standard error of Hanley and McNeil for n = 800: 0.0124
    assert made["auroc"] == pytest.approx(stats.norm.cdf(1 / math.sqrt(2)), abs=0.05)
    low, high = made["auroc_ci"]
    assert low < made["auroc"] < high
    assert high - low == pytest.approx(2 * 1.96 * 0.0124, rel=0.3)


def test_pd_at_pfa_is_counted_by_hand():
    # benign 1 ... 20; at 5 % one may alarm: threshold 19; concealed 18, 19, 20, 30: two above
    results = [scan(f"b{i}", float(i)) for i in range(1, 21)]
    results += [scan(f"c{s}", s, family="bricks") for s in (18.0, 19.0, 20.0, 30.0)]
    at_pfa = figures(results)["pd_at_pfa"]
    five = at_pfa["0.05"]
    assert (five["threshold"], five["pd"], five["found"], five["concealed"]) == (19.0, 0.5, 2, 4)
    assert (five["pfa_observed"], five["alarms_benign"], five["benign"]) == (0.05, 1, 20)
    assert five["ci"] == pytest.approx([0.0676, 0.9324], abs=1e-4)  # Clopper-Pearson, 2 of 4
    assert (five["supported"], five["threshold_from"]) == (True, "benign scans of this set")


def test_a_budget_that_the_set_is_too_small_for_is_marked():
    results = [scan(f"b{i}", float(i)) for i in range(28)] + [scan("c", 30.0, family="bricks")]
    one = figures(results)["pd_at_pfa"]["0.01"]
    assert (one["pd"], one["pfa_observed"], one["threshold"], one["supported"]) == (1.0, 0.0, 27.0, False)
    assert one["note"] == "a Pfa of 0.01 takes 99 benign scans, these 28 support 0.0345"


def test_the_operating_point_comes_from_the_model_and_not_from_this_set():
    # the set's benign scans score far higher than the calibration: the promise is seen to break
    results = [scan(f"b{i}", 3.0 + i) for i in range(10)] + [scan("c", 2.0, family="bricks")]
    point = figures(results, operating_pfa=0.05)["operating_point"]
    assert point["threshold"] == point["thresholds"]["default"] == calibration().threshold(0.05)
    assert (point["pfa"], point["pfa_observed"], point["alarms_benign"], point["pd"]) == (0.05, 1.0, 10, 1.0)
    assert point["calibration_scans"] == {"default": 199}
    assert point["tail_probability"] < 1e-6
    assert point["threshold_from"] == "calibration in the model file"


def test_the_operating_point_of_two_scanners_uses_the_calibration_of_each():
    north = Calibration.from_scores(np.arange(10.0), name="north", scanner="north")
    default = Calibration.from_scores(np.arange(100.0, 110.0))
    results = [
        ScanResult(name=n, concealed=c, score=50.0, p_value=k.p_value(50.0), scanner=s)
        for n, c, s, k in [
            ("a", False, "north", north),
            ("b", False, "south", default),
            ("c", True, None, default),
        ]
    ]
    made = metrics(results, model=MODEL, calibrations=[default, north], operating_pfa=0.1)
    point = made["operating_point"]
    assert point["thresholds"] == {"north": 9.0, "default": 109.0}
    assert (point["alarms_benign"], point["found"], point["threshold"]) == (1, 0, None)
    assert made["calibration"]["north"]["benign"] == 1
    assert made["scanners"]["north"]["operating_point"]["pfa_observed"] == 1.0


def test_a_result_may_name_the_calibration_that_ranked_it():
    default, single = calibration(), Calibration.from_scores(np.arange(50.0, 70.0), name="single-energy")
    results = [scan("a", 60.0, calibration="single-energy", p_value=single.p_value(60.0), scanner="s")]
    made = metrics(results, model=MODEL, calibrations=[default, single], operating_pfa=0.1)
    assert made["operating_point"]["thresholds"] == {"single-energy": 68.0}
    assert made["calibration"]["single-energy"]["benign"] == 1
    unknown = metrics(results, model=MODEL, calibrations=[default])["unknown"]["operating_point.pd"]
    assert unknown == "a: expected calibration 'single-energy' in the model, came none"


def test_a_promise_that_the_model_cannot_make_is_unknown_and_not_zero(rng):
    results = complete_set(rng, 5, 5)
    point = figures(results, operating_pfa=0.001)["operating_point"]
    assert point["pd"] is point["pfa_observed"] is point["alarms_benign"] is None
    without = metrics(results, model=MODEL)
    assert "carries no calibration" in without["unknown"]["operating_point.pd"]
    assert without["calibration"] is None
    bare = [ScanResult(name="a", concealed=False, score=1.0)]
    assert "1 of 1 scans have no p-value" in figures(bare)["unknown"]["operating_point.pfa_observed"]


def test_tail_probability_counts_both_sources_of_chance():
    assert tail_probability(0, 50, 99, 0.05) == 1.0
    assert tail_probability(1, 1, 99, 0.05) == pytest.approx(0.05)
    # n = 9, budget 0.1, 2 fresh scans: both above all nine is 2! 9! / 11! = 1/55
    assert tail_probability(2, 2, 9, 0.1) == pytest.approx(1 / 55)


def test_families_loads_and_scanners_are_counted_apart(rng):
    made = figures(complete_set(rng))
    assert {name: row["n"] for name, row in made["families"].items()} == {"bricks": 20, "firearm": 20}
    assert made["families"]["bricks"]["operating_point"]["concealed"] == 20
    loads = {name: (row["benign"], row["concealed"]) for name, row in made["cargo"].items()}
    assert loads == {"mixed": (26, 26), "timber": (14, 14)}
    assert made["scanners"]["s"]["auroc"] == made["auroc"]


def test_what_nobody_could_tell_is_a_family_of_its_own():
    told, alike = (
        scan(name, 1.0, family="powder", truth={"alike": alike}) for name, alike in (("a", False), ("b", True))
    )
    rows = figures([told, alike, scan("c", 0.0)])["families"]
    assert {name: row["n"] for name, row in rows.items()} == {"powder": 1, "powder, as its goods": 1}


def test_detection_by_mass_and_dprime_counts_each_scan_once(rng):
    made = figures(complete_set(rng))
    masses = {row["low"]: row["n"] for row in made["detection_by_mass_kg"]}
    assert masses == {0: 1, 1: 1, 2: 3, 5: 5, 10: 10, 20: 20}  # 0.5, 1.5, ... 39.5 kg
    assert sum(row["n"] for row in made["detection_by_dprime"]) == 40


def test_the_last_bin_has_no_upper_end():
    heavy = scan("c", 1.0, family="false_wall", truth={"mass_kg": 900.0})
    (row,) = figures([heavy])["detection_by_mass_kg"]
    assert (row["low"], "high" in row) == (500, False)


def test_without_concealed_scans_the_false_alarms_still_count(rng):
    made = figures(complete_set(rng, 30, 0))
    assert (made["auroc"], made["auroc_ci"], made["roc"]) == (None, None, None)
    assert made["unknown"]["auroc"] == "no concealed scan"
    assert made["operating_point"]["pd"] is None
    assert made["operating_point"]["pfa_observed"] is not None
    assert made["pd_at_pfa"]["0.05"]["pd"] is None
    assert made["pd_at_pfa"]["0.05"]["threshold"] is not None
    assert (made["families"], made["mass"]["n"]) == ({}, 0)


def test_without_benign_scans_the_promised_threshold_still_finds(rng):
    made = figures(complete_set(rng, 0, 30))
    assert made["auroc"] is made["pd_at_pfa"]["0.01"]["pd"] is made["operating_point"]["pfa_observed"] is None
    assert made["operating_point"]["pd"] is not None
    assert made["calibration"]["default"]["ks"] is None


@pytest.mark.parametrize("family", [None, "bricks"])
def test_a_set_of_one_scan_is_fine(family):
    made = figures([scan("only", 1.0, family=family)])
    assert made["scans"]["total"] == 1
    assert made["auroc"] is None


def test_one_scan_of_each_kind_has_an_honest_interval():
    made = figures([scan("b", 0.0), scan("c", 1.0, family="bricks")])
    assert made["auroc"] == 1.0
    assert made["auroc_ci"] == pytest.approx([0.025, 1.0])


def test_failed_scans_are_listed_and_counted_in_no_rate(rng):
    broken = ScanResult(name="broken", concealed=True, error="broken.tif: expected a TIFF, came text")
    made = figures([*complete_set(rng, 10, 10), broken])
    assert made["scans"] == {"benign": 10, "concealed": 10, "failed": 1, "total": 21}
    assert made["failed"] == [{"name": "broken", "concealed": True, "error": broken.error}]
    assert made["operating_point"]["concealed"] == 10
    nothing = figures([broken])
    assert nothing["scans"]["failed"] == 1
    assert nothing["seconds_per_scan"] is None


def test_drift_from_the_calibration_shows_in_its_check(rng):
    alike = figures(complete_set(rng, 200, 0))["calibration"]["default"]
    shifted = figures([scan(f"b{i}", float(rng.normal(1.0))) for i in range(200)])["calibration"]["default"]
    assert (alike["n"], alike["benign"], alike["smallest_pfa"]) == (199, 200, 0.005)
    assert alike["ks_p_value"] > 1e-3  # a right test falls below once in a thousand
    assert shifted["ks_p_value"] < 1e-6


def test_time_per_scan_is_the_median():
    results = [scan(str(i), 0.0, seconds=s) for i, s in enumerate((0.1, 0.2, 9.0))]
    made = figures(results)
    assert made["seconds_per_scan"] == 0.2
    assert made["seconds"]["mean"] == pytest.approx(3.1)


def test_the_same_seed_gives_the_same_figures(rng):
    results = complete_set(rng, 15, 15)
    assert figures(results, seed=3) == figures(results, seed=3)


@pytest.mark.parametrize(
    ("results", "error", "message"),
    [
        ([], ScanSetError, "scan set: expected at least one scan, came none"),
        ([scan("a", 1.0), scan("a", 2.0)], ScanSetError, "expected each name once, came 'a' twice"),
    ],
)
def test_a_set_without_scans_or_with_one_name_twice_is_refused(results, error, message):
    with pytest.raises(error, match=message):
        metrics(results, model=MODEL)


def test_a_budget_outside_zero_to_one_is_refused():
    with pytest.raises(CalibrationError, match="Pfa: expected"):
        metrics([scan("a", 1.0)], model=MODEL, pfas=[1.0])


def test_a_result_needs_a_score_or_an_error():
    for more in ({}, {"score": math.nan}, {"score": 1.0, "error": "x"}):
        with pytest.raises(ScanSetError, match="expected a finite score or an error"):
            ScanResult(name="a", concealed=False, **more)
    with pytest.raises(ScanSetError, match="expected no truth in a benign scan"):
        ScanResult(name="a", concealed=False, score=1.0, truth=(KnownConcealment(family="bricks"),))


def test_properties_of_a_result_sum_up_its_concealments():
    truth = (KnownConcealment(family="b", mass_kg=2.0, dprime=3.0), KnownConcealment(family="a", mass_kg=1.0))
    result = ScanResult(name="x", concealed=True, score=1.0, truth=truth, cargo="mixed:a+b", p_value=0.01)
    assert (result.families, result.mass_kg, result.dprime, result.load) == (("a", "b"), 3.0, 3.0, "mixed")
    assert (result.alarm(0.01), result.alarm(0.009)) == (True, False)
    unknown = ScanResult(name="y", concealed=True, score=1.0, truth=(*truth, KnownConcealment(family="c")))
    assert (unknown.mass_kg, unknown.alarm(0.5)) == (None, None)


def test_loads_of_two_kinds_are_one_load():
    loads = ["timber", "mixed:tyres+car", "tyres+car", None]
    assert [scan("a", 1.0, cargo=cargo).load for cargo in loads] == ["timber", "mixed", "mixed", None]


def test_unknown_figures_become_null_with_their_reason_by_path():
    tree = {"a": {"b": Unknown("why")}, "c": [1, Unknown("so")], "d": 0}
    assert split_unknown(tree) == ({"a": {"b": None}, "c": [1, None], "d": 0}, {"a.b": "why", "c.1": "so"})


def test_a_missing_package_names_the_extra(monkeypatch):
    plain_import = builtins.__import__

    def without_sklearn(name, *args, **more):
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return plain_import(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without_sklearn)
    for name in [name for name in sys.modules if name.split(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(UsageError, match=r"package sklearn\.metrics, came none; .* 'nii\[evaluate\]'"):
        metrics([scan("b", 0.0), scan("c", 1.0, family="bricks")], model=MODEL)
    with pytest.raises(UsageError, match="nothing_like_it"), evaluate_extra():
        raise ModuleNotFoundError(name="nothing_like_it")


def test_a_thousand_results_hold_little_memory(rng):
    results = usable(complete_set(rng, 1, 1)).all
    assert sum(r.pixels.negative.nbytes + r.pixels.positive.nbytes + r.pixels.overlap.nbytes for r in results) < 80_000


def paired(rng, gain: float, n: int = 150) -> tuple[list[ScanResult], list[ScanResult]]:
    """Two models that see the same hard and easy scans; b separates by `gain` more."""
    a, b = [], []
    for i in range(2 * n):
        family = "bricks" if i % 2 else None
        base = float(rng.normal()) + (1.0 if family else 0.0)
        a.append(scan(str(i), base, family=family))
        b.append(scan(str(i), base + float(rng.normal(gain if family else 0.0, 0.1)), family=family))
    return a, b


def test_a_small_real_gain_shows_in_the_paired_difference(rng):
    a, b = paired(rng, gain=0.15)
    made = compare(a, b, resamples=400)
    assert made["auroc"]["difference"] == pytest.approx(made["auroc"]["b"] - made["auroc"]["a"])
    assert made["auroc"]["ci"][0] > 0
    assert made["auroc"]["p_value"] < 0.02
    alone = metrics(a, model=MODEL, resamples=400)["auroc_ci"]
    assert made["auroc"]["b"] < alone[1]  # two separate intervals would not have shown it


def test_two_equal_models_show_no_difference(rng):
    a, _ = paired(rng, gain=0.0, n=20)
    made = compare(a, a, resamples=100)
    assert (made["auroc"]["difference"], made["auroc"]["ci"], made["auroc"]["p_value"]) == (
        0.0,
        [0.0, 0.0],
        1.0,
    )
    assert made["pd_at_pfa"]["0.05"]["difference"] == 0.0


def test_comparison_is_over_the_scans_that_both_scored(rng):
    a, b = paired(rng, gain=0.3, n=10)
    made = compare([*a, scan("only a", 1.0)], b[2:])
    assert made["scans"] == {"benign": 9, "concealed": 9, "left_out_a": 3, "left_out_b": 0}
    assert compare(a, [ScanResult(name="0", concealed=False, error="x")])["unknown"] == {
        "auroc": "no benign scan",
        "pd_at_pfa": "no benign scan",
        "families": "no benign scan",
        "operating_point.pd": "no concealed scan",
        "operating_point.pfa_observed": "no benign scan",
        "recall_at_1": "no concealment with a known box in this set",
    }
    with pytest.raises(ScanSetError, match="0: expected one truth for both models"):
        compare(a, [scan("0", 1.0, family="bricks")])


def test_the_models_own_decisions_and_places_are_compared_scan_by_scan():
    box, elsewhere = (10.0, 5.0, 5.0, 4.0), (90.0, 5.0, 5.0, 4.0)
    right, wrong = ScoredRegion(box=box, score=1.0), ScoredRegion(box=elsewhere, score=1.0)

    def seen(name, p_value, region, **more):
        return scan(name, 1.0, p_value=p_value, regions=(region,), **more)

    hidden = {"family": "bricks", "truth": {"box": box}}
    a = [seen("0", 0.5, wrong), *(seen(str(i), 0.005, wrong, **dict(hidden)) for i in (1, 2, 3, 4))]
    b = [seen("0", 0.005, wrong), *(seen(str(i), 0.5, right, **dict(hidden)) for i in (1, 2, 3))]
    b.append(seen("4", 0.005, wrong, **dict(hidden)))
    made = compare(a, b, operating_pfa=0.02, resamples=200)
    pd, pfa, first = made["operating_point"]["pd"], made["operating_point"]["pfa_observed"], made["recall_at_1"]
    assert (pd["a"], pd["b"], pd["only_a"], pd["only_b"], pd["n"]) == (1.0, 0.25, 3, 0, 4)
    assert (pfa["a"], pfa["b"], pfa["only_b"], pfa["n"]) == (0.0, 1.0, 1, 1)
    assert (first["a"], first["b"], first["only_b"]) == (0.0, 0.75, 3)
    assert made["families"]["bricks"]["n"] == 4
    assert made["operating_point"]["pfa"] == 0.02


def test_mass_errors_are_given_for_each_family():
    def weighed(name, family, true, estimate):
        box = (10.0, 5.0, 5.0, 4.0)
        found = ScoredRegion(box=box, score=1.0, mass_kg=estimate, mass_low=estimate / 2, mass_high=estimate * 2)
        return scan(name, 1.0, family=family, truth={"box": box, "mass_kg": true}, regions=(found,))

    made = figures([weighed("a", "bricks", 2.0, 3.0), weighed("b", "firearm", 4.0, 1.0)])["mass"]
    assert (made["n"], made["median_relative_error"]) == (2, pytest.approx(0.625))
    bricks, firearm = made["families"]["bricks"], made["families"]["firearm"]
    assert (bricks["median_bias"], bricks["ci90_coverage"]) == (pytest.approx(0.5), 1.0)
    assert (firearm["median_bias"], firearm["ci90_coverage"]) == (pytest.approx(-0.75), 0.0)


def test_detection_by_cover_counts_the_least_covered_concealment():
    truth = (
        KnownConcealment(family="b", cover=2.5, cover_steel_mm=70.0),
        KnownConcealment(family="a", cover=0.6, cover_steel_mm=15.0),
    )
    results = [ScanResult(name="x", concealed=True, score=1.0, p_value=0.5, truth=truth), scan("b", 0.0)]
    (row,) = figures(results)["detection_by_cover"]
    assert (row["low"], row["high"], row["n"], row["median"], row["steel_mm"]) == (0.5, 1, 1, 0.6, 15.0)
