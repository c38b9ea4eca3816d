"""16-bit TIFF with one page per energy, low first, as fielded cargo systems store it."""

import io
import json
import logging
import math
import re
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tifffile import TiffFile, TiffPage

from nii.errors import ScanError
from nii.io.orientation import TAG as ORIENTATION
from nii.io.orientation import UPRIGHT, upright
from nii.io.picture import Content, Metadata, Picture, foreign, parse_metadata
from nii.io.strips import READABLE, counts_of
from nii.scan import check_size

MOST_PAGES = 2
NEW_SUBFILE, PHOTOMETRIC, FILL_ORDER, SUB_IFDS, GDAL_METADATA, GDAL_NODATA = 254, 262, 266, 330, 42112, 42113
DESCRIPTION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, ICC_PROFILE = 270, 282, 283, 296, 34675
BLACK_IS_ZERO = 1
UNITS_MM = {2: 25.4, 3: 10.0}  # of ResolutionUnit
PRINTED_MM = 0.36  # 72 dots per inch and more are for paper and screens
LARGEST_PITCH_MM = 100.0
BYTE_ORDER_MARKS = "\ufeffï»¿"  # of UTF-8, read as such or as Latin-1
MEANINGS = {  # tags that give the counts another meaning, which nobody here applies
    291: "GrayResponseCurve",
    301: "TransferFunction",
    50712: "LinearizationTable",
    50714: "BlackLevel",
}
STACKS = {33628: "MetaMorph", 33629: "MetaMorph", 34412: "LSM"}  # these keep many images in one page
IMAGEJ_IMAGES = re.compile(r"^images=(\d+)", re.MULTILINE)
IMAGEJ_CALIBRATION = re.compile(r"^cf=", re.MULTILINE)
OME_IMAGES = re.compile(r"\bSize[CZT]=\"(\d+)\"")
GDAL_SCALE = re.compile(r"role=\"(?:scale|offset)\"")

# tifffile logs what it forgives; without a handler Python would print that on stderr
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def decode_tiff(data: bytes, name: str) -> Picture:
    """Counts (energy, row, column) and the metadata of the ImageDescription tags."""
    with foreign(name, "a readable TIFF"):
        n_pages = count_pages(data, name)
        if not 1 <= n_pages <= MOST_PAGES:
            raise ScanError(f"{name}: expected one page per energy, 1 or 2, came {n_pages} pages")
        with TiffFile(io.BytesIO(data)) as file:
            return _read_pages(file, data, n_pages, name)


def _read_pages(file: TiffFile, data: bytes, n_pages: int, name: str) -> Picture:
    pages = [_checked_page(file.pages[i], name) for i in range(n_pages)]
    _check_images(pages, name)
    metadata, notes = _metadata(pages, name)
    planes = np.stack([counts_of(page, data, name) for page in pages])
    picture = Picture(
        planes=planes,
        content=Content.COUNTS,
        full_scale=65535.0,
        metadata=metadata,
        notes=notes + _page_notes(pages) + _resolution_note(pages[0], metadata),
        padding=_padding(pages, planes, name),
    )
    return upright(picture, _orientation(pages, name))


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
    if _number(page, NEW_SUBFILE, 0) & 5:  # bits: 1 reduced, 2 page of many, 4 mask
        raise ScanError(f"{name}: expected pages of full resolution, came a reduced one or a mask (NewSubfileType)")
    check_size(page.imagewidth, page.imagelength, name)
    layout = (page.bitspersample, page.sampleformat, page.samplesperpixel, page.imagedepth)
    if layout != (16, 1, 1, 1):
        kind = {1: "unsigned", 2: "signed", 3: "float"}.get(page.sampleformat, "unknown")
        raise ScanError(
            f"{name}: expected 16-bit unsigned grey pages, came {page.bitspersample}-bit {kind} "
            f"with {page.samplesperpixel} samples per pixel"
        )
    if PHOTOMETRIC in page.tags and page.photometric != BLACK_IS_ZERO:
        raise ScanError(f"{name}: expected grey with black at zero, came photometric {int(page.photometric)}")
    if page.compression not in READABLE:
        raise ScanError(f"{name}: expected no, deflate, LZW or packbits compression, came {page.compression}")
    if _number(page, FILL_ORDER, 1) != 1:
        raise ScanError(f"{name}: expected the bits of a byte from high to low, came FillOrder 2")
    _check_meaning(page, name)
    return page


def _check_meaning(page: TiffPage, name: str) -> None:
    """Refuse what would change the counts' meaning and isn't applied here."""
    told = next((word for tag, word in MEANINGS.items() if tag in page.tags), None)
    if (
        told is None
        and IMAGEJ_CALIBRATION.search(_text(page, DESCRIPTION))
        and _text(page, DESCRIPTION).startswith("ImageJ=")
    ):
        told = "a calibration function of ImageJ"
    if told is None and GDAL_SCALE.search(_text(page, GDAL_METADATA)):
        told = "scale and offset of GDAL"
    if told is not None:
        raise ScanError(f"{name}: expected counts that mean what they are, came {told}")


def _check_images(pages: Sequence[TiffPage], name: str) -> None:
    """Refuse pages of several sizes, and files that say to hold more images than pages."""
    sizes = {(page.imagewidth, page.imagelength) for page in pages}
    if len(sizes) > 1:
        came = " and ".join(f"{width}x{height}" for width, height in sorted(sizes))
        raise ScanError(f"{name}: expected pages of one size, came {came}")
    stack = next((word for tag, word in STACKS.items() if tag in pages[0].tags), None)
    if stack is not None:
        raise ScanError(f"{name}: expected a page per energy, came a {stack} stack in one page")
    told = _told_images(_text(pages[0], DESCRIPTION), math.prod(next(iter(sizes))))
    if told > len(pages):
        raise ScanError(f"{name}: expected a page per energy, came {len(pages)} for {told} images")


def _orientation(pages: Sequence[TiffPage], name: str) -> int:
    """The one that pages tell; many writers tag the first page alone."""
    told = {_number(page, ORIENTATION, UPRIGHT) for page in pages if ORIENTATION in page.tags}
    if len(told) > 1:
        raise ScanError(f"{name}: expected pages of one orientation, came {' and '.join(map(str, sorted(told)))}")
    return told.pop() if told else UPRIGHT


def _told_images(description: str, pixels: int) -> int:
    """How many images ImageJ, tifffile or OME say that the file holds; 0 if they say nothing."""
    if description.startswith("ImageJ="):
        match = IMAGEJ_IMAGES.search(description)
        return int(match[1]) if match else 1
    if description.startswith("<?xml") and "<OME" in description:
        return math.prod(int(size) for size in OME_IMAGES.findall(description)[:3])
    values = _parsed(description)
    shape = values.get("shape") if values else None
    if not isinstance(shape, list) or not all(isinstance(size, int) and 0 < size <= 1 << 31 for size in shape):
        return 0
    return math.prod(shape) // pixels


def _metadata(pages: Sequence[TiffPage], name: str) -> tuple[Metadata, tuple[str, ...]]:
    """What the pages' descriptions say: the first for all of them, or each for itself."""
    texts = [_text(page, DESCRIPTION) for page in pages]
    told = [_description(text, name) for text in texts]
    metadata = told[0][0] if len(set(texts)) == 1 else _of_all([part for part, _ in told], name)
    return metadata, tuple(dict.fromkeys(note for _, notes in told for note in notes))


def _of_all(parts: Sequence[Metadata], name: str) -> Metadata:
    """Metadata of pages that don't all say the same. Raises ScanError where they contradict each other."""
    for what, values in (
        ("pitch_mm", [part.pitch_mm for part in parts]),
        ("scanner", [part.scanner for part in parts]),
    ):
        if len({value for value in values if value}) > 1:
            raise ScanError(f"{name}: expected one {what} for all pages, came {values[0]} and {values[1]}")
    first = parts[0]
    for part in parts[1:]:
        first = first.filled_from(Metadata(pitch_mm=part.pitch_mm, scanner=part.scanner))
    return Metadata(
        open_beam=_per_page([part.open_beam for part in parts], "open_beam", name),
        pitch_mm=first.pitch_mm,
        energies=_per_page([part.energies for part in parts], "energies", name),
        scanner=first.scanner,
    )


def _per_page(told: Sequence[tuple[Any, ...]], what: str, name: str) -> tuple[Any, ...]:
    """Values of all pages: one from each, or those of the first page alone (again on others, maybe)."""
    if all(len(values) == 1 for values in told):
        return tuple(values[0] for values in told)
    if any(values and values != told[0] for values in told):
        raise ScanError(
            f"{name}: expected {what} on the first page or one on each, came {' and '.join(map(str, told))}"
        )
    return told[0]


def _description(text: str, name: str) -> tuple[Metadata, tuple[str, ...]]:
    """Metadata from ImageDescription; other programs' free text there is no error."""
    if not text.lstrip().startswith("{"):
        return Metadata(), ()
    values = _parsed(text)
    if values is None:
        return Metadata(), ("ImageDescription looks like JSON but can't be parsed; ignored",)
    return parse_metadata(values, f"{name}: ImageDescription"), ()


def _parsed(text: str) -> dict[str, Any] | None:
    """The JSON object of a description; None if it is none."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _page_notes(pages: Sequence[TiffPage]) -> tuple[str, ...]:
    notes = {
        "TIFF doesn't say whether zero is black or white (no photometric tag): taken as black": any(
            PHOTOMETRIC not in page.tags for page in pages
        ),
        "TIFF with a curve for display (ICC profile): its counts taken as linear": any(
            ICC_PROFILE in page.tags for page in pages
        ),
        "TIFF pages hold further images (SubIFDs), which were not read": any(SUB_IFDS in page.tags for page in pages),
    }
    return tuple(text for text, so in notes.items() if so)


def _resolution_note(page: TiffPage, metadata: Metadata) -> tuple[str, ...]:
    """A note where the resolution tags tell a pitch that may be the object's, and no description tells the same."""
    unit = UNITS_MM.get(_number(page, RESOLUTION_UNIT, 0))
    told = [page.tags.valueof(tag) for tag in (Y_RESOLUTION, X_RESOLUTION)]
    if unit is None or not all(isinstance(value, tuple) and len(value) == 2 and min(value) > 0 for value in told):
        return ()
    row, column = (unit * below / above for above, below in told)
    known = metadata.pitch_mm
    if not PRINTED_MM < min(row, column) < LARGEST_PITCH_MM or (known and np.allclose((row, column), known, rtol=0.01)):
        return ()
    return (f"the file's resolution of {row:.3g} x {column:.3g} mm is not taken for the pitch at the object",)


def _padding(pages: Sequence[TiffPage], planes: npt.NDArray[np.uint16], name: str) -> npt.NDArray[np.bool_] | None:
    """Where every energy holds the value that GDAL's nodata tag names."""
    text = _text(pages[0], GDAL_NODATA).strip(" \0")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ScanError(f"{name}: expected a number as GDAL nodata, came {ascii(text)[:20]}") from None
    return np.asarray((planes == value).all(axis=0))


def _number(page: TiffPage, tag: int, default: int) -> int:
    """A tag's first number; the default without one."""
    value = page.tags.valueof(tag, default)
    value = value[0] if isinstance(value, tuple) else value
    return int(value) if isinstance(value, int) else -1


def _text(page: TiffPage, tag: int) -> str:
    value = page.tags.valueof(tag, "")
    if isinstance(value, bytes):  # as tifffile leaves text that isn't ASCII
        value = value.decode(errors="replace")
    return value.lstrip(BYTE_ORDER_MARKS) if isinstance(value, str) else ""
