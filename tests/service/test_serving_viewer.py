"""The viewer in a real browser: needs playwright and Debian's Chromium; skipped where they are absent."""

import httpx2
import numpy as np
import pytest
from serving_tools import PATIENCE, block_tiff, model_file
from viewer_tools import drop, opened, served

from nii.io.write import write_tiff

pytestmark = pytest.mark.slow

sync_api = pytest.importorskip("playwright.sync_api", reason="need playwright to drive a browser")
CHANGED = """() => {
    const { canvas, context } = viewer.panes.scan;
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return data.some((red, i) => i % 4 === 0 && red === 0x00 && data[i + 1] === 0x7a && data[i + 2] === 0x85);
}"""  # what a change is drawn in


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("viewer")
    store = f"sqlite:///{folder}/records.db"
    with (
        served(model_file(folder), NII_STORE=store) as address,
        sync_api.sync_playwright() as playwright,
        opened(playwright, chromium, address) as page,
    ):
        drop(page, block_tiff(folder))
        page.wait_for_selector("#regions li")
        yield page


def test_a_dropped_scan_shows_its_decision_and_regions(page):
    assert page.text_content("#decision b") == "ALARM"
    assert page.locator("#regions li.alarm").count() >= 1
    assert "p 0.005" in page.text_content("#regions li")
    assert "kg" in page.text_content("#regions li")


def test_a_scan_that_shows_nothing_gets_no_decision_and_the_reason(page, tmp_path):
    write_tiff(tmp_path / "black.tif", np.zeros((2, 64, 96), np.float32), open_beam=60000, energies=("4MV", "6MV"))
    other = page.context.browser.new_page()
    other.goto(page.address)
    drop(other, tmp_path / "black.tif")
    other.wait_for_function("() => document.querySelector('#decision b').textContent === 'no decision'")
    assert other.text_content("#decision p") == "shows nothing: 4MV is black"
    assert other.text_content("#count") == "0 of 0 alarm"
    other.close()


def test_a_selected_region_shows_the_known_concealments_most_like_it(page):
    page.click("#regions li")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.similar img')].every((one) => one.naturalWidth === 64)"
    )
    assert page.locator("#regions li[aria-current='true'] .similar img").count() == 3
    assert "kg" in page.text_content(".similar figcaption")
    page.click("#regions li")
    assert page.locator(".similar").count() == 1


def test_the_slider_decides_again_at_once(page):
    page.evaluate("viewer.state.record.p_value = 0.05")
    page.locator("#pfa").fill("1")
    assert page.text_content("#decision b") == "clear"
    page.locator("#pfa").fill("100")
    assert page.text_content("#decision b") == "ALARM"
    assert "30 %" in page.text_content("#pfa-text")


def pixel(page, x=40, y=30):
    return page.evaluate(
        "([x, y]) => [...viewer.panes.scan.picture.getContext('2d').getImageData(x, y, 1, 1).data]", [x, y]
    )


def test_each_key_changes_the_picture_and_inverse_is_the_inverse(page):
    page.keyboard.press("g")
    grey = pixel(page)
    # the block's attenuation of 4 is 1 - sqrt(4 / 7) = 0.244 of white
    assert grey[0] == pytest.approx(255 * 0.244, abs=3)
    page.keyboard.press("i")
    assert pixel(page)[0] == 255 - grey[0]
    for key in "ca78":
        page.keyboard.press(key)
        assert pixel(page)[:3] != grey[:3]
    page.keyboard.press("g")
    page.keyboard.press("w")  # the tiny model calls half of it the layer: attenuation 2 is left
    assert pixel(page)[0] == pytest.approx(255 * (1 - (2 / 7) ** 0.5), abs=3)
    page.keyboard.press("w")
    assert pixel(page) == grey


def test_an_officers_finding_goes_to_the_record(page):
    page.locator("#note").fill("seal 7, gs")  # letters that are keys elsewhere
    assert page.evaluate("viewer.look.mode") == "grey"
    page.click("[data-finding='confirmed']")
    page.wait_for_selector("[data-finding='confirmed'][aria-checked='true']")
    record = page.evaluate("viewer.state.record.id")
    (finding,) = httpx2.get(f"{page.address}/v1/scans/{record}", timeout=PATIENCE).json()["findings"]
    assert (finding["finding"], finding["note"]) == ("confirmed", "seal 7, gs")


def test_tools_that_a_scan_has_no_use_for_are_off(page, tmp_path):
    page.keyboard.press("c")
    scan = tmp_path / "single.npy"
    np.save(scan, np.full((1, 40, 60), 0.5, np.float32))
    drop(page, scan)
    page.wait_for_function("() => viewer.panes.scan.scan?.rows === 40")
    page.wait_for_function("() => viewer.look.mode === 'grey'")
    off = page.eval_on_selector_all("nav button:disabled", "found => found.map((one) => one.textContent)")
    assert off == ["Colours", "Organic", "Metal", "Low energy"]
    page.keyboard.press("c")
    assert page.evaluate("viewer.look.mode") == "grey"
    assert page.locator("[data-finding][aria-checked='true']").count() == 0  # a finding is of one scan
    drop(page, block_tiff(tmp_path))
    page.wait_for_function("() => viewer.panes.scan.scan?.rows === 128")


def test_zoom_reaches_single_pixels_and_comes_back(page):
    page.keyboard.press("5")
    assert page.evaluate("viewer.view.scale") == 16
    page.keyboard.press("f")
    assert page.evaluate("viewer.view.fitted") is True
    page.mouse.move(400, 400)
    before = page.evaluate("viewer.view.scale")
    page.mouse.wheel(0, -300)
    page.wait_for_function("before => viewer.view.scale > before", arg=before)
    page.keyboard.press("f")


def test_a_scan_of_over_a_megapixel_is_drawn_within_a_tenth_of_a_second(page, tmp_path):
    drop(page, block_tiff(tmp_path, shape=(692, 1734)))
    page.wait_for_function("() => viewer.panes.scan.scan?.rows === 692")
    page.keyboard.press("g")
    milliseconds = []
    for key in "+++---+++---":
        page.keyboard.press(key)
        page.wait_for_timeout(40)
        milliseconds.append(page.evaluate("viewer.state.drawMs"))
    assert 0 < sorted(milliseconds)[len(milliseconds) // 2] < 100
    drop(page, block_tiff(tmp_path))
    page.wait_for_function("() => viewer.panes.scan.scan?.rows === 128")


@pytest.mark.parametrize(("button", "ending"), [("#save-overlay", ".overlay.png"), ("#save-tdr", ".tdr.dcs")])
def test_overlay_and_report_are_saved(page, button, ending):
    with page.expect_download() as download:
        page.click(button)
    assert download.value.suggested_filename == f"block{ending}"


def test_a_reference_lies_beside_the_scan_in_the_same_view(page, tmp_path):
    page.evaluate("document.getElementById('reference-pane').hidden = false")
    posts = len(page.posts)
    drop(page, block_tiff(tmp_path, attenuation=1.0), "#reference-pane")
    page.wait_for_selector("#reference-pane.full")
    assert len(page.posts) == posts + 1  # the reference isn't scored
    assert page.evaluate("viewer.panes.reference.canvas.clientWidth") > 100
    assert page.text_content("#facts").count("Since reference") == 1
    page.evaluate("viewer.state.record.changes.regions = [{box: [9, 9, 60, 40], change: 'added', mass_kg: 35}]")
    page.keyboard.press("f")
    page.wait_for_function(CHANGED)


def test_declared_goods_are_asked_about_and_answered(page):
    page.fill("#declared", "HS 4011; widgets")
    page.keyboard.press("Enter")
    page.wait_for_function("() => viewer.state.record?.declared")
    assert page.evaluate("viewer.state.record.declared.unknown") == ["widgets"]
    assert page.text_content("#facts").count("Declared") == 1
    page.fill("#declared", "")
    page.keyboard.press("Enter")
    page.wait_for_function("() => viewer.state.record?.declared === null")


def test_a_file_that_is_no_scan_is_told_in_one_line(page, tmp_path):
    path = tmp_path / "notes.tif"
    path.write_text("hello")
    drop(page, path)
    page.wait_for_selector("#decision.failed")
    assert "came text" in page.text_content("#decision p")
    page.complaints[:] = [text for text in page.complaints if "415" not in text]  # Chromium reports the status itself


@pytest.mark.parametrize("width", [1280, 1920])
def test_nothing_overflows_the_page(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.documentElement.scrollHeight") <= 900


def test_the_console_stays_silent(page):
    assert page.complaints == []
