"""The stored pixels of a DX data set: native, float or compressed, checked against what its header says."""

import math
import struct
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments, generate_frames
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, RLELossless

from nii.errors import ScanError
from nii.io.jpeg import jpeg_frame, jpeg_pixels

Pixels = npt.NDArray[Any]

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
LOSSY = (JPEG_BASELINE, "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91")
FLOATS = {0x7FE00008: "f4", 0x7FE00009: "f8", 0x7FE00013: "f4"}
"""FloatPixelData, DoubleFloatPixelData, and where V02A files of the reference toolkit put floats."""

PIXEL_DATA = 0x7FE00010
RESTARTS = b"\xff\xdd\x00\x04"  # the second decoder of lossless JPEG knows none
STREAM_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")  # JPEG and JPEG-LS, JPEG 2000


def stored_pixels(dataset: Dataset, name: str) -> tuple[Pixels, float]:
    """(row, column) or (row, column, 3), unsigned integers or floats; and the share with bits above BitsStored.

    Those bits, which may hold an overlay, are cleared. Raises ScanError for what can't be read as told.
    """
    held = [tag for tag in (*FLOATS, PIXEL_DATA) if tag in dataset]
    if len(held) > 1:
        raise ScanError(f"{name}: expected one image, came several (floats and PixelData)")
    if held and held[0] in FLOATS:
        return _float_pixels(dataset, held[0], name), 0.0
    _check_bits(dataset, name)
    shape = (int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel))
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated and syntax != RLELossless:
        pixels = _decompressed(_only_frame(dataset, name), syntax, shape, name)
    else:
        pixels = _native(dataset, shape, name)
    allocated = np.dtype(f"u{int(dataset.BitsAllocated) // 8}")
    if pixels.dtype.newbyteorder("=") != allocated:
        raise ScanError(f"{name}: expected pixels of {allocated} (BitsAllocated), came {pixels.dtype}")
    if pixels.shape != (shape if shape[2] > 1 else shape[:2]):
        raise ScanError(f"{name}: expected pixels of shape {shape}, came {pixels.shape}")
    masked, overlaid = _masked(pixels, int(dataset.BitsStored))
    return masked, overlaid or _cleared(dataset)


def _check_bits(dataset: Dataset, name: str) -> None:
    if int(dataset.PixelRepresentation) != 0:
        raise ScanError(f"{name}: expected unsigned pixels, came signed ones")
    allocated, stored, high = (int(getattr(dataset, key)) for key in ("BitsAllocated", "BitsStored", "HighBit"))
    if allocated not in (8, 16):
        raise ScanError(f"{name}: expected 8 or 16 bits per pixel, came {allocated}")
    if not 0 < stored <= allocated or high != stored - 1:
        raise ScanError(
            f"{name}: expected pixels in the lowest bits, came {stored} of {allocated} bits up to bit {high}"
        )
    if int(dataset.SamplesPerPixel) not in (1, 3):
        raise ScanError(f"{name}: expected 1 or 3 samples per pixel, came {dataset.SamplesPerPixel}")


def _float_pixels(dataset: Dataset, tag: int, name: str) -> Pixels:
    value = dataset[tag].value
    kind = ("<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">") + FLOATS[tag]
    pixels = np.frombuffer(value, kind) if isinstance(value, bytes) else np.asarray(value, kind)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if pixels.size != rows * columns:
        raise ScanError(f"{name}: expected {rows * columns} float pixels, came {pixels.size}")
    return pixels.reshape(rows, columns).astype(kind[1:])


def _native(dataset: Dataset, shape: tuple[int, int, int], name: str) -> Pixels:
    """As pydicom decodes it; more data than one image has would be further ones without a word."""
    if dataset.file_meta.TransferSyntaxUID != RLELossless:
        expected = math.prod(shape) * int(dataset.BitsAllocated) // 8
        if len(dataset.PixelData) > expected + 1:  # padded to an even length
            raise ScanError(f"{name}: expected {expected} bytes of one image, came {len(dataset.PixelData)}")
    return np.asarray(dataset.pixel_array)


def _masked(pixels: Pixels, stored: int) -> tuple[Pixels, float]:
    """Without the bits above the stored ones, and the share of pixels that had any: not every decoder clears them."""
    if stored == pixels.dtype.itemsize * 8:
        return pixels, 0.0
    mask = pixels.dtype.type((1 << stored) - 1)
    return pixels & mask, float(np.mean(pixels > mask))


def _cleared(dataset: Dataset) -> float:
    """The share of native 16-bit pixels whose bits above the stored ones pydicom has cleared already."""
    syntax, allocated = dataset.file_meta.TransferSyntaxUID, int(dataset.BitsAllocated)
    if syntax.is_compressed or allocated == int(dataset.BitsStored):
        return 0.0
    order = "<" if syntax.is_little_endian else ">"
    data = dataset.PixelData
    raw = np.frombuffer(data, f"{order}u{allocated // 8}", count=len(data) * 8 // allocated)
    return float(np.mean(raw >> int(dataset.BitsStored) > 0))


def _only_frame(dataset: Dataset, name: str) -> bytes:
    """The one compressed frame; fragments that start streams of their own would be further images."""
    starts = [part for part in generate_fragments(dataset.PixelData) if part.startswith(STREAM_STARTS)]
    if len(starts) > 1:
        raise ScanError(f"{name}: expected one image, came {len(starts)} compressed ones")
    return next(generate_frames(dataset.PixelData, number_of_frames=1))


def _decompressed(frame: bytes, syntax: UID, shape: tuple[int, int, int], name: str) -> Pixels:
    """One compressed frame; its own header must agree with the data set's before it's decoded."""
    if syntax in JPEG2000TransferSyntaxes:
        _check_frame(_jpeg2000_size(frame), shape, name)
        return np.asarray(_codecs(syntax, name).jpeg2k_decode(frame))
    if syntax == JPEG_BASELINE:
        _check_frame(jpeg_frame(frame, name)[1:], shape, name)
        return jpeg_pixels(frame, name)
    if syntax in JPEGLSTransferSyntaxes or syntax in JPEG_LOSSLESS:
        _check_frame(jpeg_frame(frame, name, lossless=True)[1:], shape, name)
        stream = _from_frame_header(frame, name)
        codecs = _codecs(syntax, name)
        return (
            np.asarray(codecs.jpegls_decode(stream)) if syntax not in JPEG_LOSSLESS else _agreed(codecs, stream, name)
        )
    raise ScanError(f"{name}: expected a readable transfer syntax, came {syntax.name}")


def _agreed(codecs: ModuleType, stream: bytes, name: str) -> Pixels:
    """Pixels of lossless JPEG, from two decoders where both can: each makes up in its own way what a stream lacks."""
    pixels = np.asarray(codecs.jpeg8_decode(stream))
    if pixels.ndim == 2 and RESTARTS not in stream and not np.array_equal(codecs.ljpeg_decode(stream), pixels):
        raise ScanError(f"{name}: expected an undamaged JPEG frame, came one that two decoders read differently")
    return pixels


def _from_frame_header(frame: bytes, name: str) -> bytes:
    """The stream without what stands before its frame header, if it has an end.

    A SPIFF header may tell another size, by which the JPEG-LS decoder would make room; a stream
    without an end keeps that decoder busy for ten seconds, however small the image.
    """
    if not frame.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise ScanError(f"{name}: expected a complete JPEG frame, came one without its end marker")
    at = max(frame.find(b"\xff\xf7"), 0)  # JPEG-LS only: plain JPEG keeps tables before the header
    return frame[:2] + frame[at or 2 :]


def _codecs(syntax: UID, name: str) -> ModuleType:
    try:
        import imagecodecs  # optional: 25 MB that only compressed DICOS and LZW TIFF need
    except ImportError:
        raise ScanError(
            f"{name}: expected pixels readable without the package imagecodecs, came {syntax.name}"
        ) from None
    return imagecodecs  # type: ignore[no-any-return, unused-ignore] # untyped where it isn't installed


def _check_frame(came: tuple[int, ...], expected: tuple[int, ...], name: str) -> None:
    if came != expected:
        raise ScanError(f"{name}: expected a frame of (rows, columns, samples) {expected}, came {came}")


def _jpeg2000_size(frame: bytes) -> tuple[int, int, int]:
    """Rows, columns and components of the SIZ marker of a JPEG 2000 code stream."""
    at = frame.index(b"\xff\x4f\xff\x51") + 8
    width, height, left, top, *_, components = struct.unpack_from(">8IH", frame, at)
    return height - top, width - left, components
