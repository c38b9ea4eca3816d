"""Scans whose values contradict what their files say: refused, or noted."""

import io
import json

import cv2
import numpy as np
import pytest
import tifffile

from nii.errors import ScanError
from nii.io.read import decode_scan

TOLD = {"open_beam": 50000, "energies": ["4MV", "6MV"], "pitch_mm": 6}


def counts(rng: np.random.Generator) -> np.ndarray:
    """Air at 50000 around a block of 10000 (low energy) and 12000 (high energy), with noise."""
    pixels = np.full((2, 60, 90), 50000.0)
    pixels[0, 15:45, 20:70], pixels[1, 15:45, 20:70] = 10000, 12000
    return np.rint(pixels + rng.normal(0, 100, pixels.shape)).clip(0, 65535).astype(np.uint16)


def tiff(pixels: np.ndarray, **told: object) -> bytes:
    buffer = io.BytesIO()
    text = json.dumps(TOLD | told)
    tifffile.imwrite(buffer, pixels, photometric="minisblack", metadata=None, description=text)
    return buffer.getvalue()


def npy(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    return buffer.getvalue()


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def test_a_scan_that_agrees_with_its_file_has_no_notes(rng: np.random.Generator) -> None:
    assert decode_scan(tiff(counts(rng)), "a").notes == ()


@pytest.mark.parametrize(
    ("open_beam", "said"),
    [
        (48500, ""),
        (46000, "transmits 1.09, 1.09 in place of 1: the air level told is too low"),
        (55000, "transmits 0.909, 0.909: no air in view, or the air level told is too high"),
        (200000, "too high"),
    ],
)
def test_an_air_level_that_the_scan_contradicts_is_noted(rng: np.random.Generator, open_beam: float, said: str) -> None:
    notes = decode_scan(tiff(counts(rng), open_beam=open_beam), "a").notes
    assert len(notes) == (1 if said else 0)
    assert said in " ".join(notes)


@pytest.mark.parametrize("open_beam", [26000, 39000, [50000, 30000]])
def test_air_far_above_one_is_refused(rng: np.random.Generator, open_beam: object) -> None:
    with pytest.raises(ScanError, match="is the air level right"):
        decode_scan(tiff(counts(rng), open_beam=open_beam), "a")


@pytest.mark.parametrize("thickest", [0.9, 1.6, 6.0])
def test_attenuation_in_place_of_transmission_is_refused_or_noted(rng: np.random.Generator, thickest: float) -> None:
    attenuation = np.zeros((2, 60, 90))
    attenuation[:, 15:45, 20:70] = thickest + rng.normal(0, 0.01, (2, 30, 50))
    try:
        notes = decode_scan(npy(attenuation), "a").notes
    except ScanError as error:
        assert "attenuation" in str(error) or "came" in str(error)  # noqa: PT017 - either way out is right
    else:
        assert any("inverse" in note for note in notes)


INVERSE = {
    "16 bits": lambda c: 65535 - c,
    "8 bits": lambda c: (255 - (c >> 8)).astype(np.uint8),
    "air at zero": lambda c: np.clip(50000 - c.astype(int), 0, None).astype(np.uint16),
    "attenuation": lambda c: (-np.log(np.clip(c / 50000, 1e-3, 1)) * 20000).astype(np.uint16),
}


@pytest.mark.parametrize("kind", INVERSE)
def test_an_inverse_grey_picture_is_noted(rng: np.random.Generator, kind: str) -> None:
    notes = decode_scan(png(INVERSE[kind](counts(rng)[1])), "a").notes
    assert any("may be inverse" in note for note in notes)


def test_a_grey_picture_on_a_dark_ground_is_not_taken_for_inverse(rng: np.random.Generator) -> None:
    pixels = counts(rng)[1]
    pixels[-10:] = 300  # the road, or the belt's frame
    assert not any("inverse" in note for note in decode_scan(png(pixels), "a").notes)


def test_one_image_for_both_energies_is_noted(rng: np.random.Generator) -> None:
    one = counts(rng)[1]
    for scan in (decode_scan(tiff(np.stack([one, one])), "a"), decode_scan((png(one), png(one)), "a.png,a.png")):
        assert any("one and the same image" in note for note in scan.notes)


def test_one_image_among_three_energies_is_noted(rng: np.random.Generator) -> None:
    planes = (counts(rng) / np.float32(50000)).astype(np.float32)
    notes = decode_scan(npy(np.concatenate([planes, planes[:1]])), "a").notes
    assert notes == ("two energies show one and the same image: nothing can be told from their ratio",)


def test_one_image_stored_twice_with_loss_is_noted(rng: np.random.Generator) -> None:
    grey = (counts(rng)[1] >> 8).astype(np.uint8)
    pair = [cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes() for quality in (95, 80)]
    assert any("penetrate alike" in note for note in decode_scan((pair[0], pair[1]), "a,b").notes)


def test_energies_in_the_wrong_order_are_noted_whatever_they_are_called(rng: np.random.Generator) -> None:
    notes = decode_scan(tiff(counts(rng)[::-1]), "a").notes
    assert len(notes) == 1
    assert "order may be exchanged" in notes[0]


@pytest.mark.parametrize(("what", "values"), [("pitch_mm", (6, 5)), ("scanner", ("gate", "yard"))])
def test_a_pair_that_contradicts_itself_is_refused(
    rng: np.random.Generator, what: str, values: tuple[object, object]
) -> None:
    low = tiff(counts(rng)[:1], energies=["4MV"], **{what: values[0]})
    high = tiff(counts(rng)[1:], energies=["6MV"], **{what: values[1]})
    with pytest.raises(ScanError, match=f"one {what} for both"):
        decode_scan((low, high), "a,b")


def test_what_one_file_of_a_pair_tells_alone_is_not_used_and_said(rng: np.random.Generator) -> None:
    low = tiff(counts(rng)[:1], energies=["4MV"])
    notes = decode_scan((low, tiff(counts(rng)[1:], energies=None, open_beam=None)), "a,b").notes
    assert notes[0] == "told by one file of the pair alone and not used: open_beam, energies"
