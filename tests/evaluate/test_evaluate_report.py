import base64
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy import stats

from nii.errors import OutputError
from nii.evaluate.metrics.collect import metrics
from nii.evaluate.metrics.results import KnownConcealment, ScanResult, ScoredRegion
from nii.evaluate.report import files as report
from nii.evaluate.report import plots
from nii.evaluate.report.files import ideal_pd, report_html, write_report
from nii.evaluate.report.gallery import Gallery, ReportPicture, choose_gallery
from nii.evaluate.report.text import budget, number, percent, span
from nii.stats.operating_point import Calibration


def table(path: Path) -> list[dict[str, Any]]:
    """Rows of a Parquet file, in order."""
    with duckdb.connect() as connection:
        found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


CALIBRATION = Calibration.from_scores(stats.norm.ppf(np.arange(1, 200) / 200))
PNG = base64.b64decode(  # one grey pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAggCBd3BDHgAAAABJRU5ErkJggg=="
)
VOID = {"meta", "link", "img", "br", "path", "use"}
BOX = (10.0, 5.0, 20.0, 10.0)


class Page(HTMLParser):
    """Collects what the tests look at, and notices tags that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def scan(name: str, score: float, *, family: str | None = None, **more) -> ScanResult:
    truth = (KnownConcealment(family=family, box=BOX, mass_kg=3.0, material="organic", dprime=20.0),) if family else ()
    more = {"p_value": CALIBRATION.p_value(score), "seconds": 0.5, "cargo": "timber", **more}
    return ScanResult(name=name, concealed=family is not None, score=score, truth=truth, **more)


def gaussian_set(benign: int = 30, concealed: int = 30) -> list[ScanResult]:
    rng = np.random.default_rng(5)
    mass = {"mass_kg": 2.0, "mass_low": 1.0, "mass_high": 4.0}
    hit = ScoredRegion(box=BOX, score=1.0, p_value=0.1, family="bricks", material="metal", **mass)
    miss = ScoredRegion(box=(90.0, 5.0, 20.0, 10.0), score=0.5)
    families = ("bricks", "pill_press", "firearm")
    return [scan(f"benign-{i}", float(rng.normal()), regions=(miss,)) for i in range(benign)] + [
        scan(f"hidden-{i}", float(rng.normal(2.0)), family=families[i % 3], regions=(miss, hit))
        for i in range(concealed)
    ]


def figures_of(results, calibrations=(CALIBRATION,), **more):
    model = {"name": "cargo", "version": "1.2"}
    return metrics(results, model=model, calibrations=calibrations, resamples=50, **more)


def page_of(results, gallery=None, **more) -> Page:
    page = Page(report_html(figures_of(results, **more), results, gallery or Gallery()))
    assert (page.wrong, page.open) == ([], [])
    return page


@pytest.fixture
def unpainted(monkeypatch):
    """Pages whose words are tested need no plots, which take most of the time."""
    monkeypatch.setattr(plots, "draw", lambda *_, **__: None)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A whole report of 60 scans with one failed, and its folder."""
    results = [*gaussian_set(), ScanResult(name="broken", concealed=True, error="broken.tif: expected TIFF")]
    made = figures_of(results, about={"set": "test set", "date": "2026-11-24"})
    chosen = choose_gallery(made, results, size=2)
    gallery = Gallery(**{k: tuple(ReportPicture(n, PNG, PNG) for n in names) for k, names in chosen.items()})
    folder = tmp_path_factory.mktemp("report") / "new"
    write_report(folder, made, results, gallery)
    return folder, made, results


def test_the_report_is_four_files_and_nothing_half_written(full):
    folder, made, _ = full
    names = ["metrics.json", "regions.parquet", "report.html", "scores.parquet"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert json.loads((folder / "metrics.json").read_text()) == made


def test_scores_hold_a_row_per_scan_with_the_models_own_decision(full):
    folder, made, results = full
    rows = table(folder / "scores.parquet")
    assert [row["name"] for row in rows] == [result.name for result in results]
    assert all(row["alarm"] == (row["p_value"] <= 0.01) for row in rows[:-1])
    assert sum(row["alarm"] for row in rows[30:-1]) == made["operating_point"]["found"]
    assert (rows[-1]["status"], rows[-1]["score"], rows[-1]["alarm"]) == ("error", None, None)
    assert rows[31]["families"] == ["pill_press"]


def test_regions_hold_a_row_each_ranked_and_matched(full):
    folder, _, _ = full
    rows = table(folder / "regions.parquet")
    assert len(rows) == 90
    hit, miss = (row for row in rows if row["name"] == "hidden-0")
    assert (hit["rank"], hit["hit"], hit["true_family"], hit["true_mass_kg"]) == (1, True, "bricks", 3.0)
    assert (hit["material"], hit["true_material"]) == ("metal", "organic")
    assert (miss["rank"], miss["hit"], miss["true_family"], miss["x"]) == (2, False, None, 90.0)


def test_the_page_is_well_formed_and_loads_nothing(full):
    html = (full[0] / "report.html").read_text()
    page = Page(html)
    assert (page.wrong, page.open) == ([], [])
    addresses = [a[key] for _, a in page.tags for key in ("src", "href", "xlink:href") if key in a]
    assert [address for address in addresses if not address.startswith(("data:", "#"))] == []
    policy = next(a for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'")
    assert "<script" not in html
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for a in page.all("a")} | set(re.findall(r"url\(#([^)]+)\)", html))
    assert targets <= set(ids)


def test_the_page_speaks_to_screen_readers(full):
    page = Page((full[0] / "report.html").read_text())
    assert page.all("html")[0]["lang"] == "en"
    assert all(a["alt"] for a in page.all("img"))
    assert len(page.all("img")) == 12
    assert all(a["role"] == "img" and a["aria-label"] for a in page.all("svg"))
    assert len(page.all("svg")) == 7
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in a for a in page.all("th"))
    assert page.all("a")[0]["href"] == "#main"


def test_plots_follow_the_colours_of_the_page(full):
    svgs = re.findall(r"<svg.*?</svg>", (full[0] / "report.html").read_text(), flags=re.DOTALL)
    assert all("var(--ink)" in svg for svg in svgs)
    assert [colour for svg in svgs for colour in re.findall(r"#[0-9a-f]{6}\b", svg)] == []


def test_the_first_sentence_answers_the_operations_chief(full):
    _, made, _ = full
    text = Page((full[0] / "report.html").read_text()).text
    found = made["operating_point"]["found"]
    answer = f"{percent(found / 30)} of concealments are found if officers accept one false alarm in 100"
    assert answer in text
    assert f"{found} of 30; from" in text
    assert "Nothing speaks against the promise. At most 1 % false alarms were promised" in text
    assert "To show that a budget of 1 % is kept takes 99 benign scans." in text
    assert "A Pfa of 0.001 takes 999 benign scans, these 30 support 0.0323" in text
    assert "broken.tif: expected TIFF" in text
    assert "pill press" in text
    assert "0 of 30 named materials are right" in text


def test_a_promise_is_called_kept_or_broken_by_the_false_alarms(unpainted):
    kept = [scan(f"b{i}", -1.0) for i in range(99)]
    assert "Promise kept. At most 1 % false alarms" in page_of(kept, operating_pfa=0.01).text
    unlucky = [*(scan(f"b{i}", -1.0) for i in range(19)), scan("x", 9.0), scan("y", 9.0)]
    text = page_of(unlucky, operating_pfa=0.05).text
    assert "Nothing speaks against the promise. At most 5 % false alarms were promised, 2 of 21" in text
    assert "If it holds, so many or more are seen with a probability of 28 %." in text  # beta-binomial, 199 scans
    broken = [scan(f"b{i}", 4.0) for i in range(20)] + [scan("c", 5.0, family="bricks")]
    text = page_of(broken).text
    assert "Promise broken. At most 1 % false alarms were promised, 20 of 20 benign scans alarmed." in text
    assert "run nii calibrate" in text


def test_without_concealed_scans_the_page_says_that_pd_is_unknown(unpainted):
    text = page_of(gaussian_set(30, 0)).text
    assert "What share of concealments is found is unknown: this set holds no scored scan with" in text
    assert "AUROC, detection at thresholds read off this set, detection or false alarms" in text
    assert "0 of 0" not in text


def test_without_benign_scans_the_models_threshold_still_answers(unpainted):
    text = page_of(gaussian_set(0, 30)).text
    assert "of concealments are found if officers accept one false alarm in 100" in text
    assert "can't be checked here: no benign scan." in text
    assert "these 0 support" not in text


def test_without_a_calibration_the_threshold_of_the_set_is_called_that(unpainted):
    text = page_of(gaussian_set(), calibrations=()).text
    assert "are found at a threshold that 0 of 30 benign scans exceed." in text
    assert "The threshold was read off this very set, so new scans may give more false alarms." in text
    assert "can't be checked here: the model carries no calibration" in text
    nothing = page_of(gaussian_set(0, 3), calibrations=()).text
    assert "is unknown: this set holds no scored benign scan, and the model can't decide" in nothing


@pytest.mark.parametrize("family", [None, "bricks"])
def test_a_set_of_one_scan_makes_a_page(family):
    assert "Measured on" in page_of([scan("only", 1.0, family=family)]).text


def test_a_set_of_failed_scans_makes_a_page(unpainted):
    text = page_of([ScanResult(name="a", concealed=False, error="a.tif: expected TIFF, came text")]).text
    assert "1 more could not be scored" in text
    assert "calibrations of their own" not in text
    assert "a.tif: expected TIFF, came text" in text


def test_names_from_outside_cannot_break_the_page():
    evil = "<script>alert('x')</script>&\" $\\frac$"
    results = [scan("b", 0.0, cargo=evil, scanner=evil), scan(evil, 5.0, family=evil)]
    page = page_of(results, Gallery(best_hits=(ReportPicture(evil, PNG),)), about={"set": evil})
    assert page.all("script") == []
    assert evil in page.text


def test_a_budget_that_the_model_cannot_hold_leaves_decisions_null(tmp_path, unpainted):
    results = gaussian_set(20, 5)
    write_report(tmp_path, figures_of(results, operating_pfa=0.0001), results)
    rows = table(tmp_path / "scores.parquet")
    assert {row["alarm"] for row in rows} == {row["pfa"] for row in rows} == {None}


def test_a_failing_write_keeps_the_old_report(tmp_path, monkeypatch, unpainted):
    write_report(tmp_path, figures_of([scan("b", 0.0)]), [scan("b", 0.0)])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full_disk(path, rows, columns):
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(report, "write_table", full_disk)
    with pytest.raises(OutputError, match="expected room for a report, came: no space left"):
        write_report(tmp_path, figures_of([scan("c", 1.0)]), [scan("c", 1.0)])
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert after == before


def test_galleries_hold_the_worst_misses_and_the_best_hits():
    results = [scan(f"b{i}", float(-i)) for i in range(5)]
    results += [scan("missed worst", -3.0, family="bricks"), scan("missed", 1.0, family="bricks")]
    right, wrong = ScoredRegion(box=BOX, score=5.0), ScoredRegion(box=(200.0, 5.0, 20.0, 10.0), score=5.0)
    results += [
        scan("hit", 5.0, family="bricks", regions=(right,)),
        scan("hit better", 6.0, family="bricks", regions=(right,)),
        scan("wrong place", 7.0, family="bricks", regions=(wrong,)),
    ]
    assert choose_gallery(figures_of(results), results, size=2) == {
        "missed": ["missed worst", "missed"],
        "false_alarms": ["b0", "b1"],
        "best_hits": ["hit better", "hit"],
    }
    # with no threshold at all nothing is called missed
    assert choose_gallery(figures_of(results, calibrations=(), pfas=()), results)["missed"] == []
    # without a calibration the set's own threshold decides: the highest benign score, 0
    assert choose_gallery(figures_of(results, calibrations=()), results)["missed"] == ["missed worst"]


def test_a_benign_scan_that_does_not_alarm_is_not_called_a_false_alarm(unpainted):
    said = "No benign scan alarmed; these scored highest."
    gallery = Gallery(false_alarms=(ReportPicture("b", PNG),))
    assert said in page_of([scan("b", 0.0), scan("c", 9.0, family="bricks")], gallery).text
    assert said not in page_of([scan("b", 9.0), scan("c", 9.0, family="bricks")], gallery).text


def test_what_only_some_families_lack_is_no_gap_of_the_set(unpainted):
    mass = {"mass_kg": 2.0, "mass_low": 1.0, "mass_high": 4.0}
    weighed = scan("a", 5.0, family="bricks", regions=(ScoredRegion(box=BOX, score=5.0, **mass),))
    assert "Mass errors" not in page_of([weighed, scan("b", 5.0, family="firearm")]).text
    assert "Mass errors" in page_of([scan("b", 5.0, family="firearm")]).text


def test_a_part_without_scans_of_one_kind_says_so_and_not_zero(unpainted):
    results = [scan("a", 0.0, cargo="sacks"), scan("b", 1.0, family="bricks", cargo="sacks+drums")]
    text = page_of(results).text
    assert "mixed unknown 0 of 1 0 % 0 to 98 % no scan" in text
    assert "sacks unknown no scan 0 of 1" in text


def test_an_empty_gallery_has_no_heading(full, unpainted):
    headings = page_of([scan("b", 0.0)]).text
    assert "Missed concealments" not in headings
    assert "Missed concealments" in Page((full[0] / "report.html").read_text()).text


def test_ideal_observer_finds_by_chance_what_cannot_be_seen():
    assert ideal_pd(0.0, 0.01) == pytest.approx(0.01)
    assert ideal_pd(stats.norm.isf(0.01), 0.01) == pytest.approx(0.5)


def test_words_round_for_people_and_never_up_to_everything():
    shares = [0.0, 0.000253, 0.0123, 0.1234, 0.997, 1.0, -0.25, -1.0, 3.21, None]
    assert [percent(share) for share in shares] == [
        "0 %",
        "0.025 %",
        "1.2 %",
        "12 %",
        "99.7 %",
        "100 %",
        "-25 %",
        "-100 %",
        "321 %",
        "unknown",
    ]
    assert (span([0.16877, 0.34655]), span(None)) == ("17 to 35 %", "unknown")
    assert (number(0.19312, "s"), number(None, "s")) == ("0.193 s", "unknown")
    assert [number(value) for value in (12.34, 1987.6, 123456.0, 4e9, 0.0)] == ["12.3", "1990", "123000", "4e+09", "0"]
    assert budget(0.001) == "one false alarm in 1000 benign scans"
    assert budget(0.03) == "false alarms on 3 % of benign scans"


def test_importing_the_package_loads_none_of_the_heavy_ones():
    code = "import sys, nii.evaluate.report.files, nii.evaluate.metrics.compare; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {"matplotlib", "sklearn", "scipy", "duckdb", "cv2", "torch"} & set(loaded) == set()
