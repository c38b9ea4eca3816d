"""Readers: what is told apart, what is refused, and how."""

import hashlib
import io
import json
import logging
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from nii.errors import ScanError
from nii.io import read
from nii.io.picture import Metadata
from nii.io.read import decode_scan, hash_of, read_scan, split_pair
from nii.scan import Kind

ROWS, COLUMNS = 24, 40
DESCRIPTION = {"open_beam": 50000, "pitch_mm": [6.0, 5.0], "energies": ["4MV", "6MV"], "scanner": "portal"}


def counts(n: int = 2, rows: int = ROWS, columns: int = COLUMNS) -> np.ndarray:
    """Air at 50000 around a block of 10000 (low energy) and 12000 (high energy)."""
    picture = np.full((n, rows, columns), 50000, np.uint16)
    for i in range(n):
        picture[i, 6:18, 10:30] = 10000 + 2000 * i
    return picture


def tiff(pixels: np.ndarray, description: object = DESCRIPTION, **options: object) -> bytes:
    buffer = io.BytesIO()
    text = description if isinstance(description, str) else json.dumps(description)
    options = {"photometric": "minisblack", "metadata": None, "description": text} | options
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def image(extension: str, pixels: np.ndarray) -> bytes:
    return cv2.imencode(extension, pixels)[1].tobytes()


def npy(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, pixels, **options)
    return buffer.getvalue()


def png_header(width: int, height: int, bits: int = 16, colour_type: int = 0) -> bytes:
    """A PNG of its header alone, with a right checksum."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)),
            (b"IDAT", zlib.compress(b"\0")),
            (b"IEND", b""),
        )
    )


def with_size(data: bytes, width: int, height: int) -> bytes:
    """A little-endian classic TIFF with the size of its first page overwritten."""
    (page,) = struct.unpack_from("<I", data, 4)
    out = bytearray(data)
    for i in range(struct.unpack_from("<H", data, page)[0]):
        at = page + 2 + 12 * i
        tag, kind = struct.unpack_from("<HH", data, at)
        if tag in (256, 257):
            struct.pack_into("<I" if kind == 4 else "<H", out, at + 8, width if tag == 256 else height)
    return bytes(out)


def bomb() -> bytes:
    """A TIFF whose strip of some kB would unpack to 4 MB instead of 1920 bytes."""
    data = tiff(np.zeros((1, ROWS, COLUMNS), np.uint16), compression="zlib", rowsperstrip=ROWS)
    (page,) = struct.unpack_from("<I", data, 4)
    packed = zlib.compress(bytes(4_000_000))
    out = bytearray(data)
    for i in range(struct.unpack_from("<H", data, page)[0]):
        at = page + 2 + 12 * i
        tag = struct.unpack_from("<H", data, at)[0]
        if tag in (273, 279):
            struct.pack_into("<HII", out, at + 2, 4, 1, len(data) if tag == 273 else len(packed))
    return bytes(out) + packed


def npy_header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


GREY8 = counts(1)[0] >> 8
RGB8 = np.dstack([GREY8.astype(np.uint8)] * 3)
CLEAR = np.dstack([RGB8, np.full(GREY8.shape, 128)]).astype(np.uint8)
PALETTE_PNG = png_header(COLUMNS, ROWS, 8, 3)
NAN = np.full((1, ROWS, COLUMNS), 0.5, np.float32)
NAN[0, 3, 4] = np.nan
INFINITE = np.full((2, ROWS, COLUMNS), 0.5)
INFINITE[0, :12], INFINITE[0, 12:] = np.inf, -np.inf
JPEG = image(".jpg", GREY8.astype(np.uint8))
WHOLE = tiff(counts(), compression="zlib")

BAD = {
    "empty file": (b"", "came an empty file"),
    "text file": (b"this is no scan at all\n" * 9, "expected TIFF, PNG, JPEG, NPY or DICOS, came text"),
    "zip archive": (b"PK\x03\x04" + bytes(200), "came a zip archive"),
    "unknown bytes": (bytes(range(200, 256)), "came bytes c8 c9"),
    "tiff magic alone": (b"II*\0", "complete TIFF"),
    "tiff cut in its header": (WHOLE[:6], "complete TIFF"),
    "tiff cut in its pixels": (WHOLE[:-20], "complete TIFF"),
    "tiff cut in the middle": (WHOLE[: len(WHOLE) // 2], "complete TIFF"),
    "tiff cut in half, not compressed": (tiff(counts())[: ROWS * COLUMNS], "complete TIFF"),
    "tiff of three pages": (tiff(counts(3)), "1 or 2, came 3 pages"),
    "tiff of nine pages": (tiff(counts(9)), "1 or 2, came 3 pages"),
    "tiff float32": (tiff(counts().astype(np.float32)), "came 32-bit float"),
    "tiff int16": (tiff(counts().astype(np.int16)), "came 16-bit signed"),
    "tiff uint8": (tiff(counts().astype(np.uint8)), "came 8-bit unsigned"),
    "tiff uint32": (tiff(counts().astype(np.uint32)), "came 32-bit unsigned"),
    "tiff rgb 16 bit": (tiff(np.dstack(counts(3)), photometric="rgb"), "with 3 samples per pixel"),
    "tiff white at zero": (tiff(counts(), photometric="miniswhite"), "black at zero"),
    "tiff 1x1": (tiff(counts(1, 1, 1)), "at least 16x16 pixels, came 1x1"),
    "tiff one row": (tiff(counts(1, 1, 90)), "came 90x1"),
    "tiff 60000x60000": (with_size(WHOLE, 60000, 60000), "at most 200000000 pixels, came 60000x60000"),
    "tiff deflate bomb": (bomb(), "expected 1920 bytes in a strip, came 1921"),
    "tiff with damaged deflate": (WHOLE[:8] + b"\xff" * 40 + WHOLE[48:], ""),
    "tiff lzma": (tiff(counts(), compression="lzma"), "compression, came"),
    "tiff open_beam text": (tiff(counts(), {"open_beam": "high"}), "open_beam: expected a positive number"),
    "tiff open_beam zero": (tiff(counts(), {"open_beam": 0}), "open_beam: expected a positive number"),
    "tiff open_beam NaN": (tiff(counts(), '{"open_beam": NaN}'), "open_beam: expected a positive number"),
    "tiff open_beam true": (tiff(counts(), {"open_beam": True}), "open_beam: expected a positive number"),
    "tiff open_beam for three": (
        tiff(counts(), {"open_beam": [1e5, 1e5, 1e5]}),
        "expected one open_beam, or 2",
    ),
    "tiff open_beam far off": (
        tiff(counts(), {"open_beam": 500}),
        "expected transmission in (0, 1], came 20 to 100",
    ),
    "tiff pitch of three": (tiff(counts(), {"pitch_mm": [1, 2, 3]}), "pitch_mm: expected (row, column)"),
    "tiff pitch negative": (tiff(counts(), {"pitch_mm": -6}), "pitch_mm: expected a positive number"),
    "tiff energies text": (tiff(counts(), {"energies": "4MV"}), "energies: expected a list of names"),
    "tiff one energy for two": (tiff(counts(), {"energies": ["4MV"]}), "one energy name per image"),
    "tiff scanner number": (tiff(counts(), {"scanner": 7}), "scanner: expected text"),
    "tiff black": (tiff(np.zeros((1, ROWS, COLUMNS), np.uint16), {}), "came a black one"),
    "png cut": (image(".png", counts(1)[0])[:-30], "complete PNG"),
    "png header alone": (b"\x89PNG\r\n\x1a\n", "complete PNG"),
    "png wrong checksum": (image(".png", RGB8).replace(b"IHDR\0", b"IHDR\1", 1), "wrong checksum"),
    "png without pixels": (png_header(COLUMNS, ROWS), "came damaged data"),
    "png 60000x60000": (png_header(60000, 60000), "at most 200000000 pixels, came 60000x60000"),
    "png 1x1": (image(".png", np.uint16([[7]])), "came 1x1"),
    "png palette": (PALETTE_PNG, "came 8-bit palette"),
    "png 1 bit": (png_header(COLUMNS, ROWS, 1), "came 1-bit grey"),
    "png rgb 16 bit": (image(".png", np.dstack(counts(3))), "came 16-bit RGB"),
    "png grey with alpha": (png_header(COLUMNS, ROWS, 8, 4), "came 8-bit grey with alpha"),
    "png transparent": (image(".png", CLEAR), "expected an opaque picture"),
    "jpeg cut": (JPEG[:-40], "without its end marker"),
    "jpeg magic alone": (b"\xff\xd8\xff\xe0", "frame header, came none"),
    "jpeg 60000x60000": (
        JPEG.replace(struct.pack(">HH", ROWS, COLUMNS), struct.pack(">HH", 60000, 60000), 1),
        "came 60000x60000",
    ),
    "jpeg 1x1": (image(".jpg", np.uint8([[7]])), "came 1x1"),
    "npy of objects": (
        npy(np.array([[None] * 20] * 20), allow_pickle=True),
        "float transmission, came dtype object",
    ),
    "npy of integers": (npy(counts()), "float transmission, came dtype uint16"),
    "npy complex": (npy(NAN.astype(complex)), "came dtype complex128"),
    "npy NaN": (npy(NAN), "expected finite pixels, came 1 NaN"),
    "npy infinite": (npy(np.full((1, ROWS, COLUMNS), np.inf)), "expected finite pixels, came 960"),
    "npy infinite at low energy": (npy(INFINITE), "finite pixels, came 960 NaN or infinite"),
    "npy too large for float32": (npy(np.full((1, ROWS, COLUMNS), 1e300)), "expected finite pixels"),
    "npy of counts": (npy(counts().astype(np.float32)), "expected transmission in (0, 1]"),
    "npy negative": (npy(-np.ones((1, ROWS, COLUMNS))), "expected transmission in (0, 1]"),
    "npy of one axis": (npy(np.ones(400)), "expected (energy, row, column), came shape (400,)"),
    "npy of four axes": (npy(np.ones((1, 1, ROWS, COLUMNS))), "came shape (1, 1, 24, 40)"),
    "npy energies last": (npy(np.ones((ROWS, COLUMNS, 2))), "came 2x40"),
    "npy of five energies": (npy(np.ones((5, ROWS, COLUMNS))), "1 to 3 energies first"),
    "npy cut": (npy(NAN)[:-8], "expected 3840 bytes of pixels, came 3832"),
    "npy 60000x60000": (
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 60000)}\n"),
        "came 60000x60000",
    ),
    "npy negative shape": (
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-20, -20)}\n"),
        "-20",
    ),
    "npy header no dictionary": (npy_header("__import__('os').system('true')\n"), "readable .npy header"),
    "npy version 3": (b"\x93NUMPY\x03\x00" + bytes(90), "format version"),
    "npz": (b"PK\x03\x04npz", "came a zip archive"),
    "dicom magic alone": (bytes(128) + b"DICM", "DICOS"),
    "dicom nonsense": (bytes(128) + b"DICM" + b"\xff" * 300, "DICOS"),
    "pair of two sizes": (
        (image(".png", counts(1)[0]), image(".png", counts(1, 30, 40)[0])),
        "pair of one size, came 40x24 and 40x30",
    ),
    "pair of two depths": (
        (image(".png", counts(1)[0]), image(".png", GREY8.astype(np.uint8))),
        "pair of one kind, came uint16 counts and uint8 counts",
    ),
    "pair with two energies each": ((WHOLE, WHOLE), "one energy per file of a pair, came 2"),
    "pair with an empty file": ((image(".png", counts(1)[0]), b""), "came an empty file"),
}


def two_sizes() -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(counts(1)[0], photometric="minisblack", metadata=None)
        writer.write(counts(1, 30, 40)[0], photometric="minisblack", metadata=None)
    return buffer.getvalue()


BAD["tiff pages of two sizes"] = (two_sizes(), "pages of one size, came 40x24 and 40x30")


def without_its_second_page(data: bytes) -> bytes:
    """A TIFF that ends where its second page should begin: its first page is whole."""
    (first,) = struct.unpack_from("<I", data, 4)
    (tags,) = struct.unpack_from("<H", data, first)
    (second,) = struct.unpack_from("<I", data, first + 2 + 12 * tags)
    return data[:second]


def one_after_the_other() -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for page in counts():
            writer.write(page, photometric="minisblack", metadata=None)
    return buffer.getvalue()


BAD["tiff without its second page"] = (without_its_second_page(one_after_the_other()), "complete TIFF")


@pytest.mark.parametrize("case", BAD)
def test_a_bad_input_gives_one_line_that_names_the_file(case: str) -> None:
    data, expected = BAD[case]
    with pytest.raises(ScanError) as caught:
        decode_scan(data, "bad/scan.tif")
    message = str(caught.value)
    assert message.startswith("bad/scan.tif")
    assert expected in message
    assert "\n" not in message
    assert len(message) < 250


def test_there_are_many_kinds_of_bad_input() -> None:
    assert len(BAD) >= 60


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_of_all_kinds_raise_nothing_but_scan_errors(seed: int) -> None:
    rng = np.random.default_rng(seed)
    colour = rng.integers(0, 256, (ROWS, COLUMNS, 3), np.uint8)
    whole = [WHOLE, tiff(counts()), image(".png", colour), JPEG, npy(np.ones((2, ROWS, COLUMNS)))]
    refused = 0
    for data in whole:
        for _ in range(25):
            damaged = bytearray(data)
            for at in rng.integers(0, len(data), 4):
                damaged[at] = rng.integers(0, 256)
            try:
                assert np.isfinite(decode_scan(bytes(damaged), "damaged").transmission).all()
            except ScanError:  # anything else fails the test
                refused += 1
    assert 0 < refused < 25 * len(whole)  # the checksums of a PNG tell; damage to bare pixels no reader can know


def test_stderr_and_logs_stay_clean(capfd: pytest.CaptureFixture[str]) -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("tifffile").handlers)
    for case in (
        "tiff cut in the middle",
        "tiff with damaged deflate",
        "png cut",
        "png wrong checksum",
        "jpeg cut",
    ):
        with pytest.raises(ScanError):
            decode_scan(BAD[case][0], case)
    assert capfd.readouterr().err == ""


def test_a_tiff_gives_transmission_and_its_description() -> None:
    scan = decode_scan(WHOLE, "a.tif")
    assert scan.kind is Kind.TRANSMISSION
    assert scan.transmission.dtype == np.float32
    assert scan.transmission.shape == (2, ROWS, COLUMNS)
    assert scan.transmission[0, 10, 20] == np.float32(0.2)  # 10000 / 50000
    assert scan.transmission[1, 10, 20] == np.float32(0.24)
    assert (scan.pitch_mm, scan.energies, scan.scanner) == ((6.0, 5.0), ("4MV", "6MV"), "portal")
    assert scan.notes == ()
    assert scan.sha256 == hashlib.sha256(WHOLE).hexdigest()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"bigtiff": True, "byteorder": ">"},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "zlib", "rowsperstrip": 5},
        {"compression": "zlib", "tile": (16, 16)},
    ],
)
def test_every_layout_of_a_tiff_gives_the_same_pixels(options: dict[str, object]) -> None:
    scan = decode_scan(tiff(counts(), **options), "a.tif")
    assert np.array_equal(scan.transmission, decode_scan(WHOLE, "a.tif").transmission)


def test_an_open_beam_per_energy_scales_each_image() -> None:
    scan = decode_scan(tiff(counts(), {"open_beam": [50000, 60000]}), "a.tif")
    assert scan.transmission[:, 0, 0] == pytest.approx([1.0, 5 / 6])


@pytest.mark.parametrize("text", ["", "acquired at gate 4", "ImageJ=1.53t", "[1, 2]", '{"shape": [2, 24, 40]}'])
def test_other_programs_descriptions_are_no_error(text: str) -> None:
    scan = decode_scan(tiff(counts(), text), "a.tif")
    assert scan.transmission[0, 0, 0] == 1.0
    assert scan.notes == ("air level estimated from the scan: 50000, 50000",)


def test_a_description_that_is_nearly_json_is_reported() -> None:
    notes = decode_scan(tiff(counts(), '{"open_beam": 5'), "a.tif").notes
    assert "can't be parsed" in notes[0]
    assert "air level estimated" in notes[1]


def test_known_metadata_fills_gaps_but_the_file_wins() -> None:
    known = Metadata(open_beam=(40000.0,), pitch_mm=(9.0, 9.0), energies=("a", "b"), scanner="known")
    scan = decode_scan(tiff(counts(), {"open_beam": 50000}), "a.tif", known=known)
    assert scan.transmission[0, 0, 0] == 1.0
    assert (scan.pitch_mm, scan.energies, scan.scanner) == ((9.0, 9.0), ("a", "b"), "known")


def test_a_16_bit_png_is_one_energy_with_an_estimated_air_level() -> None:
    scan = decode_scan(image(".png", counts(1)[0]), "a.png")
    assert scan.transmission.shape == (1, ROWS, COLUMNS)
    assert scan.transmission[0, 0, 0] == 1.0
    assert scan.transmission[0, 10, 20] == pytest.approx(0.2)
    assert scan.notes == ("air level estimated from the scan: 50000",)


@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_an_8_bit_picture_is_grey_with_a_quality_note(extension: str) -> None:
    scan = decode_scan(image(extension, GREY8.astype(np.uint8)), "a")
    assert scan.kind is Kind.TRANSMISSION
    assert scan.transmission[0, 2, 2] == pytest.approx(1.0, abs=0.02)
    assert "8-bit grey" in scan.notes[0]
    assert ("JPEG" in scan.notes[0]) == (extension == ".jpg")


def test_an_opaque_alpha_channel_is_left_out() -> None:
    opaque = np.dstack([RGB8, np.full(GREY8.shape, 255)]).astype(np.uint8)
    scan = decode_scan(image(".png", opaque), "a.png")
    assert np.array_equal(scan.transmission, decode_scan(image(".png", RGB8), "a.png").transmission)


def test_a_png_is_decoded_without_its_other_chunks(capfd: pytest.CaptureFixture[str]) -> None:
    plain = image(".png", counts(1)[0])
    data = plain
    for kind, body in ((b"iCCP", b"profile\0\0" + b"x" * 40), (b"tEXt", b"Comment\0hello")):
        crc = struct.pack(">I", zlib.crc32(kind + body))
        data = data[:33] + struct.pack(">I", len(body)) + kind + body + crc + data[33:]
    assert np.array_equal(decode_scan(data, "a").transmission, decode_scan(plain, "a").transmission)
    assert capfd.readouterr().err == ""  # the decoder would complain of the colour profile


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_holds_transmission_of_any_float_type(dtype: str, order: str) -> None:
    low = np.linspace(1, 0.0625, ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    pixels = np.stack([low, low**0.9]).astype(np.float16)
    scan = decode_scan(npy(np.asarray(pixels, dtype=dtype, order=order)), "a.npy")
    assert np.array_equal(scan.transmission, pixels.astype(np.float32))
    assert scan.transmission.flags.c_contiguous
    assert scan.notes == ()


def test_npy_of_two_axes_is_one_energy() -> None:
    assert decode_scan(npy(np.full((ROWS, COLUMNS), 0.5)), "a.npy").transmission.shape == (1, ROWS, COLUMNS)


def test_noise_slightly_above_one_and_below_zero_is_left_alone() -> None:
    pixels = np.full((1, ROWS, COLUMNS), 0.9)
    pixels[0, 0, :2] = (1.04, -0.01)
    scan = decode_scan(npy(pixels), "a.npy")
    assert scan.transmission[0, 0, :2] == pytest.approx([1.04, -0.01])


def pair_files(folder: Path, low: np.ndarray, high: np.ndarray) -> tuple[Path, Path]:
    paths = folder / "low.png", folder / "high.png"
    for path, pixels in zip(paths, (low, high), strict=True):
        path.write_bytes(image(".png", pixels))
    return paths


def test_a_pair_is_two_energies_low_first(tmp_path: Path) -> None:
    low, high = pair_files(tmp_path, *counts())
    scan = read_scan(f"{low},{high}")
    assert scan.transmission[:, 10, 20] == pytest.approx([0.2, 0.24])
    assert scan.path == f"{low},{high}"
    hashes = [hashlib.sha256(path.read_bytes()).digest() for path in (low, high)]
    assert scan.sha256 == hashlib.sha256(b"".join(hashes)).hexdigest()
    assert scan.notes == ("air level estimated from the scan: 50000, 50000",)


def test_two_pairs_whose_bytes_joined_are_the_same_have_two_hashes() -> None:
    first, second = (b"ab", b"cd"), (b"a", b"bcd")
    assert hash_of(first) != hash_of(second)
    assert hash_of((b"abcd",)) not in (hash_of(first), hash_of(second))


def test_a_pair_in_the_wrong_order_is_noted(tmp_path: Path) -> None:
    low, high = pair_files(tmp_path, *counts())
    assert "may be exchanged" in read_scan(f"{high},{low}").notes[-1]


def test_a_pair_of_tiffs_joins_their_metadata() -> None:
    low = tiff(counts()[:1], {"open_beam": 50000, "energies": ["4MV"], "pitch_mm": 6})
    high = tiff(counts()[1:], {"open_beam": 60000, "energies": ["6MV"], "scanner": "s"})
    scan = decode_scan((low, high), "pair")
    assert scan.transmission[:, 10, 20] == pytest.approx([0.2, 0.2])
    assert (scan.energies, scan.pitch_mm, scan.scanner) == (("4MV", "6MV"), (6.0, 6.0), "s")


def test_the_error_of_a_pair_names_the_file_that_is_wrong(tmp_path: Path) -> None:
    low, high = pair_files(tmp_path, *counts())
    high.write_text("no picture, just some text")
    with pytest.raises(ScanError, match=r"high\.png: expected TIFF"):
        read_scan(f"{low},{high}")
    high.unlink()
    with pytest.raises(ScanError, match=r"high\.png: expected a readable file"):
        read_scan(f"{low},{high}")


def test_a_file_whose_name_holds_a_comma_wins_over_a_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a,b.tif", "a", "b.tif", "c,d.tif"):
        Path(name).write_bytes(WHOLE)
    assert split_pair("a,b.tif") == ("a,b.tif",)
    assert split_pair("a,c,d.tif") == ("a", "c,d.tif")
    assert split_pair("x,y") == ("x", "y")
    assert split_pair("x,y,z") == ("x,y,z",)
    assert read_scan("a,b.tif").transmission.shape[0] == 2


def test_the_name_of_a_file_plays_no_part(tmp_path: Path) -> None:
    path = tmp_path / "scan.jpg"
    path.write_bytes(WHOLE)
    assert read_scan(path).energies == ("4MV", "6MV")


def test_missing_files_folders_and_devices_are_scan_errors(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for source, came in (
        (tmp_path / "none.tif", "No such file"),
        (tmp_path, "came a directory"),
        (pipe, "came a device or pipe"),
        ("a\0b", "null"),
        ("x" * 5000, "too long"),
        ("", "directory"),
    ):
        with pytest.raises(ScanError, match=came):
            read_scan(source)


def test_a_file_that_may_not_be_read_is_a_scan_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(WHOLE)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything, so modes don't test this
    with pytest.raises(ScanError, match=r"a\.tif: expected a readable file, came: Permission denied"):
        read_scan(path)


def test_a_file_of_too_many_bytes_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(WHOLE)
    monkeypatch.setattr(read, "LARGEST_FILE", 100)
    with pytest.raises(ScanError, match=f"expected at most 100 bytes, came {len(WHOLE)}"):
        read_scan(path)
    with pytest.raises(ScanError, match="expected at most 100 bytes"):
        decode_scan(WHOLE, "a.tif")


def test_lzw_without_its_decoder_is_a_scan_error(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(tiff(counts()))
    (page,) = struct.unpack_from("<I", data, 4)
    for i in range(struct.unpack_from("<H", data, page)[0]):
        if struct.unpack_from("<H", data, page + 2 + 12 * i)[0] == 259:
            struct.pack_into("<H", data, page + 2 + 12 * i + 8, 5)  # claims LZW; the strip isn't
    with pytest.raises(ScanError, match=r"a\.tif: expected a readable TIFF, came"):
        decode_scan(bytes(data), "a.tif")


def test_the_real_railcar_pair_is_read_with_its_air_at_one(shared: Path) -> None:
    low, high = (shared / "real-cargo" / name for name in ("eagle2_low_4mv.png", "eagle2_high_6mv.png"))
    scan = read_scan(f"{low},{high}")
    assert scan.transmission.shape == (2, 213, 828)
    assert np.median(scan.transmission[:, 60:75, 200:600]) == pytest.approx(1.0)  # sky above the wagon
    assert scan.notes == ("air level estimated from the scan: 58261, 58261",)
    assert "may be exchanged" in read_scan(f"{high},{low}").notes[-1]


def test_the_real_truck_is_grey_and_its_labels_are_filled(shared: Path) -> None:
    folder = shared / "real-cargo"
    scan = read_scan(folder / "truck_trailer_toys.png")
    assert scan.kind is Kind.TRANSMISSION
    assert any("coloured labels" in note for note in scan.notes)
    drawn = cv2.imread(str(folder / "truck_trailer_toys_overlaymask.png"), cv2.IMREAD_GRAYSCALE) > 0
    green = 75 / 244  # pure green (0, 128, 0) as grey over the air level of 244
    assert np.mean(np.abs(scan.transmission[0][drawn] - green) < 0.004) < 0.02


def test_all_real_operator_images_are_read_as_such(shared: Path) -> None:
    paths = sorted((shared / "real-parcel").rglob("*.jpg"))
    assert len(paths) == 103
    kinds = [read_scan(path).kind for path in paths]
    assert kinds.count(Kind.OPERATOR_IMAGE) == 103


def test_the_shared_set_has_air_levels_within_a_third_of_a_percent(shared: Path) -> None:
    for path in sorted((shared / "cargo-dev" / "scans").glob("*.tif"))[::8]:
        estimated = read_scan(path)
        told = read_scan(path, known=Metadata(open_beam=(64250.0,)))
        assert told.transmission.mean() / estimated.transmission.mean() == pytest.approx(1, abs=0.0033)
