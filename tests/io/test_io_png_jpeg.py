"""What PNG and JPEG can say of their pixels: applied, noted or refused."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from nii.errors import ScanError
from nii.io.raster import _decoder_messages
from nii.io.read import decode_scan
from nii.scan import Kind


def counts() -> np.ndarray:
    """Air at 50000 around a block of 10000."""
    picture = np.full((48, 64), 50000, np.uint16)
    picture[12:36, 16:48] = 10000
    return picture


def image(extension: str, pixels: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(extension, pixels, options)[1].tobytes()


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return data[:33] + struct.pack(">I", len(body)) + kind + body + crc + data[33:]


GREY8 = (counts() >> 8).astype(np.uint8)
RGB = np.full((48, 64, 3), 255, np.uint8)
RGB[12:24, 16:48], RGB[24:36, 16:48] = (30, 140, 240), (60, 180, 90)  # blue, green, red: orange and green
PLAIN = image(".png", counts())


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        (b"gAMA", struct.pack(">I", 45455), "gAMA 0.4546"),
        (b"gAMA", struct.pack(">I", 100000), ""),
        (b"sRGB", b"\0", "sRGB"),
        (b"iCCP", b"profile\0\0" + zlib.compress(b"x"), "iCCP"),
        (b"cICP", bytes([1, 13, 0, 1]), "cICP"),
        (b"cICP", bytes([1, 8, 0, 1]), ""),
        (b"sBIT", bytes([12]), ""),
        (b"tEXt", b"Comment\0hello", ""),
        (b"tRNS", struct.pack(">H", 7), ""),
        (b"acTL", struct.pack(">II", 1, 0), ""),
    ],
)
def test_a_png_with_a_curve_for_display_says_so(kind: bytes, body: bytes, said: str) -> None:
    scan = decode_scan(with_chunk(PLAIN, kind, body), "a.png")
    assert scan.transmission[0, 20, 30] == np.float32(0.2)
    curves = [note for note in scan.notes if "curve for display" in note]
    assert len(curves) == (1 if said else 0)
    assert said in "".join(curves)


def test_an_interlaced_png_is_the_same_picture() -> None:
    """Adam7: seven passes, each of pixels further apart than the next."""
    passes = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1))
    parts = [counts()[top::down, left::right] for top, down, left, right in passes]
    body = b"".join(b"\0" + row.astype(">u2").tobytes() for part in parts for row in part)
    data = bytearray(b"\x89PNG\r\n\x1a\n")
    for kind, content in (
        (b"IHDR", struct.pack(">IIBBBBB", 64, 48, 16, 0, 0, 0, 1)),
        (b"IDAT", zlib.compress(body)),
        (b"IEND", b""),
    ):
        data += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    assert np.array_equal(decode_scan(bytes(data), "a").transmission, decode_scan(PLAIN, "a").transmission)


REFUSED = {
    "transparent grey": (with_chunk(PLAIN, b"tRNS", struct.pack(">H", 10000)), "transparent pixels (tRNS)"),
    "transparent grey of 8 bits": (with_chunk(image(".png", GREY8), b"tRNS", struct.pack(">H", 195)), "tRNS"),
    "transparent colour": (with_chunk(image(".png", RGB), b"tRNS", struct.pack(">HHH", 240, 140, 30)), "tRNS"),
    "animated": (with_chunk(PLAIN, b"acTL", struct.pack(">II", 2, 0)), "came a PNG of 2"),
    "two PNGs": (PLAIN + PLAIN, "came a PNG of several"),
    "calibrated": (with_chunk(PLAIN, b"pCAL", b"T\0" + bytes(9)), "calibration (pCAL)"),
}


def jpeg(pixels: np.ndarray, *options: int) -> bytes:
    return image(".jpg", pixels, *options)


def big() -> np.ndarray:
    """A noisy picture, so that its stream is long enough to be damaged in many places."""
    rng = np.random.default_rng(1)
    pixels = np.kron(GREY8, np.ones((6, 6), np.uint8)).astype(int)
    return (pixels + rng.integers(-3, 4, pixels.shape)).clip(0, 255).astype(np.uint8)


def without_scan(data: bytes, number: int) -> bytes:
    """A progressive JPEG without one of its scans."""
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    ends = [*starts[1:], len(data) - 2]
    tables = data.rfind(b"\xff\xc4", starts[number], ends[number])  # those of the next scan lie before it
    return data[: starts[number]] + data[tables if tables > 0 else ends[number] :]


def in_bands(data: bytes, every: int) -> bytes:
    """A JPEG with restart markers whose band in the middle is lost."""
    marks = [at for at in range(len(data) - 1) if data[at] == 0xFF and 0xD0 <= data[at + 1] <= 0xD7]
    assert len(marks) > every
    return data[: marks[every]] + data[marks[every + 1] :]


def png_of(stream: bytes) -> bytes:
    """A PNG of this compressed stream, with right checksums of its chunks."""
    at = PLAIN.index(b"IDAT") - 4
    crc = struct.pack(">I", zlib.crc32(b"IDAT" + stream))
    return PLAIN[:at] + struct.pack(">I", len(stream)) + b"IDAT" + stream + crc + PLAIN[-12:]


ROWS_OF_PNG = b"".join(b"\0" + row.astype(">u2").tobytes() for row in counts())
JPEG = jpeg(big())
HALF = len(JPEG) // 2
PROGRESSIVE = jpeg(big(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTS = jpeg(big(), cv2.IMWRITE_JPEG_RST_INTERVAL, 36)
MPO = JPEG[:2] + b"\xff\xe2\x00\x08MPF\0\0\0" + JPEG[2:]

REFUSED |= {
    "half of a PNG's rows": (png_of(zlib.compress(ROWS_OF_PNG[: len(ROWS_OF_PNG) // 2])), "came damaged data"),
    "half of a PNG's stream": (png_of(zlib.compress(ROWS_OF_PNG)[:20]), "came damaged data"),
    "a wrong checksum inside a PNG": (png_of(zlib.compress(ROWS_OF_PNG)[:-4] + b"abcd"), "came damaged data"),
    "half of a JPEG": (JPEG[:HALF] + b"\xff\xd9", "premature end of data"),
    "600 bytes of a JPEG zeroed": (
        JPEG[:HALF] + bytes(600) + JPEG[HALF + 600 :],
        "came damaged data (Corrupt JPEG data",
    ),
    "200 bytes of a JPEG cut out": (JPEG[:HALF] + JPEG[HALF + 200 :], "came damaged data (Corrupt JPEG data"),
    "a band of a JPEG lost": (in_bands(RESTARTS, 11), "came damaged data (Corrupt JPEG data"),
    "half of a progressive JPEG": (PROGRESSIVE[: len(PROGRESSIVE) * 3 // 4] + b"\xff\xd9", "JPEG"),
    "a progressive JPEG without its last scan": (without_scan(PROGRESSIVE, -1), "leave some of the picture out"),
    "a JPEG without its end": (JPEG[:-2], "without its end marker"),
    "two JPEGs": (JPEG + JPEG, "came a JPEG that holds several"),
    "an MPO": (MPO, "came a JPEG that holds several"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_damaged_or_several_pictures_are_refused_in_one_line(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    data, expected = REFUSED[kind]
    with pytest.raises(ScanError) as caught:
        decode_scan(data, "bad")
    assert str(caught.value).startswith("bad: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE, RESTARTS])
def test_whole_jpegs_of_all_kinds_are_read(data: bytes) -> None:
    scan = decode_scan(data, "a.jpg")
    assert scan.transmission[0] == pytest.approx(big() / 195, abs=0.06)
    assert len(scan.notes) == 2  # 8 bits, and the air level


def test_a_jpeg_in_rgb_without_transform_keeps_its_colours() -> None:
    """Adobe's marker says so; a reader that took it for luminance and chroma would show other colours."""
    data = image(".jpg", RGB, cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111)
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
    jfif = 2 + 2 + int.from_bytes(data[4:6], "big")
    stored = decode_scan(data[:2] + adobe + data[jfif:], "a.jpg").transmission
    shown = cv2.cvtColor(RGB, cv2.COLOR_BGR2YCrCb)[..., [0, 2, 1]].transpose(2, 0, 1) / 255
    assert stored == pytest.approx(shown, abs=0.06)


def test_what_others_write_on_stderr_meanwhile_reaches_it(capfd: pytest.CaptureFixture[str]) -> None:
    with _decoder_messages() as said:
        os.write(2, b"a line of a logger\nCorrupt JPEG data: premature end of data segment\n")
    assert said == ["Corrupt JPEG data: premature end of data segment"]
    assert capfd.readouterr().err == "a line of a logger\n"


def test_a_child_begun_meanwhile_keeps_nobody_waiting() -> None:
    with _decoder_messages() as said:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    child.kill()
    child.wait()
    assert said == []


def test_pictures_are_read_where_stderr_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    code = f"import os; os.close(2); from nii.io.read import read_scan; print(read_scan({str(path)!r}).shape)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(288, 384)"


def test_an_operator_image_in_jpeg_is_one() -> None:
    assert decode_scan(image(".jpg", RGB), "a.jpg").kind is Kind.OPERATOR_IMAGE
