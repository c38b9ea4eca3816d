import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from serving_tools import block_tiff

from nii.errors import TooManyPixelsError
from nii.io.stated import check_pixels_stated


def npy(shape):
    buffer = io.BytesIO()
    np.save(buffer, np.ones(shape, np.float32))
    return buffer.getvalue()


def huge_png(width, height):
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


@pytest.fixture
def files(tmp_path):
    image = np.full((20, 30), 200, np.uint8)
    return {
        "TIFF": (block_tiff(tmp_path).read_bytes(), 128 * 192),
        "PNG": (cv2.imencode(".png", image)[1].tobytes(), 600),
        "JPEG": (cv2.imencode(".jpg", image)[1].tobytes(), 600),
        "NPY": (npy((2, 20, 30)), 600),
        "huge PNG header": (huge_png(60000, 60000), 60000 * 60000),
    }


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "JPEG", "NPY", "huge PNG header"])
def test_the_size_in_the_header_decides(files, kind):
    data, pixels = files[kind]
    check_pixels_stated(data, "x", pixels)
    with pytest.raises(TooManyPixelsError, match=f"expected at most {pixels - 1} pixels, came"):
        check_pixels_stated(data, "x", pixels - 1)


def test_the_size_of_a_dicos_file_is_read_too(shared):
    data = (shared / "dicos" / "SimpleProcessingDX.dcs").read_bytes()
    with pytest.raises(TooManyPixelsError):
        check_pixels_stated(data, "x", 100)


@pytest.mark.parametrize(
    "data", [b"", b"text", b"II*\0\xff\xff", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\x93NUMPY\x09"]
)
def test_a_header_that_cannot_be_read_is_left_to_the_decoder(data):
    assert check_pixels_stated(data, "x", 1) == 0
