"""JPEG: 8-bit grey scans and operator images.

The stream's structure is walked before the decoder sees it: size, scans, end, and what else lies in the file.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nii.errors import ScanError
from nii.io.colour import Bytes
from nii.io.orientation import UPRIGHT, exif_orientation, upright
from nii.io.picture import Picture
from nii.io.raster import decoded, from_grey, from_rgb, opaque_rgb
from nii.scan import check_size

MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")  # not a stuffed zero, a restart or a fill byte
END, SCAN, PROGRESSIVE = 0xD9, 0xDA, 0xC2
COMMON, LOSSLESS = (0xC0, 0xC1, PROGRESSIVE), (0xC3, 0xF7)  # frame headers; SOF3 and JPEG-LS
NO_FRAME = (0xC4, 0xC8, 0xCC)  # tables and a reserved one among the frame headers' numbers
APP1, APP2 = 0xE1, 0xE2
MOST_SEGMENTS = 10_000  # 64 KB each; cameras write about 20
LARGEST_SCANS = 64  # a progressive JPEG has about 10; each one costs a pass over the image
COEFFICIENTS = 64  # of a block


class Segment(NamedTuple):
    """A marker segment: its number, its content and where it ends; entropy-coded data isn't part of it."""

    marker: int
    body: bytes
    end: int


def decode_jpeg(data: bytes, name: str) -> Picture:
    """8-bit grey counts or a classified colour picture. Raises ScanError for anything else or damaged."""
    image = jpeg_pixels(data, name)
    segments = list(_segments(data, name))
    if b"\xff\xd8\xff" in data[segments[-1].end :] or any(
        part.marker == APP2 and part.body.startswith(b"MPF\0") for part in segments
    ):
        raise ScanError(f"{name}: expected one image in a file, came a JPEG that holds several")
    picture = from_grey(image, "JPEG") if image.ndim == 2 else from_rgb(image, "JPEG")
    exif = next((p.body[6:] for p in segments if p.marker == APP1 and p.body.startswith(b"Exif\0\0")), b"")
    return upright(picture, exif_orientation(exif) if exif else UPRIGHT)


def jpeg_pixels(data: bytes, name: str) -> Bytes:
    """Stored pixels: (row, column), or (row, column, 3) red, green, blue. Raises ScanError for a damaged stream."""
    bits, height, width, components = jpeg_frame(data, name)
    check_size(width, height, name)
    if bits != 8 or components not in (1, 3):
        raise ScanError(f"{name}: expected 8-bit grey or RGB JPEG, came {components} x {bits} bits")
    segments = list(_segments(data, name))
    if segments[-1].marker != END:
        raise ScanError(f"{name}: expected a complete JPEG, came one without its end marker")
    _check_scans(segments, components, name)
    image = decoded(data, (height, width), name)
    return image if image.ndim == 2 else opaque_rgb(image, name)


def jpeg_frame(data: bytes, name: str, *, lossless: bool = False) -> tuple[int, int, int, int]:
    """Bits, rows, columns and components of the frame header (SOF) of a JPEG or JPEG-LS stream.

    lossless: look for the lossless processes (SOF3, JPEG-LS) in place of the common ones.
    """
    for marker, body, _ in _segments(data, name):
        if marker in (LOSSLESS if lossless else COMMON) and len(body) >= 6:
            bits, rows, columns, components = struct.unpack_from(">BHHB", body)
            return bits, rows, columns, components
        if 0xC0 <= marker <= 0xCF and marker not in NO_FRAME:
            raise ScanError(f"{name}: expected another JPEG process, came SOF{marker - 0xC0}")
        if marker == SCAN:
            break
    raise ScanError(f"{name}: expected a JPEG frame header, came none in {len(data)} bytes")


def _segments(data: bytes, name: str) -> Iterator[Segment]:
    """Marker segments up to the end marker, or to where the data ends; pixels between them are passed over."""
    at, n = 2, 0
    while (match := MARKER.search(data, at)) is not None:
        marker, at = match[1][0], match.end()
        if marker == END:
            yield Segment(marker, b"", at)
            return
        if (n := n + 1) > MOST_SEGMENTS:
            raise ScanError(f"{name}: expected at most {MOST_SEGMENTS} segments in a JPEG, came more")
        length = int.from_bytes(data[at : at + 2], "big")
        yield Segment(marker, data[at + 2 : at + length], at + length)
        at += max(length, 2)
    if at == 2:
        yield Segment(0, b"", at)


def _check_scans(segments: list[Segment], components: int, name: str) -> None:
    """Refuse too many scans, and too few: of components never sent, or of coefficients to their last bit."""
    scans = [part.body for part in segments if part.marker == SCAN]
    if len(scans) > LARGEST_SCANS:
        raise ScanError(f"{name}: expected at most {LARGEST_SCANS} JPEG scans, came more")
    progressive = any(part.marker == PROGRESSIVE for part in segments)
    frame = next(part.body for part in segments if part.marker in COMMON)
    missing = {number: np.ones(COEFFICIENTS, bool) for number in frame[6 : 6 + 3 * components : 3]}
    for scan in scans:
        n = scan[0] if scan else 0
        first, last, bits = scan[1 + 2 * n : 4 + 2 * n] if len(scan) >= 4 + 2 * n else (1, 0, 0)
        sent = slice(first, last + 1) if progressive else slice(None)
        for number in scan[1 : 1 + 2 * n : 2]:
            if number in missing:
                missing[number][sent] = progressive and bits & 15 > 0
    if any(part.any() for part in missing.values()):
        raise ScanError(f"{name}: expected all scans of a JPEG, came {len(scans)} that leave some of the picture out")
