"""Grey, labelled grey, or operator image: told from pixels."""

import cv2
import numpy as np
import pytest

from nii.io.colour import ColourUse, colour_use, without_labels
from nii.io.read import decode_scan, read_scan
from nii.scan import Kind

ORANGE, GREEN, BLUE = (240, 150, 40), (90, 170, 60), (40, 90, 190)


def cargo(rng: np.random.Generator, shape: tuple[int, int] = (120, 200)) -> np.ndarray:
    """Grey scan: air, and smooth cargo with noise."""
    picture = np.full(shape, 245.0)
    picture[30:, 20:180] = np.linspace(60, 180, 160) + 4 * rng.standard_normal((shape[0] - 30, 160))
    return np.dstack([np.clip(picture, 0, 255).astype(np.uint8)] * 3)


def parcel(rng: np.random.Generator, colours: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """Operator image: objects of material colours, each in many shades towards white."""
    picture = np.full((120, 200, 3), 255.0)
    for i, colour in enumerate(colours):
        shade = np.linspace(0.2, 1, 40)[:, None, None]
        picture[20 + 20 * i : 60 + 20 * i, 30 + 30 * i : 110 + 30 * i] = 255 - shade * (255 - np.array(colour))
    picture += 3 * rng.standard_normal(picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def encoded(rgb: np.ndarray, extension: str) -> bytes:
    return cv2.imencode(extension, rgb[..., ::-1])[1].tobytes()


@pytest.mark.parametrize("colours", [(ORANGE,), (BLUE,), (ORANGE, GREEN, BLUE)])
@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_an_operator_image_is_read_as_one_whatever_it_holds(
    rng: np.random.Generator, colours: tuple[tuple[int, int, int], ...], extension: str
) -> None:
    rgb = parcel(rng, colours)
    scan = decode_scan(encoded(rgb, extension), "parcel")
    assert scan.kind is Kind.OPERATOR_IMAGE
    assert scan.transmission.shape == (3, 120, 200)
    assert 0 <= scan.transmission.min() <= scan.transmission.max() <= 1
    assert scan.energies == ()


@pytest.mark.parametrize("level", [160, 200, 250])
def test_a_viewer_with_a_grey_screen_still_shows_an_operator_image(rng: np.random.Generator, level: int) -> None:
    """Most of the picture is then of a neutral mid-tone."""
    rgb = (parcel(rng, (ORANGE, GREEN)) * (level / 255)).astype(np.uint8)
    rgb[:, 120:] = level
    assert colour_use(rgb) is ColourUse.PSEUDO


def test_planes_are_red_green_blue(rng: np.random.Generator) -> None:
    scan = decode_scan(encoded(parcel(rng, (ORANGE,)), ".png"), "parcel")
    red, green, blue = scan.transmission[:, 55, 60]
    assert red > green > blue


@pytest.mark.parametrize("quality", [60, 95])
def test_a_grey_picture_stored_as_colour_jpeg_is_grey(rng: np.random.Generator, quality: int) -> None:
    data = cv2.imencode(".jpg", cargo(rng), [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    scan = decode_scan(data, "grey")
    assert scan.kind is Kind.TRANSMISSION
    assert not any("coloured" in note for note in scan.notes)


@pytest.mark.parametrize("extension", [".png", ".jpg"])
@pytest.mark.parametrize("colours", [((0, 128, 0),), ((255, 0, 0), (0, 0, 255)), ((255, 255, 0),)])
def test_labels_on_a_grey_scan_are_filled_and_noted(
    rng: np.random.Generator, colours: tuple[tuple[int, int, int], ...], extension: str
) -> None:
    clean = cargo(rng)
    drawn = clean.copy()
    for i, colour in enumerate(colours):
        cv2.rectangle(drawn, (30 + 60 * i, 40), (80 + 60 * i, 90), colour, 3)
        cv2.rectangle(drawn, (30 + 60 * i, 25), (60 + 60 * i, 38), colour, -1)
        cv2.putText(drawn, "toys", (31 + 60 * i, 36), cv2.FONT_HERSHEY_PLAIN, 0.8, (255, 255, 255))
    assert colour_use(drawn) is ColourUse.LABELLED
    scan = decode_scan(encoded(drawn, extension), "labelled")
    assert scan.kind is Kind.TRANSMISSION
    assert any("coloured labels" in note for note in scan.notes)
    error = np.abs(scan.transmission[0] - clean[..., 0] / 245)
    assert error.mean() < 0.02
    assert np.percentile(error, 99) < 0.35  # edges of the cargo under a label; a label left in place is 0.4


def test_white_letters_inside_a_label_go_with_it() -> None:
    dark = np.full((80, 120, 3), 90, np.uint8)
    cv2.rectangle(dark, (20, 20), (100, 60), (0, 128, 0), -1)
    dark[36:43, 30:90] = 255  # a stroke 7 pixels wide
    grey, _ = without_labels(dark)
    assert (grey == 90).all()


def test_pixels_far_from_labels_are_untouched(rng: np.random.Generator) -> None:
    drawn = cargo(rng)
    cv2.rectangle(drawn, (30, 40), (60, 60), (0, 128, 0), 2)
    grey, share = without_labels(drawn)
    assert 0 < share < 0.1
    assert np.array_equal(grey[:, 80:], drawn[:, 80:, 0])


def test_an_operator_image_inside_a_grey_window_is_no_grey_scan(rng: np.random.Generator) -> None:
    framed = np.full((220, 300, 3), 128, np.uint8)
    framed[50:170, 50:250] = parcel(rng, (ORANGE, GREEN, BLUE))
    hue = np.linspace(0, 179, 200).astype(np.uint8)
    bar = np.dstack([np.tile(hue, (8, 1)), np.full((8, 200), 180, np.uint8), np.full((8, 200), 220, np.uint8)])
    framed[55:63, 50:250] = cv2.cvtColor(bar, cv2.COLOR_HSV2RGB)
    assert colour_use(framed) is ColourUse.PSEUDO


def test_a_pair_of_operator_images_is_refused(rng: np.random.Generator) -> None:
    data = encoded(parcel(rng, (ORANGE,)), ".png")
    with pytest.raises(Exception, match="pair of grey images, came an operator image"):
        decode_scan((data, data), "pair")


def mapped(rng: np.random.Generator, name: int) -> np.ndarray:
    """A grey scan in one of OpenCV's colour maps."""
    grey = np.clip(cargo(rng)[..., 0].astype(np.float64) * 255 / 245, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(grey, name)[..., ::-1])


MAPS = {
    name: getattr(cv2, f"COLORMAP_{name}")
    for name in ("JET", "TURBO", "HOT", "VIRIDIS", "INFERNO", "PLASMA", "MAGMA", "RAINBOW", "HSV", "PINK", "COOL")
}


@pytest.mark.parametrize("extension", [".png", ".jpg"])
@pytest.mark.parametrize("name", MAPS)
def test_a_heat_map_is_no_operator_image_without_a_word(rng: np.random.Generator, name: str, extension: str) -> None:
    scan = decode_scan(encoded(mapped(rng, MAPS[name]), extension), "map")
    assert scan.kind is Kind.OPERATOR_IMAGE
    assert any("unlike those of a dual-energy operator image" in note for note in scan.notes)


@pytest.mark.parametrize("tint", [(255, 235, 200), (200, 255, 210), (255, 60, 60)])
def test_a_tinted_grey_scan_is_said_to_be_one(rng: np.random.Generator, tint: tuple[int, int, int]) -> None:
    rgb = (cargo(rng).astype(float) * np.array(tint) / 255).astype(np.uint8)
    assert any("no air in bright grey" in note for note in decode_scan(encoded(rgb, ".png"), "tinted").notes)


def test_a_coloured_scene_is_no_operator_image_without_a_word(rng: np.random.Generator) -> None:
    """Colours of all hues, as of a photograph."""
    small = rng.integers(0, 256, (8, 12, 3), np.uint8)
    rgb = cv2.resize(small, (240, 160), interpolation=cv2.INTER_CUBIC)
    scan = decode_scan(encoded(rgb, ".jpg"), "photo")
    assert any("reds and violets" in note for note in scan.notes)


@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_an_operator_image_of_several_materials_has_no_notes(rng: np.random.Generator, extension: str) -> None:
    assert decode_scan(encoded(parcel(rng, (ORANGE, GREEN, BLUE)), extension), "parcel").notes == ()


def test_real_operator_images_have_no_notes(shared) -> None:  # type: ignore[no-untyped-def] # fixture
    assert [read_scan(path).notes for path in sorted((shared / "real-parcel").rglob("*.jpg"))[::10]] == [()] * 11
