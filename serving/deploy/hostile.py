"""What an attacker sends: small files and requests that cost a careless reader seconds or gigabytes.

For `soak.py` and the tests. Each is made when it is asked for; the largest has 24 MB.
"""

import io
import json
import struct
import zlib
from collections.abc import Callable

import numpy as np
import tifffile

SHAPE = (432, 1088)  # rows, columns of an ordinary scan of cargo
DICOM_HEAD = bytes(128) + b"DICM"
EXPLICIT_LITTLE_ENDIAN = b"1.2.840.10008.1.2.1\0"
DX_FOR_PROCESSING = b"1.2.840.10008.5.1.4.1.1.501.2.2\0"


def tiff(description: dict[str, object] | None = None, shape: tuple[int, int] = SHAPE, **given: object) -> bytes:
    """A TIFF of one energy, air with a block in it, and this JSON as its description."""
    counts = np.full(shape, 60_000, np.uint16)
    counts[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 9_000
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, counts, description=json.dumps(description or {}), **given)  # type: ignore[arg-type] # what a caller likes
    return buffer.getvalue()


def packbits(megabytes: int = 8) -> bytes:
    """A TIFF whose one strip of two-byte runs unpacks to 64 times its size; its header tells 2000 x 2000 pixels."""
    packed = b"\x81\xff" * (megabytes << 19)
    size, at = 2000, 8
    tags = [
        (256, 4, size), (257, 4, size), (258, 3, 16), (259, 3, 32773), (262, 3, 1),
        (273, 4, at + 6 + 12 * 9), (277, 3, 1), (278, 4, size), (279, 4, len(packed)),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", at, len(tags)) + entries + struct.pack("<I", 0) + packed


def png(chunks: int = 2_000_000) -> bytes:
    """A PNG of 60 x 40 pixels with empty text chunks before its pixels."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", 60, 40, 16, 0, 0, 0, 0))
    pixels = _chunk(b"IDAT", zlib.compress(b"\0" * 121 * 40))
    return b"\x89PNG\r\n\x1a\n" + head + _chunk(b"tEXt", b"") * chunks + pixels + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg(segments: int = 6_000_000) -> bytes:
    """A JPEG of empty comments, with a frame header at its end."""
    frame = b"\xff\xc0\x00\x0b\x08\x00\x28\x00\x3c\x01\x01\x11\x00"
    return b"\xff\xd8" + b"\xff\xfe\x00\x02" * segments + frame + b"\xff\xd9"


def dicom_items(items: int = 500_000) -> bytes:
    """A DICOS file with a sequence of empty items."""
    body = b"\xfe\xff\x00\xe0\x00\x00\x00\x00" * items
    return _dicom(struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, len(body)) + body)


def dicom_elements(elements: int = 500_000) -> bytes:
    """A DICOS file of empty private elements."""
    numbers = np.arange(elements)
    table = np.zeros(elements, [("group", "<u2"), ("element", "<u2"), ("kind", "S2"), ("length", "<u2")])
    table["group"], table["element"], table["kind"] = 0x0009 + 2 * (numbers >> 15), 0x1000 + (numbers & 0x7FFF), b"LO"
    return _dicom(table.tobytes())


def _dicom(elements: bytes) -> bytes:
    def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
        return struct.pack("<HH2sH", group, number, kind, len(value)) + value

    meta = element(2, 0x0010, b"UI", EXPLICIT_LITTLE_ENDIAN)
    length = element(2, 0, b"UL", struct.pack("<I", len(meta)))
    return DICOM_HEAD + length + meta + element(8, 0x0016, b"UI", DX_FOR_PROCESSING) + elements


FILES: dict[str, Callable[[], bytes]] = {
    "pitch of 200 mm": lambda: tiff({"pitch_mm": 200}),
    "pitch of 400 mm": lambda: tiff({"pitch_mm": 400}),
    "pitch of 1e6 mm": lambda: tiff({"pitch_mm": 1e6}),
    "pitch of 1e-9 mm": lambda: tiff({"pitch_mm": 1e-9}),
    "pitch of 50 x 0.05 mm": lambda: tiff({"pitch_mm": [50, 0.05]}),
    "air level of 1e200": lambda: tiff({"open_beam": 1e200}),
    "air level of 1e-200": lambda: tiff({"open_beam": 1e-200}),
    "PackBits of 8 MB": packbits,
    "PNG of 2 million chunks": png,
    "JPEG of 6 million markers": jpeg,
    "DICOM of 500 000 items": dicom_items,
    "DICOM of 500 000 elements": dicom_elements,
}
"""Name to file."""

DECLARED: dict[str, str] = {
    "number without a unit, 401 characters": "1" * 200 + " " * 200 + "x",
    "number without a unit, 4000 characters": "1" * 2000 + " " * 1999 + "x",
    "total of nothing, 607 characters": "gross" + " " * 300 + "1" + " " * 300 + "x",
    "570 six-digit codes": "123456 " * 570,
    "mass of 400 digits": "9" * 400 + " kg",
}
"""Name to declaration."""


def chunk_extension(spaces: int = 60_000) -> bytes:
    """A request whose first chunk has a long extension of blanks up to a line end of the wrong kind."""
    head = b"POST /v1/scans HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    return head + b"Transfer-Encoding: chunked\r\n\r\n1;" + b" " * spaces + b"\nx\r\nx\r\n0\r\n\r\n"
