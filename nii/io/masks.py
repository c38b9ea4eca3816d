"""Masks of concealments: PNG or BMP, one file or a folder of them for a scan."""

import struct
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from nii.errors import NiiError, ScanSetError
from nii.io.entries import ScanEntry
from nii.io.walk import is_hidden
from nii.scan import check_size

PNG, BMP = b"\x89PNG\r\n\x1a\n", b"BM"
HEADER = 26  # bytes; both say their size in them
MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".gif", ".webp", ".npy")
"""What other tools store masks as; of these only PNG and BMP are read, the others are refused, not passed over."""
MASK_DECODER_LIMIT = 1 << 26  # bytes of a mask file; a mask of 45 million pixels deflates to far less


def read_mask(entry: ScanEntry, shape: tuple[int, int] | None = None) -> npt.NDArray[np.bool_]:
    """Where the concealments are: bool (row, column), all false for a benign scan without a mask.

    shape: rows and columns of the scan; default: what the annotations say. Raises ScanSetError.
    """
    expected = shape or entry.size
    if entry.mask_path is None:
        if entry.concealed or expected is None:
            raise ScanSetError(f"{entry.name}: expected a mask, came none")
        return np.zeros(expected, dtype=bool)
    masks = [_decode_mask(path, expected) for path in _files(entry.mask_path)]
    shapes = {mask.shape for mask in masks}
    if len(shapes) != 1:
        raise ScanSetError(f"{entry.mask_path}: expected masks of one size, came {len(shapes)}")
    return np.asarray(np.logical_or.reduce(masks))


def _files(path: Path) -> list[Path]:
    """The masks of one scan."""
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.iterdir() if not is_hidden(one.name) and is_mask(one))


def is_mask(path: Path) -> bool:
    """Whether a file is named like a mask."""
    return path.suffix.lower() in MASK_SUFFIXES


def _decode_mask(path: Path, expected: tuple[int, int] | None) -> npt.NDArray[np.bool_]:
    data = read_bytes(path, MASK_DECODER_LIMIT)
    if not data.startswith((PNG, BMP)):
        raise ScanSetError(f"{path}: expected a PNG or BMP mask, came something else")
    _check_mask_size(*_size(data[:HEADER].ljust(HEADER, b"\0")), path)
    mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ScanSetError(f"{path}: expected a PNG or BMP mask, came a damaged one")
    if expected is not None and mask.shape != expected:
        raise ScanSetError(f"{path}: expected a mask of {expected}, came {mask.shape}")
    return np.asarray(mask > 0)


def _size(data: bytes) -> tuple[int, int]:
    """Width and height in the first HEADER bytes; a BMP's height is negative if its first row is the top."""
    if data.startswith(PNG):
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)


def _check_mask_size(width: int, height: int, path: Path) -> None:
    try:
        check_size(width, height, str(path))
    except NiiError as error:
        raise ScanSetError(str(error)) from None


def read_bytes(path: Path, limit: int) -> bytes:
    """Content of a file of a set. Raises ScanSetError."""
    try:
        if path.stat().st_size > limit:
            raise ScanSetError(f"{path}: expected at most {limit} bytes, came {path.stat().st_size}")
        return path.read_bytes()
    except OSError as error:
        raise ScanSetError(f"{path}: expected a readable file, came: {error.strerror}") from None
