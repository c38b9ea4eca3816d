"""PNG: 8- and 16-bit grey scans, 8-bit operator images.

Structure and size are checked on the bytes before the decoder sees them, and the decoder is given
only the chunks that hold pixels: no text, no colour profile, nothing to unpack but the image.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping

import numpy as np

from nii.errors import ScanError
from nii.io.colour import Bytes
from nii.io.orientation import UPRIGHT, exif_orientation, upright
from nii.io.picture import Picture
from nii.io.raster import decoded, from_grey, from_rgb, opaque_rgb
from nii.scan import check_size

MAGIC = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 200_000  # libpng writes 8 KB in each: 1.6 GB
PIXEL_CHUNKS = (b"IHDR", b"IDAT", b"IEND")
READABLE = {(8, 0), (16, 0), (8, 2), (8, 6)}  # (bits, colour type)
COLOUR_TYPES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
LINEAR_GAMMA, LINEAR_TRANSFER = 100_000, 8  # in gAMA, in cICP
FRAMES, TRANSPARENT, CALIBRATION, EXIF = b"acTL", b"tRNS", b"pCAL", b"eXIf"


def decode_png(data: bytes, name: str) -> Picture:
    """Grey counts or a classified colour picture. Raises ScanError for anything else or damaged."""
    chunks = list(_chunks(data, name))
    width, height, bits, colour_type = _header(chunks, name)
    check_size(width, height, name)
    if (bits, colour_type) not in READABLE:
        came = COLOUR_TYPES.get(colour_type, f"colour type {colour_type}")
        raise ScanError(f"{name}: expected 8- or 16-bit grey or 8-bit RGB, came {bits}-bit {came}")
    pixels = MAGIC + b"".join(raw for kind, _, raw in chunks if kind in PIXEL_CHUNKS)
    told = {kind: body for kind, body, _ in chunks}
    _check_one_image(told, data[len(MAGIC) + sum(len(raw) for _, _, raw in chunks) :], name)
    image = decoded(pixels, (height, width), name)
    _check_opaque(image, told.get(TRANSPARENT), name)
    picture = from_grey(image, "PNG") if image.ndim == 2 else from_rgb(opaque_rgb(image, name), "PNG")
    if image.ndim == 2:
        picture = picture.with_notes(*_display_curve(told))
    return upright(picture, exif_orientation(told[EXIF]) if EXIF in told else UPRIGHT)


def _chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(type, body, raw chunk) up to and with IEND, each CRC checked."""
    at = len(MAGIC)
    for _ in range(MOST_CHUNKS):
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
    raise ScanError(f"{name}: expected at most {MOST_CHUNKS} chunks in a PNG, came more")


def _header(chunks: list[tuple[bytes, bytes, bytes]], name: str) -> tuple[int, int, int, int]:
    """Width, height, bits per sample and colour type."""
    kind, body, _ = chunks[0]
    if kind != b"IHDR" or len(body) != 13:
        raise ScanError(f"{name}: expected a PNG that starts with its header, came chunk {kind!r}")
    width, height, bits, colour_type = struct.unpack(">IIBB", body[:10])
    return width, height, bits, colour_type


def _check_one_image(told: Mapping[bytes, bytes], rest: bytes, name: str) -> None:
    """Refuse animations, files with further pictures behind the first, and values that a formula turns into others."""
    frames = int.from_bytes(told.get(FRAMES, b"")[:4], "big")
    if frames > 1 or MAGIC in rest:
        raise ScanError(f"{name}: expected one image in a file, came a PNG of {frames if frames > 1 else 'several'}")
    if CALIBRATION in told:
        raise ScanError(f"{name}: expected counts that mean what they are, came a PNG with a calibration (pCAL)")


def _check_opaque(image: Bytes, value: bytes | None, name: str) -> None:
    """Refuse pictures of which some is transparent by its colour; value: of the tRNS chunk, if there is one."""
    if value is None:
        return
    colour = np.array(struct.unpack(f">{len(value) // 2}H", value[: len(value) // 2 * 2]))[::-1]  # as decoded: BGR
    if (image.reshape(*image.shape[:2], -1)[..., : colour.size] == colour).all(axis=2).any():
        raise ScanError(f"{name}: expected an opaque picture, came transparent pixels (tRNS)")


def _display_curve(told: Mapping[bytes, bytes]) -> tuple[str, ...]:
    """A note where grey values are told to follow a curve for display, which nobody undoes here."""
    gamma = int.from_bytes(told.get(b"gAMA", b""), "big")
    curves = {
        f"gAMA {gamma / LINEAR_GAMMA:.4g}": gamma not in (0, LINEAR_GAMMA),
        "sRGB": b"sRGB" in told,
        "iCCP": b"iCCP" in told,
        "cICP": b"cICP" in told and told[b"cICP"][1:2] != bytes([LINEAR_TRANSFER]),
    }
    found = [word for word, so in curves.items() if so]
    return (f"PNG with a curve for display ({', '.join(found)}): its grey values taken as linear",) if found else ()
