"""The report in a real browser: needs playwright and Debian's Chromium; skipped where they are absent."""

import re

import pytest
from scans import evaluate, make_set
from tiny_model import calibrated_model

pytestmark = pytest.mark.slow

sync_api = pytest.importorskip("playwright.sync_api", reason="need playwright to drive a browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 700}


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    model = folder / "tiny.onnx"
    model.write_bytes(calibrated_model())
    assert evaluate(make_set(folder / "set", 4, 3), "--model", model, "--out", folder / "report") == 0
    return folder / "report" / "report.html"


@pytest.fixture
def page(browser, report):
    page = browser.new_page(viewport=WIDE)
    page.complaints, page.asked = [], []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    yield page
    page.close()


def test_the_report_loads_without_a_complaint_and_asks_for_nothing(page, report):
    assert page.complaints == []
    assert [address for address in page.asked if not address.startswith("data:")] == [report.as_uri()]
    shown = page.evaluate("[...document.images].map(one => one.complete && one.naturalWidth)")
    assert len(shown) == 14
    assert all(width >= 100 for width in shown)


def test_nothing_but_tables_is_wider_than_the_screen(page):
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_every_section_and_table_is_reached_by_the_tab_key(page):
    focus = "(one => one.getAttribute('href') || one.getAttribute('aria-label'))(document.activeElement)"
    stops = []
    for _ in range(80):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(focus))
    sections = page.evaluate("[...document.querySelectorAll('h2')].map(one => '#' + one.id)")
    tables = page.evaluate("[...document.querySelectorAll('caption')].map(one => one.textContent)")
    assert stops[0] == "#main"
    assert set(sections) | set(tables) <= set(stops)


def test_dark_and_light_differ_and_the_text_stands_out(page):
    colours = "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
    luminance = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        ink, paper = (sum(map(int, re.findall(r"\d+", one)[:3])) for one in page.evaluate(colours))
        luminance[scheme] = ink - paper
    assert luminance["light"] < -500 < 500 < luminance["dark"]


def test_it_prints_to_pdf_in_pages(page):
    printed = page.pdf(prefer_css_page_size=True, format="A4")
    assert printed.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 12
