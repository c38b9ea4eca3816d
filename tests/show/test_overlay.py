import cv2
import numpy as np
import pytest
from tiny_model import calibrated_model

from nii.analysis.record import analyse, error_record, record
from nii.model.detector import Detector
from nii.run.gallery import write_page
from nii.scan import Scan
from nii.show.overlay import STRIP, grey, kilograms, overlay, png, without_layer


@pytest.fixture
def result(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(calibrated_model())
    pixels = np.full((2, 64, 96), 0.9, np.float32)
    pixels[:, 20:40, 30:54] = np.exp(-4)
    scan = Scan(transmission=pixels, energies=("4MV", "6MV"), pitch_mm=(6.0, 6.0), path="a<b>.tif")
    return analyse(scan, Detector.load(path, threads=1))


def test_grey_shows_air_white_and_dense_black():
    assert grey(np.array([[1.0, np.exp(-7), 0.0]], np.float32)).tolist() == [[255, 0, 0]]
    assert (np.diff(grey(np.linspace(1, 0.01, 50, dtype=np.float32)[None]).astype(int)) <= 0).all()


def test_the_overlay_is_red_over_the_concealment_and_boxed(result):
    picture = overlay(result)
    assert picture.shape == (64 + STRIP, 96, 3)
    blue, _, red = (int(v) for v in picture[STRIP + 36, 50])
    assert red > blue + 60
    x, y, _, h = result.regions[0].box
    assert (picture[STRIP + y + h // 2, x - 2] == (40, 40, 230)).all()


def test_the_view_without_the_layer_is_brighter_there_and_the_same_elsewhere(result):
    with_layer, without = grey(result.scan.transmission[0]), without_layer(result)[STRIP:, :, 0]
    assert without[30, 40] > with_layer[30, 40] + 30
    assert without[5, 5] == with_layer[5, 5]


def test_pictures_are_png_files(result):
    assert cv2.imdecode(np.frombuffer(png(overlay(result)), np.uint8), 1).shape == (64 + STRIP, 96, 3)


def test_the_page_lists_alarms_first_and_escapes_names(result, tmp_path):
    rows = [("bad", error_record("bad.tif", "bad.tif: expected a scan & came text")), ("a", record(result))]
    write_page(tmp_path, rows)
    page = (tmp_path / "index.html").read_text()
    assert page.index("ALARM") < page.index("expected a scan &amp; came text")
    assert "a&lt;b&gt;.tif" in page
    assert "<b>" not in page
    assert "http" not in page


def test_a_mass_has_three_digits_and_no_exponent():
    assert [kilograms(mass) for mass in (1386.2, 12.0, 0.51234)] == ["1390 kg", "12 kg", "0.512 kg"]
