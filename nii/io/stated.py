"""How large a scan says it is, read from its first bytes, before anything is decoded."""

import io
import struct
from collections.abc import Callable

import numpy as np

from nii.errors import TooManyPixelsError
from nii.io.read import DICOS, JPEG, NPY, PNG, SNIFFED, TIFF, sniff


def check_pixels_stated(data: bytes, name: str, most: int) -> int:
    """The pixels per energy that the header promises; 0 where it can't be read: the decoder says what is wrong with it.

    Raises TooManyPixelsError for more than `most`.
    """
    kind = sniff(data[:SNIFFED])
    if kind is None:
        return 0
    try:
        width, height = _SIZES[kind](data)
    except Exception:  # noqa: BLE001 - parsers of hostile bytes raise anything
        return 0
    if width * height > most:
        raise TooManyPixelsError(f"{name}: expected at most {most} pixels, came {width}x{height}")
    return max(width * height, 0)


def _png(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg(data: bytes) -> tuple[int, int]:
    from nii.io.jpeg import jpeg_frame

    _, rows, columns, _ = jpeg_frame(data, "")
    return columns, rows


def _npy(data: bytes) -> tuple[int, int]:
    stream = io.BytesIO(data[:65536])
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, _ = read(stream)
    return shape[-1], shape[-2]


def _tiff(data: bytes) -> tuple[int, int]:
    from tifffile import TiffFile

    with TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        return int(page.imagewidth), int(page.imagelength)


def _dicos(data: bytes) -> tuple[int, int]:
    from nii.io.dx import read_dicos

    header = read_dicos(data, "")
    return int(header.Columns), int(header.Rows)


_SIZES: dict[str, Callable[[bytes], tuple[int, int]]] = {
    PNG: _png,
    JPEG: _jpeg,
    NPY: _npy,
    TIFF: _tiff,
    DICOS: _dicos,
}
