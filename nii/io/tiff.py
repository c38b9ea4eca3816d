"""16-bit TIFF with one page per energy, low first, as fielded cargo systems store it."""

import io
import json
import logging
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
from isal import isal_zlib
from tifffile import TiffFile, TiffPage

from nii.errors import ScanError
from nii.io.picture import Content, Metadata, Picture, foreign, parse_metadata
from nii.scan import check_size

MOST_PAGES = 2
UNCOMPRESSED, LZW, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 5, 8, 32946, 32773
READABLE = (UNCOMPRESSED, LZW, DEFLATE, OLD_DEFLATE, PACKBITS)
AS_THEY_ARE, DIFFERENCES = 1, 2  # predictors: counts, or each less the one to its left

# tifffile logs what it forgives; without a handler Python would print that on stderr
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def decode_tiff(data: bytes, name: str) -> Picture:
    """Counts (energy, row, column) and the metadata of the ImageDescription tag."""
    with foreign(name, "a readable TIFF"):
        n_pages = count_pages(data, name)
        if not 1 <= n_pages <= MOST_PAGES:
            raise ScanError(f"{name}: expected one page per energy, 1 or 2, came {n_pages} pages")
        with TiffFile(io.BytesIO(data)) as file:
            return _read_pages(file, data, n_pages, name)


def _read_pages(file: TiffFile, data: bytes, n_pages: int, name: str) -> Picture:
    pages = [_checked_page(file.pages[i], name) for i in range(n_pages)]
    sizes = {(page.imagewidth, page.imagelength) for page in pages}
    if len(sizes) > 1:
        came = " and ".join(f"{width}x{height}" for width, height in sorted(sizes))
        raise ScanError(f"{name}: expected pages of one size, came {came}")
    planes = np.stack([_counts(page, data, name) for page in pages])
    metadata, notes = _description(pages[0].description, name)
    return Picture(planes=planes, content=Content.COUNTS, full_scale=65535.0, metadata=metadata, notes=notes)


def count_pages(data: bytes, name: str) -> int:
    """Length of the chain of pages, at most MOST_PAGES + 1. Raises ScanError where the chain breaks.

    tifffile takes a chain that points outside the file for its end: half of a dual-energy scan
    would then be read as a single-energy one.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    n_tags, tag_size, offset = (order + "Q", 20, order + "Q") if big else (order + "H", 12, order + "I")
    next_at, pages = (8 if big else 4), 0
    while pages <= MOST_PAGES:
        try:
            (page_at,) = struct.unpack_from(offset, data, next_at)
            if page_at == 0:
                break
            (tags,) = struct.unpack_from(n_tags, data, page_at)
        except struct.error:
            raise ScanError(f"{name}: expected a complete TIFF, came one cut at byte {len(data)}") from None
        next_at = page_at + struct.calcsize(n_tags) + tags * tag_size
        pages += 1
    return pages


def _checked_page(page: Any, name: str) -> TiffPage:
    """The page if it is 16-bit grey and of a usable size; nothing is decoded yet."""
    if not isinstance(page, TiffPage):
        raise ScanError(f"{name}: expected a full TIFF page, came {type(page).__name__}")
    check_size(page.imagewidth, page.imagelength, name)
    layout = (page.bitspersample, page.sampleformat, page.samplesperpixel, page.imagedepth)
    if layout != (16, 1, 1, 1):
        kind = {1: "unsigned", 2: "signed", 3: "float"}.get(page.sampleformat, "unknown")
        raise ScanError(
            f"{name}: expected 16-bit unsigned grey pages, came {page.bitspersample}-bit {kind} "
            f"with {page.samplesperpixel} samples per pixel"
        )
    if page.photometric != 1:
        raise ScanError(f"{name}: expected grey with black at zero, came photometric {int(page.photometric)}")
    if page.compression not in READABLE:
        raise ScanError(f"{name}: expected no, deflate, LZW or packbits compression, came {page.compression}")
    return page


def _counts(page: TiffPage, data: bytes, name: str) -> npt.NDArray[np.uint16]:
    """Counts (row, column) of a checked page. Raises ScanError for one that is not complete."""
    segments = _unpacked(page, data, name)
    if not segments or page.is_tiled or page.predictor not in (AS_THEY_ARE, DIFFERENCES):
        return page.asarray()
    counts = np.frombuffer(b"".join(segments), f"{page.parent.byteorder}u2").reshape(page.imagelength, -1)
    return counts if page.predictor == AS_THEY_ARE else np.cumsum(counts, axis=1, dtype=np.uint16)


def _unpacked(page: TiffPage, data: bytes, name: str) -> list[bytes]:
    """The strips or tiles of a deflated page; none of another one, which are left to tifffile.

    Raises ScanError unless every one lies in the file and unpacks to its own size.
    """
    sizes, segments = _segment_sizes(page), []
    if not len(page.dataoffsets) == len(page.databytecounts) == len(sizes):
        raise ScanError(f"{name}: expected {len(sizes)} strips, came {len(page.dataoffsets)}")
    for offset, length, size in zip(page.dataoffsets, page.databytecounts, sizes, strict=True):
        if not (length > 0 and offset + length <= len(data)):
            raise ScanError(f"{name}: expected a complete TIFF, came one cut at byte {len(data)}")
        if page.compression == UNCOMPRESSED:
            came = length
        elif page.compression in (DEFLATE, OLD_DEFLATE):
            # bounded: a strip of 1 MB may unpack to 1 GB
            segments.append(isal_zlib.decompressobj().decompress(data[offset : offset + length], size + 1))
            came = len(segments[-1])
        else:
            continue
        if came < size or (came > size and page.compression != UNCOMPRESSED):
            raise ScanError(f"{name}: expected {size} bytes in a strip, came {came}")
    return segments


def _segment_sizes(page: TiffPage) -> list[int]:
    """Bytes that each strip or tile holds when unpacked."""
    if page.is_tiled:
        across = -(-page.imagewidth // page.tilewidth)
        down = -(-page.imagelength // page.tilelength)
        return [page.tilewidth * page.tilelength * 2] * (across * down)
    rows = min(page.rowsperstrip, page.imagelength)
    full, rest = divmod(page.imagelength, rows)
    return [rows * page.imagewidth * 2] * full + ([rest * page.imagewidth * 2] if rest else [])


def _description(text: str, name: str) -> tuple[Metadata, tuple[str, ...]]:
    """Metadata from ImageDescription; other programs' free text there is no error."""
    if not text.lstrip().startswith("{"):
        return Metadata(), ()
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return Metadata(), ("ImageDescription looks like JSON but can't be parsed; ignored",)
    return parse_metadata(values, f"{name}: ImageDescription"), ()
