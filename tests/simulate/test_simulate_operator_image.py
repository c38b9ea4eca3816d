"""Operator images: colours of known materials, what is drawn, scan sets of them."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from nii.errors import ScanError
from nii.io.read import decode_scan
from nii.io.scanset import read_entry, read_mask, read_set
from nii.physics.forward import transmission
from nii.scan import Kind
from nii.simulate.scanner.operator_image import ColourMap, draw_colours, draw_image, render, to_jpeg
from nii.simulate.scanner.presets import PRESETS
from nii.simulate.sets.generate import simulate_set
from nii.simulate.sets.scan import simulate
from nii.simulate.sets.truth import read_truth

pytestmark = pytest.mark.slow

PARCEL = replace(PRESETS["parcel-160kv"], pitch_mm=(4.0, 4.0))
BEAMS = PARCEL.beams()
PLAIN = ColourMap(blend=0.2, sharpening=0)
THIN = {"water": 5.0, "aluminium": 3.0, "steel": 2.0}  # g/cm2; attenuation of 0.5 to 3


def slab(material: str, depth: float, shape: tuple[int, int] = (24, 24)) -> np.ndarray:
    """Expected transmission of a slab, g/cm2."""
    return transmission(np.full((1, *shape), depth, np.float32), [material], BEAMS)


def hue(rgb: np.ndarray) -> float:
    """Of the middle pixel, degrees."""
    row, column = rgb.shape[0] // 2, rgb.shape[1] // 2
    pixel = rgb[row : row + 1, column : column + 1].astype(np.float32) / 255
    return float(cv2.cvtColor(pixel, cv2.COLOR_RGB2HLS)[0, 0, 0])


@pytest.mark.parametrize(("material", "expected"), [("water", 37), ("aluminium", 94), ("steel", 206)])
def test_hue_tells_the_material(material: str, expected: float) -> None:
    """Water has Z 6.6, aluminium 13, steel 26: between the limits of 9.5 and 19. 8 bits leave a degree or two."""
    assert hue(render(slab(material, THIN[material]), BEAMS, PLAIN)) == pytest.approx(expected, abs=4)


def test_lightness_falls_with_attenuation_from_background_to_black() -> None:
    colours = replace(PLAIN, background=0.8)
    middles = [int(render(slab("water", depth), BEAMS, colours)[12, 12].max()) for depth in (0, 1, 5, 15, 25, 400)]
    assert middles[0] == 204  # 0.8 x 255
    assert middles[-1] == 0
    assert middles == sorted(middles, reverse=True)
    assert len(set(middles)) == 6


def test_a_thin_wire_of_steel_does_not_look_organic_when_smoothed() -> None:
    """Of 1 g/cm2 among air: the mean of attenuations gives Z 15, of transmissions 11.5."""
    T = np.ones((2, 25, 25), np.float32)
    T[:, :, 12] = slab("steel", 1.0)[:, 0, 0][:, None]
    assert hue(render(T, BEAMS, replace(PLAIN, smoothing=1.5, limits=(13, 40)))) == pytest.approx(94, abs=6)


def test_rows_of_dead_detectors_do_not_show() -> None:
    T = slab("water", 5.0)
    whole = render(T, BEAMS, PLAIN)
    T[:, [4, 5, 20]] = 0
    np.testing.assert_array_equal(render(T, BEAMS, PLAIN), whole)
    assert not render(np.zeros_like(T), BEAMS, PLAIN).any()


def test_one_energy_has_no_colour() -> None:
    with pytest.raises(ScanError, match="expected a scan of two energies, came 1"):
        render(slab("water", 1.0)[:1], BEAMS, PLAIN)


def test_every_drawn_image_has_other_colours_and_is_told_by_its_pixels() -> None:
    """Of a parcel with air, paper, plastic and metal."""
    T = np.ones((2, 60, 80), np.float32)
    for number, (material, depth) in enumerate([("paper", 1.5), *THIN.items()]):
        T[:, 10:50, 8 + 16 * number : 22 + 16 * number] = slab(material, depth)[:, :1, :1]
    drawn = [draw_image(np.random.default_rng(seed), T, BEAMS) for seed in range(30)]
    assert len({colours.hues for _, colours in drawn}) == 30
    assert sum(colours.background < 1 for _, colours in drawn) > 5
    for data, _ in drawn:
        assert decode_scan(data, "drawn").kind is Kind.OPERATOR_IMAGE


def test_a_pale_picture_gets_colours_that_show_it() -> None:
    """A sheet of paper of 0.4 g/cm2, of which the usual colours make next to nothing."""
    T = np.ones((2, 40, 60), np.float32)
    T[:, 8:32, 10:50] = slab("paper", 0.4)[:, :1, :1]
    pale = to_jpeg(render(T, BEAMS, ColourMap(gamma=1.2, depth=7)), 80)
    assert decode_scan(pale, "pale").kind is Kind.TRANSMISSION
    for seed in range(5):
        data, _ = draw_image(np.random.default_rng(seed), T, BEAMS)
        assert decode_scan(data, "drawn").kind is Kind.OPERATOR_IMAGE


def test_colour_maps_at_megavolts_smooth_the_atomic_number_more() -> None:
    kilo, mega = (draw_colours(np.random.default_rng(3), megavolts=it) for it in (False, True))
    assert mega.smoothing == pytest.approx(3 * kilo.smoothing)
    assert mega.hues == kilo.hues


def test_a_set_of_operator_images_holds_the_scenes_of_its_seed(tmp_path: Path) -> None:
    list(simulate_set("parcel", tmp_path, scans=2, concealed=0.5, seed=4, scanner=PARCEL, operator_images=True))
    found = read_set(tmp_path)
    assert [entry.concealed for entry in found.entries] == [False, True]
    for index, entry in enumerate(found.entries):
        scan, plain = read_entry(entry), simulate("parcel", 4, index, concealed=entry.concealed, scanner=PARCEL)
        assert scan.kind is Kind.OPERATOR_IMAGE
        assert scan.transmission.shape == (3, *plain.measured.shape[1:])
        assert (scan.pitch_mm, scan.energies) == (PARCEL.pitch_mm, ())
        np.testing.assert_array_equal(read_mask(entry), plain.truth.mask())
        truth = read_truth(tmp_path / "truth" / f"{entry.name}.npz")
        np.testing.assert_allclose(truth.without, np.clip(plain.truth.without, 0, 13), atol=2e-4)
        # red, green and blue darken where less gets through
        thick = truth.without[1] > 1.0
        assert scan.transmission[:, thick].mean() < scan.transmission[:, ~thick].mean() - 0.1
    images = json.loads((tmp_path / "annotations.json").read_text())["images"]
    assert images[0]["file_name"] == "scans/000000.jpg"
    assert images[0]["open_beam"] is None
    assert images[0]["colours"]["hues"] != images[1]["colours"]["hues"]
