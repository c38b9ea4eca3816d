"""Orientation tags of TIFF, PNG and JPEG: every one gives the picture that viewers show."""

import io
import json
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile

from nii.io.orientation import exif_orientation
from nii.io.read import decode_scan
from nii.scan import Scan

SHOWN = np.full((24, 40), 50000, np.uint16)
SHOWN[2:10, 3:17] = 10000  # a block at the upper left, so that no turn looks like another
SHOWN[10:20, 3:8] = 20000

STORED = {  # TIFF 6.0: which side of the shown picture the first stored row and column are
    1: SHOWN,
    2: SHOWN[:, ::-1],  # top, right
    3: SHOWN[::-1, ::-1],  # bottom, right
    4: SHOWN[::-1],  # bottom, left
    5: SHOWN.T,  # left, top
    6: SHOWN[:, ::-1].T,  # right, top
    7: SHOWN[::-1, ::-1].T,  # right, bottom
    8: SHOWN[::-1].T,  # left, bottom
}


def exif(orientation: int, order: str = "<") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def tiff(pixels: np.ndarray, orientation: int) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        np.stack([pixels, pixels + np.uint16(1000)]),
        photometric="minisblack",
        metadata=None,
        description=json.dumps({"pitch_mm": [6, 5]}),
        extratags=[(274, 3, 1, orientation, True)],  # on the first page alone, as many writers have it
    )
    return buffer.getvalue()


def png(pixels: np.ndarray, orientation: int) -> bytes:
    data = cv2.imencode(".png", pixels)[1].tobytes()
    body = exif(orientation, ">")
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
    return data[:33] + chunk + data[33:]


def jpeg(pixels: np.ndarray, orientation: int) -> bytes:
    data = cv2.imencode(".jpg", (pixels >> 8).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    body = b"Exif\0\0" + exif(orientation)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def read(write: object, orientation: int) -> Scan:
    return decode_scan(write(np.ascontiguousarray(STORED[orientation]), orientation), "turned")  # type: ignore[operator] # tiff, png or jpeg


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("write", [tiff, png, jpeg])
def test_a_picture_is_read_as_viewers_show_it(write: object, orientation: int) -> None:
    scan = read(write, orientation)
    assert scan.transmission[0] == pytest.approx(SHOWN / 50000, abs=0.02)
    assert any(f"tag {orientation}" in note for note in scan.notes) == (orientation != 1)


@pytest.mark.parametrize("orientation", STORED)
def test_the_pitch_turns_with_the_picture(orientation: int) -> None:
    assert read(tiff, orientation).pitch_mm == ((6.0, 5.0) if orientation < 5 else (5.0, 6.0))


@pytest.mark.parametrize("write", [tiff, png, jpeg])
def test_an_unknown_orientation_is_said(write: object) -> None:
    scan = decode_scan(write(SHOWN, 9), "a")  # type: ignore[operator] # tiff, png or jpeg
    assert any("orientation 9 is unknown" in note for note in scan.notes)


@pytest.mark.parametrize("block", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"nonsense", exif(6)[:12]])
def test_a_damaged_exif_block_is_unknown(block: bytes) -> None:
    assert exif_orientation(block) == 0


def test_an_exif_block_without_the_tag_is_upright() -> None:
    assert exif_orientation(b"MM\0*" + struct.pack(">IH", 8, 0)) == 1
