"""PNG and JPEG: 8- and 16-bit grey scans, 8-bit operator images.

Structure and size are checked on the bytes before the decoder sees them, and the PNG decoder is
given only the chunks that hold pixels: no text, no colour profile, nothing to unpack but the image.
"""

import struct
import zlib
from collections.abc import Iterator

import cv2
import numpy as np

from nii.errors import ScanError
from nii.io.colour import Bytes, ColourUse, colour_use, without_labels
from nii.io.picture import Content, Picture, foreign
from nii.scan import check_size

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PIXEL_CHUNKS = (b"IHDR", b"IDAT", b"IEND")
READABLE_PNG = {(8, 0), (16, 0), (8, 2), (8, 6)}  # (bits, colour type)
PNG_COLOUR_TYPES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
LARGEST_JPEG_SCANS = 64  # a progressive JPEG has about 10; each one costs a pass over the image


def decode_png(data: bytes, name: str) -> Picture:
    """Grey counts or a classified colour picture. Raises ScanError for anything else or damaged."""
    chunks = list(_png_chunks(data, name))
    width, height, bits, colour_type = _png_header(chunks, name)
    check_size(width, height, name)
    if (bits, colour_type) not in READABLE_PNG:
        came = PNG_COLOUR_TYPES.get(colour_type, f"colour type {colour_type}")
        raise ScanError(f"{name}: expected 8- or 16-bit grey or 8-bit RGB, came {bits}-bit {came}")
    pixels = PNG_MAGIC + b"".join(raw for kind, _, raw in chunks if kind in PIXEL_CHUNKS)
    image = _decode(pixels, (height, width), name)
    if image.ndim == 2:
        return _grey(image, "PNG")
    return from_rgb(_opaque_rgb(image, name), "PNG")


def _png_chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(type, body, raw chunk) up to and with IEND, each CRC checked."""
    at = len(PNG_MAGIC)
    while True:
        head = data[at : at + 8]
        if len(head) < 8:
            raise ScanError(f"{name}: expected a complete PNG, came one that ends at byte {len(data)}")
        length, kind = struct.unpack(">I4s", head)
        raw = data[at : at + 12 + length]
        if len(raw) < 12 + length:
            raise ScanError(f"{name}: expected a complete PNG, came one that ends at byte {len(data)}")
        if zlib.crc32(raw[4:-4]) != int.from_bytes(raw[-4:], "big"):
            raise ScanError(f"{name}: expected an intact PNG, came a wrong checksum at byte {at}")
        yield kind, raw[8:-4], raw
        if kind == b"IEND":
            return
        at += 12 + length


def _png_header(chunks: list[tuple[bytes, bytes, bytes]], name: str) -> tuple[int, int, int, int]:
    """Width, height, bits per sample and colour type."""
    kind, body, _ = chunks[0]
    if kind != b"IHDR" or len(body) != 13:
        raise ScanError(f"{name}: expected a PNG that starts with its header, came chunk {kind!r}")
    width, height, bits, colour_type = struct.unpack(">IIBB", body[:10])
    return width, height, bits, colour_type


def decode_jpeg(data: bytes, name: str) -> Picture:
    """8-bit grey counts or a classified colour picture. Raises ScanError for anything else or damaged."""
    bits, height, width, components = jpeg_frame(data, name)
    check_size(width, height, name)
    if bits != 8 or components not in (1, 3):
        raise ScanError(f"{name}: expected 8-bit grey or RGB JPEG, came {components} x {bits} bits")
    if data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):  # a thumbnail has an end marker of its own
        raise ScanError(f"{name}: expected a complete JPEG, came one without its end marker")
    if data.count(b"\xff\xda") > LARGEST_JPEG_SCANS:
        raise ScanError(f"{name}: expected at most {LARGEST_JPEG_SCANS} JPEG scans, came more")
    image = _decode(data, (height, width), name)
    if image.ndim == 2:
        return _grey(image, "JPEG")
    return from_rgb(_opaque_rgb(image, name), "JPEG")


def jpeg_frame(data: bytes, name: str, *, lossless: bool = False) -> tuple[int, int, int, int]:
    """Bits, rows, columns and components of the frame header (SOF) of a JPEG or JPEG-LS stream.

    lossless: look for the lossless processes (SOF3, JPEG-LS) in place of the common ones.
    """
    wanted = (0xC3, 0xF7) if lossless else (0xC0, 0xC1, 0xC2)
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in wanted:
            bits, rows, columns, components = struct.unpack(">BHHB", data[at + 4 : at + 10])
            return bits, rows, columns, components
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            raise ScanError(f"{name}: expected another JPEG process, came SOF{marker - 0xC0}")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise ScanError(f"{name}: expected a JPEG frame header, came none in {len(data)} bytes")


def _decode(data: bytes, shape: tuple[int, int], name: str) -> Bytes:
    """The decoder's own array: (row, column) or (row, column, 3 or 4) in blue, green, red order."""
    with foreign(name, "decodable pixels"):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.shape[:2] != shape:
        raise ScanError(f"{name}: expected {shape[1]}x{shape[0]} decodable pixels, came damaged data")
    return np.asarray(image)


def _opaque_rgb(image: Bytes, name: str) -> Bytes:
    """Red, green, blue from the decoder's order; an alpha channel must be opaque."""
    if image.shape[2] == 4 and not (image[..., 3] == 255).all():
        raise ScanError(f"{name}: expected an opaque picture, came transparent pixels")
    return np.ascontiguousarray(image[..., 2::-1])


def _grey(image: Bytes, container: str) -> Picture:
    full_scale = float(np.iinfo(image.dtype).max)
    picture = Picture(planes=image[None], content=Content.COUNTS, full_scale=full_scale)
    return picture if full_scale > 255 else picture.with_notes(_eight_bits(container))


def _eight_bits(container: str) -> str:
    loss = ", lossy JPEG" if container == "JPEG" else ""
    return f"8-bit grey{loss}: 256 levels, so dense cargo is not resolved and masses are rough"


def from_rgb(rgb: Bytes, container: str) -> Picture:
    """A picture from (row, column, 3) 8-bit red, green, blue: grey, labelled grey or operator image."""
    use = colour_use(rgb)
    if use is ColourUse.PSEUDO:
        return Picture(planes=rgb.transpose(2, 0, 1), content=Content.COLOUR, full_scale=255.0)
    grey, share = without_labels(rgb)
    picture = _grey(grey, container)
    if use is ColourUse.GREY:
        return picture
    return picture.with_notes(
        f"coloured labels on a grey scan: {100 * share:.2g} % of the picture filled from its surroundings"
    )
