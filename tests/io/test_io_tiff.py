"""What TIFF can say of its pages: applied, noted or refused."""

import io
import json
import struct
import zlib

import numpy as np
import pytest
import tifffile

from nii.errors import ScanError
from nii.io.read import decode_scan

ROWS, COLUMNS = 24, 40
BOTH = ("4MV", "6MV")
WORDS = 4  # type LONG


def counts(n: int = 1) -> np.ndarray:
    """Air at 50000 around a block of 10000 (low energy) and 12000 (high energy)."""
    picture = np.full((n, ROWS, COLUMNS), 50000, np.uint16)
    for i in range(n):
        picture[i, 6:18, 10:30] = 10000 + 2000 * i
    return picture


def written(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **{"photometric": "minisblack", "metadata": None} | options)  # type: ignore[arg-type] # options are tifffile's own
    return buffer.getvalue()


def by_hand(strips: list[bytes], *, compression: int = 1, rows: int = ROWS, **tags: int | None) -> bytes:
    """A page of the given strips; `tags` (t262=None) replace or remove what is set here."""
    out, at = bytearray(b"II*\0" + bytes(4)), []
    for strip in strips:
        at.append(len(out))
        out += strip + b"\0" * (len(strip) % 2)
    n, lists = len(strips), len(out)
    out += struct.pack(f"<{2 * n}I", *at, *map(len, strips))
    offsets, lengths = (at[0], len(strips[0])) if n == 1 else (lists, lists + 4 * n)
    said = {256: COLUMNS, 257: ROWS, 258: 16, 259: compression, 262: 1, 273: offsets, 277: 1, 278: rows, 279: lengths}
    said |= {int(tag[1:]): value for tag, value in tags.items()}  # type: ignore[dict-item] # removed below
    held = sorted((tag, value) for tag, value in said.items() if value is not None)
    struct.pack_into("<I", out, 4, len(out))
    out += struct.pack("<H", len(held))
    for tag, value in held:
        out += struct.pack("<HHII", tag, WORDS, n if tag in (273, 279) else 1, value)
    return bytes(out + bytes(4))


def page_by_page(*texts: object) -> bytes:
    """A file with a description of its own on each page."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for page, text in zip(counts(len(texts)), texts, strict=True):
            description = None if text is None else json.dumps(text)
            writer.write(page, photometric="minisblack", metadata=None, description=description)
    return buffer.getvalue()


RAW = counts()[0].astype("<u2").tobytes()
HALF = 16 * COLUMNS * 2  # bytes of a strip of 16 rows; 24 rows have one and a half
PADDED = RAW + bytes(8 * COLUMNS * 2)

READABLE = {
    "as it should be": by_hand([RAW]),
    "byte counts 0": by_hand([RAW], t279=0),
    "rows per strip 0": by_hand([RAW], rows=0),
    "no rows per strip": by_hand([RAW], t278=None),
    "no compression tag": by_hand([RAW], t259=None),
    "last strip padded, deflate": by_hand(
        [zlib.compress(PADDED[:HALF]), zlib.compress(PADDED[HALF:])], compression=8, rows=16
    ),
    "last strip padded, as it is": by_hand([PADDED[:HALF], PADDED[HALF:]], rows=16),
    "old deflate": by_hand([zlib.compress(RAW)], compression=32946),
    "packbits": written(counts(), compression="packbits"),
    "lzw": written(counts(), compression="lzw"),
    "lzw, differences": written(counts(), compression="lzw", predictor=True),
    "lzw, strips": written(counts(), compression="lzw", rowsperstrip=5),
    "big-endian, differences": written(counts(), compression="zlib", predictor=True, byteorder=">"),
    "tiles": written(counts(), tile=(16, 16)),
    "stored upright": by_hand([RAW], t274=1),
    "ImageJ, one image": written(counts()[0], imagej=True, metadata={"axes": "YX"}, photometric=None),
}


@pytest.mark.parametrize("kind", READABLE)
def test_whatever_other_readers_read_is_read(kind: str) -> None:
    scan = decode_scan(READABLE[kind], "a.tif")
    assert np.array_equal(scan.transmission, (counts() / 50000).astype(np.float32))
    assert scan.notes == ("air level estimated from the scan: 50000",)


def test_a_page_without_photometric_tag_is_black_at_zero_and_says_so() -> None:
    scan = decode_scan(by_hand([RAW], t262=None), "a.tif")
    assert scan.transmission[0, 10, 20] == np.float32(0.2)
    assert "no photometric tag" in scan.notes[0]


def imagej(images: int, more: str = "") -> str:
    return f"ImageJ=1.53t\nimages={images}\n{more}"


OME = '<?xml version="1.0"?><OME><Image><Pixels SizeC="2" SizeT="1" SizeX="40" SizeY="24" SizeZ="1"/></Image></OME>'

REFUSED = {
    "fill order": (by_hand([RAW], t266=2), "FillOrder 2"),
    "white at zero": (by_hand([RAW], t262=0), "photometric 0"),
    "palette": (by_hand([RAW], t262=3), "photometric 3"),
    "a response curve": (by_hand([RAW], t291=7), "came GrayResponseCurve"),
    "a transfer function": (written(counts(), extratags=[(301, 3, 4, (0, 9, 90, 900), True)]), "TransferFunction"),
    "a black level": (by_hand([RAW], t50714=500), "came BlackLevel"),
    "GDAL's scale": (
        written(counts(), extratags=[(42112, 2, 0, '<Item name="SCALE" sample="0" role="scale">2</Item>', True)]),
        "scale and offset of GDAL",
    ),
    "GDAL's nodata as text": (
        written(counts(), extratags=[(42113, 2, 0, "none", True)]),
        "as GDAL nodata, came 'none'",
    ),
    "ImageJ's calibration": (
        written(counts(), description=imagej(1, "cf=0\nc0=-32768\nc1=1\n")),
        "calibration function",
    ),
    "a reduced page": (by_hand([RAW], t254=1), "NewSubfileType"),
    "a mask page": (by_hand([RAW], t254=4), "NewSubfileType"),
    "ImageJ, two images in one page": (written(counts(), description=imagej(2)), "came 1 for 2 images"),
    "tifffile, two images in one page": (written(counts(2), metadata={}, truncate=True), "came 1 for 2 images"),
    "OME, two images in one page": (written(counts(), description=OME), "came 1 for 2 images"),
    "ImageJ, three images in two pages": (written(counts(2), description=imagej(3)), "came 2 for 3 images"),
    "a MetaMorph stack": (written(counts(), extratags=[(33629, 5, 2, (1, 1) * 2, True)]), "came a MetaMorph stack"),
    "strips of unknown length": (by_hand([zlib.compress(RAW)], compression=8, t279=0), "came byte count 0"),
    "half a strip, LZW": (written(counts(), compression="lzw"), "bytes in a strip"),
    "half a strip, deflate": (
        by_hand([zlib.compress(RAW[:-2])], compression=8),
        "expected 1920 bytes in a strip, came 1918",
    ),
    "half a strip": (by_hand([RAW[:-2]], t256=COLUMNS), "expected 1920 bytes in a strip, came 1918"),
    "a strip outside the file": (by_hand([RAW], t273=1 << 30), "complete TIFF"),
}


def with_half_its_strip(data: bytes) -> bytes:
    """The byte count of a page's only strip halved."""
    (page,) = struct.unpack_from("<I", data, 4)
    out = bytearray(data)
    for i in range(struct.unpack_from("<H", data, page)[0]):
        at = page + 2 + 12 * i
        tag, kind = struct.unpack_from("<HH", data, at)
        if tag == 279:
            form = "<H" if kind == 3 else "<I"
            struct.pack_into(form, out, at + 8, struct.unpack_from(form, data, at + 8)[0] // 2)
    return bytes(out)


REFUSED["half a strip, LZW"] = (with_half_its_strip(REFUSED["half a strip, LZW"][0]), "bytes in a strip, came")


@pytest.mark.parametrize("kind", REFUSED)
def test_what_gives_counts_another_meaning_or_hides_images_is_refused(kind: str) -> None:
    data, expected = REFUSED[kind]
    with pytest.raises(ScanError) as caught:
        decode_scan(data, "bad.tif")
    assert str(caught.value).startswith("bad.tif")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pixels_per_cm", "pitch_mm", "said"),
    [
        ((2.0, 1.6), None, "resolution of 6.25 x 5 mm"),  # x first in TIFF, rows first here
        ((2.0, 1.6), [6.25, 5], ""),
        ((2.0, 1.6), [6, 5], "resolution of 6.25 x 5 mm"),
        ((72 / 2.54, 72 / 2.54), None, ""),
    ],
)
def test_a_resolution_that_is_not_the_pitch_is_said(
    pixels_per_cm: tuple[float, float], pitch_mm: list[float] | None, said: str
) -> None:
    text = json.dumps({"open_beam": 50000, "pitch_mm": pitch_mm})
    data = written(counts(), resolution=pixels_per_cm, resolutionunit="CENTIMETER", description=text)
    notes = decode_scan(data, "a.tif").notes
    assert len(notes) == (1 if said else 0)
    assert said in "".join(notes)


def test_a_profile_for_display_is_said() -> None:
    assert "ICC profile" in decode_scan(written(counts(), iccprofile=b"x" * 200), "a.tif").notes[0]


@pytest.mark.parametrize("mark", ["", "\ufeff", " \n"])
def test_a_description_is_read_whatever_stands_before_it(mark: str) -> None:
    text = mark + json.dumps({"open_beam": 50000, "scanner": "Zoll Süd"}, ensure_ascii=False)
    scan = decode_scan(written(counts(), description=text.encode()), "a.tif")
    assert (scan.scanner, scan.notes) == ("Zoll Süd", ())


def test_a_thumbnail_in_place_of_the_second_energy_is_refused() -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(counts()[0], photometric="minisblack", metadata=None)
        writer.write(counts()[0][::2, ::2], photometric="minisblack", metadata=None, subfiletype=1)
    with pytest.raises(ScanError, match="came a reduced one"):
        decode_scan(buffer.getvalue(), "a.tif")


def test_images_below_a_page_are_not_read_and_said() -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(counts()[0], photometric="minisblack", metadata=None, subifds=1)
        writer.write(counts()[0][::2, ::2], photometric="minisblack", metadata=None, subfiletype=1)
    assert any("SubIFDs" in note for note in decode_scan(buffer.getvalue(), "a.tif").notes)


@pytest.mark.parametrize("value", [0, 65535])
def test_nodata_is_no_measurement(value: int) -> None:
    pixels = counts()
    pixels[:, :, :8] = value
    data = written(pixels, extratags=[(42113, 2, 0, str(value), True)])
    scan = decode_scan(data, "a.tif")
    assert (scan.transmission[0, :, :8] == 1).all()
    assert scan.transmission[0, 10, 20] == np.float32(0.2)
    assert "20 % of the picture is padding" in scan.notes[-1]


def test_nodata_in_the_midst_stays_dark() -> None:
    pixels = counts()
    pixels[:, 8:14, 15:20] = 0
    data = written(pixels, extratags=[(42113, 2, 0, "0", True)])
    scan = decode_scan(data, "a.tif")
    assert (scan.transmission[0, 8:14, 15:20] == 0).all()  # lead may count nothing too
    assert "left as it is in the midst" in scan.notes[-1]


@pytest.mark.parametrize(
    ("texts", "block", "energies"),
    [
        (({"open_beam": 50000, "energies": ["4MV"]}, {"open_beam": 60000, "energies": ["6MV"]}), [0.2, 0.2], BOTH),
        (({"open_beam": 60000, "energies": ["6MV"]}, {"open_beam": 50000, "energies": ["4MV"]}), [0.24, 1 / 6], BOTH),
        (({"open_beam": 50000, "energies": BOTH}, None), [0.2, 0.24], BOTH),
        (({"open_beam": [50000, 60000]}, {"open_beam": [50000, 60000]}), [0.2, 0.2], ()),
        (({"pitch_mm": 6}, {"scanner": "gate"}), [0.2, 0.24], ()),
    ],
)  # fmt: skip
def test_each_page_may_tell_of_itself(texts: tuple[object, ...], block: list[float], energies: tuple[str, ...]) -> None:
    scan = decode_scan(page_by_page(*texts), "a.tif")
    assert scan.transmission[:, 10, 20] == pytest.approx(block)
    assert scan.energies == energies


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (({"pitch_mm": 6}, {"pitch_mm": 5}), "one pitch_mm for all pages"),
        (({"scanner": "a"}, {"scanner": "b"}), "one scanner for all pages"),
        (({"energies": ["4MV", "6MV"]}, {"energies": ["6MV", "9MV"]}), "energies on the first page"),
        (({}, {"open_beam": 50000}), "open_beam on the first page"),
    ],
)
def test_pages_that_contradict_each_other_are_refused(texts: tuple[object, ...], said: str) -> None:
    with pytest.raises(ScanError, match=said):
        decode_scan(page_by_page(*texts), "a.tif")


def test_pages_of_two_orientations_are_refused() -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for page, orientation in zip(counts(2), (1, 3), strict=True):
            tag = (274, 3, 1, orientation, True)
            writer.write(page, photometric="minisblack", metadata=None, extratags=[tag])
    with pytest.raises(ScanError, match="one orientation, came 1 and 3"):
        decode_scan(buffer.getvalue(), "a.tif")
