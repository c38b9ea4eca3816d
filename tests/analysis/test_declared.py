"""As declared? Declarations are read, loads are ranked among known ones, and what can't be told is not guessed."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from tiny_model import tiny_model

from nii import cli
from nii.analysis.declared.check import judge, sections_record
from nii.analysis.declared.documents import documents_for
from nii.analysis.declared.insides import Insides, find_insides
from nii.analysis.declared.mass import find_mass, weigh
from nii.analysis.declared.plausible import p_value, plausible, worst
from nii.analysis.declared.registry import Entry, ask, read_registry
from nii.analysis.declared.sections import Section, counted, find_sections, on_pitch
from nii.analysis.declared.words import Good, hs_table, kinds_of, meaning, read_declaration, word_table
from nii.analysis.fields import DeclaredAnswer
from nii.errors import CalibrationError, UsageError
from nii.fit.loads import Observed, with_loads
from nii.io.scanset import ScanEntry
from nii.io.write import write_tiff
from nii.model.contract import read_contract, with_contract
from nii.model.detector import Detector
from nii.model.load_calibration import OWN, LoadCalibration
from nii.physics.beams import standard_beams
from nii.physics.forward import attenuation_curve
from nii.run.batch import BatchSettings, Run, Sources
from nii.scan import Scan
from nii.simulate.sets.kinds import KINDS
from nii.simulate.sets.write import SetRecipe, begin_set, write_simulated
from nii.studies.declared import figures, renamed

pytestmark = pytest.mark.slow

CARGOS = ("drums", "empty", "sacks", "tyres")
CONTRACT = replace(read_contract(tiny_model(), "tiny"), cargos=CARGOS)


def section(**shares: float) -> Section:
    """A section of these probabilities; what is left is spread over the other kinds."""
    rest = (1 - sum(shares.values())) / (len(CARGOS) - len(shares))
    return Section((0, 10), np.array([shares.get(kind, rest) for kind in CARGOS]))


def calibration(n: int = OWN, mixed: int = 39, highest: float = 1.0) -> LoadCalibration:
    """n loads of each kind, whose scores are spread evenly up to `highest`."""
    scores = np.linspace(0.01, highest, n)
    loads = [((kind,), float(score)) for kind in CARGOS for score in scores]
    loads += [(("drums", "tyres"), float(score)) for score in np.linspace(0.01, 1.0, mixed)]
    return LoadCalibration.from_scores(loads, np.linspace(0.8, 1.25, 99), len(loads))


def judged(text: str, *sections: Section, by: LoadCalibration | None = None):
    return judge(sections, read_declaration(text), replace(CONTRACT, loads=by or calibration()))


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("4819.10; HS 6403; 848210, hs code: 22.04", ["481910", "6403", "848210", "2204"]),
        ("HS 6403.99.90 sports shoes", ["64039990"]),
        ("4011", ["4011"]),
        ("Neumáticos usados, Schuhe; bois scié and olive oil", ["4011", "64", "4407", "15"]),
        ("used tyres", ["4012"]),
        ("tablet press", ["8479"]),
        ("20 boxes of shoes and shoes", ["64"]),
    ],
)
def test_goods_are_read_by_code_and_by_name_in_several_languages(text, codes):
    found = read_declaration(text)
    assert [good.code for good in found.goods] == codes
    assert found.unknown == ()


def test_what_no_table_has_is_named():
    found = read_declaration("shoes and widgets; HS 7712; gizmos")
    assert [good.code for good in found.goods] == ["64"]
    assert found.unknown == ("widgets", "7712", "gizmos")


@pytest.mark.parametrize(
    ("text", "kg"),
    [
        ("timber 12 400 kg", 12400), ("timber, 12,400 kg", 12400), ("12.400 kg timber", 12400),
        ("timber 12.4 t", 12400), ("timber 12.400 t", 12400), ("timber 1,250.5 kg", 1250.5),
        ("1.250,5 kg timber", 1250.5), ("timber 500 lbs", 226.796), ("timber 8 t; tyres 400 kg", 8400),
        ("gross weight: 9 t; timber 8 t", 9000), ("timber", None), ("4 tyres", None),
    ],
)  # fmt: skip
def test_masses_are_read_however_they_are_written(text, kg):
    assert read_declaration(text).mass_kg == (None if kg is None else pytest.approx(kg, rel=1e-5))


def test_the_consignee_is_no_goods():
    found = read_declaration("shoes; consignee: Timber & Sons, Ltd")
    assert found.consignee == "Timber & Sons, Ltd"
    assert [good.code for good in found.goods] == ["64"]


@pytest.mark.parametrize("text", ["", "  \n", "x" * 4001])
def test_a_declaration_that_says_nothing_or_too_much_is_refused(text):
    with pytest.raises(UsageError, match="expected 1 to 4000 characters"):
        read_declaration(text)


@pytest.mark.parametrize("scene", KINDS)
def test_the_tables_speak_of_the_kinds_that_the_simulator_makes(scene):
    named = {kind for row in hs_table().values() for kind in row[scene]}
    assert named == set(KINDS[scene].loads)
    chapters = {kind: chapter for kind, chapter in KINDS[scene].hs_chapters.items() if chapter != "00"}
    for kind, chapter in chapters.items():  # each is among the loads of the chapter that it is declared under
        (kinds,) = kinds_of([Good("", chapter)], KINDS[scene].loads).values()
        assert kind in kinds


def test_every_name_of_goods_has_a_code_that_means_something():
    assert all(meaning(code) for code in word_table().values() if code)


def test_goods_become_the_kinds_of_the_models_own_scenes():
    goods = read_declaration("shoes; car parts").goods
    assert list(kinds_of(goods, KINDS["cargo"].loads).values()) == [("cartons",), ("car", "cartons", "machinery")]
    assert list(kinds_of(goods, KINDS["parcel"].loads).values()) == [("shoes",), ("car_parts",)]


def test_a_p_value_is_the_share_of_known_loads_that_fit_as_little():
    by = calibration(n=99, highest=0.99)  # scores 0.01 to 0.99
    assert by.p_value(["drums"], 0.955) == pytest.approx((1 + 4) / 100)
    assert by.p_value(["drums"], 2.0) == pytest.approx(1 / 100)


def test_a_kind_with_few_known_loads_is_ranked_among_all():
    loads = [(("drums",), 5.0)] * (OWN - 1) + [(("sacks",), 1.0)] * OWN
    by = LoadCalibration.from_scores(loads, [], len(loads))
    assert by.p_value(["sacks"], 2.0) == pytest.approx(1 / (OWN + 1))
    assert by.p_value(["drums"], 6.0) == pytest.approx(1 / (len(loads) + 1))
    assert by.p_value(["drums"], 2.0) == pytest.approx(OWN / (len(loads) + 1))


def test_the_calibration_survives_the_models_file_and_older_files_have_none():
    contract = replace(CONTRACT, loads=calibration())
    assert read_contract(with_contract(tiny_model(), contract, "m"), "m").loads == contract.loads
    older = json.loads(CONTRACT.to_json())
    del older["loads"]
    assert type(CONTRACT).from_json(json.dumps(older), "m").loads is None


def test_a_calibration_without_a_load_of_one_kind_or_out_of_order_is_refused():
    with pytest.raises(CalibrationError, match="a load of one known kind, came none"):
        LoadCalibration.from_scores([(("drums", "tyres"), 1.0)], [], 1)
    with pytest.raises(CalibrationError, match="not finite and ascending"):
        LoadCalibration.from_json({**calibration().to_json(), "mixed": [2.0, 1.0]})


def test_a_load_scores_by_the_section_that_fits_it_least_and_empty_ones_do_not_count():
    sections = [section(tyres=0.8), section(tyres=0.2, sacks=0.3), section(empty=0.9)]
    assert worst(sections, ["tyres"], CARGOS) == pytest.approx(-np.log(0.2))
    assert worst(sections, ["tyres", "sacks"], CARGOS) == pytest.approx(-np.log(0.3))
    assert len(counted([section(empty=0.9)] * 2, CARGOS)) == 2  # all are empty: then that is the load


def test_conformal_sets_hold_the_true_kind_as_often_as_they_promise():
    rng = np.random.default_rng(4501)
    shares = [rng.dirichlet(np.full(len(CARGOS), 0.4)) for _ in range(2400)]
    truth = [CARGOS[rng.choice(len(CARGOS), p=p)] for p in shares]
    sections = [Section((0, 1), p) for p in shares]
    known = [((kind,), worst([one], [kind], CARGOS)) for one, kind in zip(sections, truth, strict=True)]
    by = LoadCalibration.from_scores(known[:1200], [], 1200)
    held = [kind in plausible([one], CARGOS, by, 0.1) for one, kind in zip(sections[1200:], truth[1200:], strict=True)]
    assert np.mean(held) == pytest.approx(0.9, abs=0.03)  # 3 standard errors of both halves
    sizes = [len(plausible([one], CARGOS, by, 0.1)) for one in sections[1200:]]
    assert np.mean(sizes) < 3  # and not by naming every kind


def test_what_fits_is_as_declared_and_what_does_not_fit_is_not():
    load = [section(tyres=0.9), section(tyres=0.8)]
    fits = judged("tyres", *load)
    assert (fits.answer, fits.plausible) == (DeclaredAnswer.AS_DECLARED, ("tyres",))
    assert judged("rice", *load).answer is DeclaredAnswer.NOT_AS_DECLARED
    assert judged("rice", *load).p_value == pytest.approx(1 / (OWN + 1))


def test_a_load_of_which_a_part_is_something_else_is_not_as_declared():
    assert judged("tyres", section(tyres=0.9), section(sacks=0.9)).answer is DeclaredAnswer.NOT_AS_DECLARED
    assert (
        judged("tyres; lubricating oil in drums", section(tyres=0.9), section(drums=0.9)).answer
        is DeclaredAnswer.AS_DECLARED
    )


@pytest.mark.parametrize(
    ("text", "sections", "by", "why"),
    [
        ("widgets", [section(tyres=0.9)], calibration(), "nothing that was declared is in the tables"),
        ("shoes", [section(tyres=0.9)], calibration(), "nothing that was declared can be told"),
        ("rice and widgets", [section(tyres=0.9)], calibration(), "what is unknown of the declaration: widgets"),
        ("rice and shoes", [section(tyres=0.9)], calibration(), "what is unknown of the declaration: shoes"),
        ("tyres; coal", [section(tyres=0.9)], calibration(mixed=0), "several goods"),
        ("tyres", [section(tyres=0.3)], calibration(highest=3.0), "the scan fits 4 of 4 kinds of load"),
    ],
)
def test_what_cannot_be_told_is_undetermined_with_the_reason(text, sections, by, why):
    found = judged(text, *sections, by=by)
    assert found.answer is DeclaredAnswer.UNDETERMINED
    assert why in found.why


def test_a_model_without_a_calibration_and_a_scan_unlike_it_give_no_answer():
    declaration = read_declaration("tyres")
    assert "carries no calibration of loads" in judge([section(tyres=0.9)], declaration, CONTRACT).why
    calibrated = replace(CONTRACT, loads=calibration())
    assert judge([section(tyres=0.9)], declaration, calibrated, "single energy").why == "single energy"


def test_an_empty_section_has_no_p_value_of_the_goods():
    sections = [section(tyres=0.9), section(empty=0.9)]
    found = sections_record(sections, [["tyres"]], replace(CONTRACT, loads=calibration()))
    assert [one.kind for one in found] == ["tyres", "empty"]
    assert found[0].p_value > 0.5
    assert found[1].p_value is None


def test_several_goods_are_ranked_among_mixed_loads():
    sections, by = [section(tyres=0.5, drums=0.4)], calibration(n=99, mixed=9)
    assert p_value(sections, [["tyres"], ["drums"]], CARGOS, by) == pytest.approx(4 / 10)  # 3 of 9 above -ln 0.5
    assert p_value(sections, [["tyres"], ["tyres"]], CARGOS, by) == pytest.approx(32 / 100)  # they look alike


def box_of(load: float, *, top: int = 30, columns: int = 600) -> Scan:
    """A 6 m body, 2.7 m high, on the grid of 10 mm: walls of attenuation 0.1, a load 1 m high over all its length."""
    A = np.zeros((340, columns + 100), np.float32)
    A[top : top + 270, 50 : 50 + columns] = 0.1
    A[top + 100 : top + 200, 50 : 50 + columns] += load
    A[top : top + 270, 50:65] = A[top : top + 270, 35 + columns : 50 + columns] = 1.5
    return Scan(
        transmission=np.exp(-np.stack([A, A])).astype(np.float32), pitch_mm=(10.0, 10.0), energies=("4MV", "6MV")
    )


def test_the_mass_of_water_is_that_of_water():
    beam = (standard_beams(("4MV", "6MV")) or ())[1]
    (walls, both) = attenuation_curve("water", [2.0, 32.0], beam)
    A = float(both - walls)
    scan = box_of(A)
    insides = find_insides(scan)
    start, end = insides.rooms[0].columns
    kg = find_mass(scan, insides).kg
    expected = 30.0 * (end - start) * 100 / 1000  # 30 g/cm2, 1 m high, points of 1 cm2
    assert kg == pytest.approx(expected, rel=0.05)  # walls of 0.1 are not quite 2 g/cm2


def test_a_load_darker_than_the_beam_is_not_weighed():
    scan = box_of(9.0)
    assert find_mass(scan, find_insides(scan)).why == "darker than the beam can weigh"
    assert find_mass(scan, Insides(None, (), "pixel pitch unknown")).why == "pixel pitch unknown"


def test_a_declared_mass_is_ranked_among_known_loads_from_both_sides():
    ratios = tuple(np.linspace(0.51, 1.49, 99).tolist())  # 0.51, 0.52, ...
    found = weigh(1000.0, 1000.0, ratios)
    assert found is not None
    assert (found.kg, found.low_kg, found.high_kg) == pytest.approx((1000, 550, 1450))
    assert found.p_value == 1.0
    for declared in (531.0, 1469.0):  # three loads are as far out or further
        one = weigh(1000.0, declared, ratios)
        assert one is not None
        assert one.p_value == pytest.approx(2 * (1 + 3) / 100)
    assert weigh(1000.0, 1000.0, ratios[:38]) is None


@pytest.fixture
def detector(tmp_path):
    contract = replace(read_contract(tiny_model(), "tiny"), pitch_mm=(4.0, 20.0))
    path = tmp_path / "tiny.onnx"
    path.write_bytes(with_contract(tiny_model(), contract, "tiny"))
    return Detector.load(path, threads=1)


def test_sections_cover_the_inside_and_no_more(detector):
    scan = box_of(0.5)
    insides = find_insides(scan)
    sections = find_sections(scan, insides, detector)
    start, end = insides.rooms[0].columns
    assert [one.columns[0] for one in sections] == [start, *(one.columns[1] for one in sections[:-1])]
    assert sections[-1].columns[1] == end
    assert len(sections) == 2  # of 2.4 m or so
    assert find_sections(scan, Insides(None, ()), detector)[0].columns == (0, 700)


def test_a_fine_scan_is_looked_at_on_the_coarsest_pitch_that_the_model_knows():
    scan = box_of(0.5)
    coarse = on_pitch(scan, 20.0)
    assert (coarse.shape, coarse.pitch_mm) == ((170, 350), (20.0, 20.0))
    assert coarse.transmission.mean() == pytest.approx(float(scan.transmission.mean()), rel=1e-4)
    assert on_pitch(scan, 5.0).shape == scan.shape


def test_known_loads_become_the_calibration_of_a_model_and_unknown_ones_are_left_out():
    seen = [
        Observed(("tyres",), 1200.0, (section(tyres=0.5),), 1000.0),
        Observed(("tyres", "sacks"), None, (section(tyres=0.5), section(sacks=0.25, tyres=0.1)), 1000.0),
        Observed(("pianos",), 100.0, (section(tyres=0.5),), 100.0),
        Observed((), 100.0, (section(tyres=0.5),), 100.0),
    ]
    loads = with_loads(CONTRACT, seen).loads
    assert loads == LoadCalibration((("tyres", (0.6931,)),), (1.3863,), (1.2,), 2)


def test_the_figures_count_what_they_say():
    by = calibration()
    seen = [Observed((kind,), None, (section(**{kind: 0.9}),), None) for kind in ("drums", "sacks", "tyres")] * 20
    seen += [Observed(("drums",), None, (section(tyres=0.9),), None)]
    seen += [Observed(("drums", "tyres"), None, (section(drums=0.9), section(tyres=0.9)), None)]
    found = figures(seen, replace(CONTRACT, loads=by))
    assert found["scans"] == {"one_kind": 61, "mixed": 1, "left_out": 0}
    assert (found["top_1"]["hits"], found["top_5"]["hits"], found["coverage"]["hits"]) == (60, 61, 60)
    assert (found["pfa"]["hits"], found["pd"]["n"]) == (1, 61)
    assert 60 <= found["pd"]["hits"] <= 61  # drums that look like tyres may be declared as tyres
    assert (found["mixed_pfa"]["hits"], found["mixed_half_declared_pd"]["hits"]) == (0, 1)


def test_the_figures_of_masses_count_what_they_say():
    by = replace(calibration(), mass_ratios=tuple(np.linspace(0.8, 1.2, 99).tolist()))
    seen = [Observed(("tyres",), 1000.0, (section(tyres=0.9),), kg) for kg in (1000.0, 1000.0, 3000.0, None)]
    found = figures(seen, replace(CONTRACT, loads=by))["mass"]
    assert found["told"] == {"hits": 3, "n": 4, "rate": 0.75, "ci": [0.1941, 0.9937]}  # Clopper-Pearson of 3 in 4
    assert (found["median_relative_error"], found["in_90_interval"]["hits"]) == (0.0, 2)
    assert [one["hits"] for one in found["called_wrong"].values()] == [3, 3, 1, 3, 3]


def test_names_of_another_set_are_mapped(tmp_path):
    entries = [ScanEntry(name="a", path=tmp_path, cargo="mixed:rolls+car"), ScanEntry(name="b", path=tmp_path)]
    assert [one.cargo for one in renamed(entries, {"rolls": "paper_rolls"})] == ["paper_rolls+car"]


def test_goods_that_need_documents_come_with_the_reason_of_the_longest_code():
    goods = read_declaration("medicines; acetic anhydride; shoes; tablet press; lithium batteries").goods
    found = {good.text: needed for good, needed in documents_for(goods)}
    assert set(found) == {"medicines", "acetic anhydride", "tablet press", "lithium batteries"}
    assert "Table I of the 1988 UN Convention" in found["acetic anhydride"].why
    assert "DEA Form 452" in found["tablet press"].documents


REGISTRY = "consignee,machine,valid_until\nAcme GmbH,TDP-5 no. 4711,2027-06-30\nOld Ltd,ZP-9,2020-01-01\n"


def test_the_registry_is_asked_when_a_press_is_seen_and_only_then(tmp_path):
    path = tmp_path / "registry.csv"
    path.write_text(REGISTRY)
    entries, today = read_registry(path), date(2026, 11, 24)
    assert entries[0] == Entry("Acme GmbH", "TDP-5 no. 4711", date(2027, 6, 30))
    assert ask(entries, ["bricks"], "Acme GmbH", today) is None
    for consignee, answer in (
        ("ACME  gmbh", "registered for this consignee"),
        ("Old Ltd", "registration expired"),
        ("Somebody", "no registration found"),
        (None, "no consignee given"),
    ):
        found = ask(entries, ["bricks", "press_parts"], consignee, today)
        assert found is not None
        assert (found.answer, found.families) == (answer, ("press_parts",))


@pytest.mark.parametrize(
    ("text", "fault"),
    [("a,b\n1,2\n", "expected the columns consignee, machine, valid_until, came a, b"), (None, "came No such file"),
     ("consignee,machine,valid_until\nx,y,soon\n", "line 2: expected a date like 2027-06-30 in valid_until, came s")],
)  # fmt: skip
def test_a_registry_that_is_none_is_refused_in_one_line(tmp_path, text, fault):
    path = tmp_path / "registry.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=fault):
        read_registry(path)


@pytest.fixture
def scored(tmp_path, capsys):
    """Scores a scan that is all sacks for the tiny model, with these options; the records."""
    contract = replace(read_contract(tiny_model(), "tiny"), loads=CALIBRATED)
    model, scan, out = tmp_path / "m.onnx", tmp_path / "scan.tif", tmp_path / "out.jsonl"
    model.write_bytes(with_contract(tiny_model(), contract, "m"))
    low, high = np.full((48, 80), 0.9, np.float32), np.full((48, 80), 0.02, np.float32)
    low[:8] = high[:8] = 1  # air
    write_tiff(scan, np.stack([low, high]), open_beam=60000, pitch_mm=(5.0, 5.0), energies=("4MV", "6MV"))

    def run(*options: str) -> list[dict]:
        out.unlink(missing_ok=True)
        arguments = ["score", scan, "--model", model, "--threads", "1", "--out", out, *options]
        cli.app([str(argument) for argument in arguments], standalone_mode=False)
        capsys.readouterr()
        return [json.loads(line) for line in out.read_text().splitlines()]

    return run


CALIBRATED = LoadCalibration.from_scores(
    [((kind,), float(score)) for kind in ("empty", "sacks") for score in np.linspace(0, 0.5, OWN)], [], 2 * OWN
)


def test_score_says_whether_the_load_is_as_declared(scored):
    (row,) = scored()
    assert row["declared"] is None
    for text, answer in (("flour", "as declared"), ("empty container", "not as declared"), ("shoes", "undetermined")):
        (row,) = scored("--declared", text)
        assert row["declared"]["answer"] == answer
    (row,) = scored("--declared", "flour 3 t")
    assert row["declared"]["plausible"] == ["sacks"]
    assert row["declared"]["sections"][0]["kind"] == "sacks"
    assert row["declared"]["mass"]["answer"] == "undetermined"
    assert "no container" in row["declared"]["mass"]["why"]


def test_a_resumed_run_with_another_declaration_is_another_run(tmp_path):
    model = tmp_path / "m.onnx"
    model.write_bytes(tiny_model())
    with Sources(["a.tif", "b.tif"]) as sources:
        begun = Run(sources, BatchSettings(model=str(model), declared="shoes"), tmp_path / "out.jsonl")
        next(begun.rest())
        Run(sources, BatchSettings(model=str(model), declared="shoes"), tmp_path / "out.jsonl")
        with pytest.raises(UsageError, match="declared"):
            Run(sources, BatchSettings(model=str(model), declared="tyres"), tmp_path / "out.jsonl")


def test_simulated_sets_say_what_the_load_weighs(tmp_path):
    recipe = SetRecipe("cargo", 4502, 1, 0.0)
    begin_set(tmp_path / "set", recipe)
    write_simulated(tmp_path / "set", recipe, (0, False))
    image = json.loads((tmp_path / "set" / "unfinished" / "000000.json").read_text())["image"]
    assert image["cargo"] != "empty"
    assert 100 < image["load_kg"] < 40_000
