"""How large a scan says it is, read from its first bytes, before anything is decoded."""

import io
import struct
from collections.abc import Callable

import numpy as np

from nii.io.read import DICOS, JPEG, NPY, PNG, SNIFFED, TIFF, sniff
from serving.problems import TooManyPixelsError


def check_pixels_stated(data: bytes, name: str, most: int) -> None:
    """Raise TooManyPixelsError if the header promises more than `most` pixels per energy.

    A header that can't be read passes: the decoder says what is wrong with it.
    """
    kind = sniff(data[:SNIFFED])
    if kind is None:
        return
    try:
        width, height = _SIZES[kind](data)
    except Exception:  # noqa: BLE001 - parsers of hostile bytes raise anything; the decoder reports it
        return
    if width * height > most:
        raise TooManyPixelsError(f"{name}: expected at most {most} pixels, came {width}x{height}")


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
    from pydicom import dcmread

    from nii.io.dx import DEFLATED

    if DEFLATED.search(data):  # would be unpacked whole; the decoder refuses it
        return 0, 0
    header = dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=["Rows", "Columns"])
    return int(header.Columns), int(header.Rows)


_SIZES: dict[str, Callable[[bytes], tuple[int, int]]] = {
    PNG: _png,
    JPEG: _jpeg,
    NPY: _npy,
    TIFF: _tiff,
    DICOS: _dicos,
}
