"""NumPy `.npy`: float transmission of shape (energy, row, column), or (row, column) for one energy."""

import io
import math
from typing import Any

import numpy as np

from nii.errors import ScanError
from nii.io.picture import Content, Picture, foreign
from nii.scan import check_size


def decode_npy(data: bytes, name: str) -> Picture:
    """Transmission as float32; the header is checked before the data is touched."""
    with foreign(name, "a readable .npy header"):
        shape, dtype, header_size = _header(data)
    if dtype.kind != "f":  # objects, which need pickle, included
        raise ScanError(f"{name}: expected float transmission, came dtype {dtype}")
    if len(shape) not in (2, 3):
        raise ScanError(f"{name}: expected (energy, row, column), came shape {shape}")
    check_size(shape[-1], shape[-2], name)
    if len(shape) == 3 and not 1 <= shape[0] <= 3:
        raise ScanError(f"{name}: expected 1 to 3 energies first, came shape {shape}")
    expected = math.prod(shape) * dtype.itemsize
    if len(data) - header_size != expected:
        raise ScanError(f"{name}: expected {expected} bytes of pixels, came {len(data) - header_size}")
    with foreign(name, "readable .npy data"):
        pixels = np.load(io.BytesIO(data), allow_pickle=False)
    return Picture(planes=pixels.reshape(-1, *shape[-2:]), content=Content.TRANSMISSION)


def _header(data: bytes) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype and size of the header. Version 3 is for field names, which no scan has."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"format version {version}")
    return shape, dtype, stream.tell()
