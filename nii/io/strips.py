"""The pixels of a TIFF page: its strips or tiles, each checked and unpacked within bounds."""

from typing import Any

import numpy as np
import numpy.typing as npt
from isal import isal_zlib
from tifffile import TIFF, TiffPage

from nii.errors import ScanError

UNCOMPRESSED, LZW, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 5, 8, 32946, 32773
READABLE = (UNCOMPRESSED, LZW, DEFLATE, OLD_DEFLATE, PACKBITS)
AS_THEY_ARE, DIFFERENCES = 1, 2  # predictors: counts, or each less the one to its left
BYTES = 2  # of a count
REPEATED = 128  # of PackBits: lower counts are of literal runs, higher ones of repeated bytes


def counts_of(page: TiffPage, data: bytes, name: str) -> npt.NDArray[np.uint16]:
    """Counts (row, column) of a checked page of a file. Raises ScanError for one that is not complete."""
    segments = _unpacked(page, data, name)
    if page.is_tiled or page.predictor not in (AS_THEY_ARE, DIFFERENCES):
        return page.asarray()
    counts = np.frombuffer(b"".join(segments), f"{page.parent.byteorder}u{BYTES}").reshape(page.imagelength, -1)
    return counts if page.predictor == AS_THEY_ARE else np.cumsum(counts, axis=1, dtype=np.uint16)


def _unpacked(page: TiffPage, data: bytes, name: str) -> list[bytes]:
    """The strips or tiles of a page. Raises ScanError unless every one lies in the file and is whole.

    A last strip that is filled up to the size of the others is cut; a strip of unknown length (byte count 0) is
    taken as long as its pixels if these are not compressed, as other readers do.
    """
    sizes, segments = _segment_sizes(page), []
    if not len(page.dataoffsets) == len(page.databytecounts) == len(sizes):
        raise ScanError(f"{name}: expected {len(sizes)} strips, came {len(page.dataoffsets)}")
    for offset, told, size in zip(page.dataoffsets, page.databytecounts, sizes, strict=True):
        length = told or (size if page.compression == UNCOMPRESSED else 0)
        if not length > 0:
            raise ScanError(f"{name}: expected compressed strips of known length, came byte count 0")
        if not offset + length <= len(data):
            raise ScanError(f"{name}: expected a complete TIFF, came one cut at byte {len(data)}")
        segment = _unpack(data[offset : offset + length], page.compression, sizes[0])
        if not size <= len(segment) <= sizes[0]:
            raise ScanError(f"{name}: expected {size} bytes in a strip, came {len(segment)}")
        segments.append(segment[:size])
    return segments


def _unpack(packed: bytes, compression: int, most: int) -> bytes:
    """At most `most` bytes and one more: a strip of 1 MB may unpack to 1 GB. Uncompressed ones are cut at `most`."""
    if compression == UNCOMPRESSED:
        return packed[:most]
    if compression in (DEFLATE, OLD_DEFLATE):
        return bytes(isal_zlib.decompressobj().decompress(packed, most + 1))
    if compression == PACKBITS:
        return _packbits(packed, most)
    decode: Any = TIFF.DECOMPRESSORS[compression]
    return bytes(decode(packed[: 2 * most + 64], out=most + 1))  # no packer makes twice as much of its input


def _packbits(packed: bytes, most: int) -> bytes:
    """Literal and repeated runs (TIFF 6.0, section 9), until they are more than `most` bytes."""
    unpacked, at = bytearray(), 0
    while at + 1 < len(packed) and len(unpacked) <= most:
        count = packed[at]
        if count < REPEATED:
            unpacked += packed[at + 1 : at + 2 + count]
            at += 2 + count
        else:
            if count > REPEATED:  # itself means nothing
                unpacked += packed[at + 1 : at + 2] * (257 - count)
            at += 2 if count > REPEATED else 1
    return bytes(unpacked)


def _segment_sizes(page: TiffPage) -> list[int]:
    """Bytes that each strip or tile holds when unpacked; 0 rows per strip means all of them."""
    if page.is_tiled:
        across = -(-page.imagewidth // page.tilewidth)
        down = -(-page.imagelength // page.tilelength)
        return [page.tilewidth * page.tilelength * BYTES] * (across * down)
    rows = min(page.rowsperstrip or page.imagelength, page.imagelength)
    full, rest = divmod(page.imagelength, rows)
    return [rows * page.imagewidth * BYTES] * full + ([rest * page.imagewidth * BYTES] if rest else [])
