"""Read scans: a path or a pair "low.png,high.png" in, a `Scan` out; told apart by content, not by name."""

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nii.errors import ScanError
from nii.io.doubts import doubts
from nii.io.energies import read_energies
from nii.io.picture import LARGEST_FILE, Content, Metadata, Picture, foreign
from nii.io.remote import is_remote, read_remote
from nii.io.transmission import transmission_of
from nii.names import printable
from nii.scan import FloatArray, Kind, Scan, check_pixels

TIFF, PNG, JPEG, NPY, DICOS = "TIFF", "PNG", "JPEG", "NPY", "DICOS"
FORMATS = f"{TIFF}, {PNG}, {JPEG}, {NPY} or {DICOS}"
MAGICS = {
    b"II*\0": TIFF,
    b"MM\0*": TIFF,
    b"II+\0": TIFF,
    b"MM\0+": TIFF,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"\xff\xd8\xff": JPEG,
    b"\x93NUMPY": NPY,
}
STRANGERS = {
    b"PK\x03\x04": "a zip archive",
    b"%PDF": "a PDF",
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"\x1f\x8b": "a gzip file",
}
SNIFFED = 132  # bytes; DICOM's magic lies at 128


class Decode(Protocol):
    """What makes a scan of bytes: `decode_scan`, or another with the same answers."""

    def __call__(self, data: bytes | tuple[bytes, bytes], name: str, *, known: Metadata | None = None) -> Scan:
        """See `decode_scan`."""


def decode_scan(data: bytes | tuple[bytes, bytes], name: str, *, known: Metadata | None = None) -> Scan:
    """The scan in the bytes of one file, or of two files of one energy each; no file is opened."""
    files = (data,) if isinstance(data, bytes) else data
    names = _names_of(name, len(files))
    pictures = [_decode(file, part) for file, part in zip(files, names, strict=True)]
    picture = pictures[0] if len(pictures) == 1 else _joined(pictures[0], pictures[1], name)
    with foreign(name, "a readable scan"):
        return _scan(picture, name, hash_of(files), known or Metadata())


def read_scan(source: str | Path, *, known: Metadata | None = None, decode: Decode = decode_scan) -> Scan:
    """The scan in one file, or in a pair "low.png,high.png" (low energy first).

    known: metadata from elsewhere, such as the annotations of a scan set; the file's own wins. decode: what makes the
    scan of the bytes, `decode_scan` or `nii.io.apart.decode_apart`. Raises ScanError, one line that names the file, for
    whatever can't be used as a scan.
    """
    name = str(source)
    paths = split_pair(name)
    if len(paths) == 1:
        return decode(read_file(paths[0]), name, known=known)
    return decode((read_file(paths[0]), read_file(paths[1])), name, known=known)


def hash_of(files: Sequence[bytes]) -> str:
    """SHA-256, hexadecimal, of a file; of a pair, of the hashes (32 bytes each, low energy first) of its two files.

    The bytes of a pair joined could be divided elsewhere, and two pairs would have one hash.
    """
    hashes = [hashlib.sha256(file) for file in files]
    return (hashes[0] if len(hashes) == 1 else hashlib.sha256(b"".join(one.digest() for one in hashes))).hexdigest()


def split_pair(source: str) -> tuple[str, ...]:
    """One path, or the two of a pair. A file whose name holds the comma wins over a pair."""
    if "," not in source or os.path.lexists(source):
        return (source,)
    commas = [at for at, character in enumerate(source) if character == ","]
    halves = [(source[:at], source[at + 1 :]) for at in commas]
    whole = [pair for pair in halves if all(map(os.path.lexists, pair))]
    if whole:
        return whole[0]
    return halves[0] if len(halves) == 1 else (source,)


def sniff(head: bytes) -> str | None:
    """Format by the first 132 bytes of a file; None if it is none of ours."""
    if head[128:132] == b"DICM":
        return DICOS
    return next((kind for magic, kind in MAGICS.items() if head.startswith(magic)), None)


def _names_of(name: str, n_files: int) -> tuple[str, ...]:
    if n_files == 1:
        return (name,)
    parts = split_pair(name)
    return parts if len(parts) == 2 else (f"{name} (low)", f"{name} (high)")


def read_file(path: str) -> bytes:
    """Content of a regular file, or of an address that fsspec knows, of at most LARGEST_FILE bytes."""
    if is_remote(path):
        return read_remote(path, LARGEST_FILE)
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            what = "directory" if stat.S_ISDIR(status.st_mode) else "device or pipe"
            raise ScanError(f"{path}: expected a scan file, came a {what}")
        if status.st_size > LARGEST_FILE:
            raise ScanError(f"{path}: expected at most {LARGEST_FILE} bytes, came {status.st_size}")
        with Path(path).open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ScanError(f"{path}: expected a readable file, came: {error.strerror or error}") from None
    except ValueError as error:
        raise ScanError(f"{path!r}: expected a path, came: {error}") from None


def _decode(data: bytes, name: str) -> Picture:
    """Decode by content. Decoders are imported on use: pydicom alone costs 0.3 s at start."""
    if len(data) > LARGEST_FILE:
        raise ScanError(f"{name}: expected at most {LARGEST_FILE} bytes, came {len(data)}")
    kind = sniff(data[:SNIFFED])
    if kind == TIFF:
        from nii.io.tiff import decode_tiff

        return decode_tiff(data, name)
    if kind == PNG:
        from nii.io.png import decode_png

        return decode_png(data, name)
    if kind == JPEG:
        from nii.io.jpeg import decode_jpeg

        return decode_jpeg(data, name)
    if kind == NPY:
        from nii.io.npy import decode_npy

        return decode_npy(data, name)
    if kind == DICOS:
        from nii.io.dx import decode_dx

        return decode_dx(data, name)
    raise ScanError(f"{name}: expected {FORMATS}, came {_stranger(data)}")


def _stranger(data: bytes) -> str:
    """What a file that is no scan seems to be."""
    if not data:
        return "an empty file"
    known = next((what for magic, what in STRANGERS.items() if data.startswith(magic)), None)
    if known is None and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in data[:SNIFFED]):
        known = "text"
    return known or f"bytes {data[:8].hex(' ')}"


def _joined(low: Picture, high: Picture, name: str) -> Picture:
    """One picture of two energies from two of one energy each."""
    for picture in (low, high):
        if picture.content is Content.COLOUR:
            raise ScanError(f"{name}: expected a pair of grey images, came an operator image")
        if picture.planes.shape[0] != 1:
            raise ScanError(f"{name}: expected one energy per file of a pair, came {picture.planes.shape[0]}")
    if low.content is not high.content or low.planes.dtype != high.planes.dtype:
        raise ScanError(
            f"{name}: expected a pair of one kind, came {low.planes.dtype} {low.content} "
            f"and {high.planes.dtype} {high.content}"
        )
    if low.planes.shape != high.planes.shape:
        raise ScanError(f"{name}: expected a pair of one size, came {_size(low.planes)} and {_size(high.planes)}")
    if low.study and high.study and low.study != high.study:
        raise ScanError(f"{name}: expected two images of one inspection, came two studies")
    return _paired(*_in_order(low, high, name), name)


def _size(planes: FloatArray) -> str:
    return f"{planes.shape[2]}x{planes.shape[1]}"


def _in_order(low: Picture, high: Picture, name: str) -> tuple[Picture, Picture]:
    """The pair with the low energy first, if the files themselves say which is which."""
    if low.role and low.role == high.role:
        raise ScanError(f"{name}: expected one low and one high energy, came {low.role} twice")
    if low.role == "high" or high.role == "low":
        note = "the files say that the first one is the high energy: order exchanged"
        return high.with_notes(note), low
    return low, high


def _paired(low: Picture, high: Picture, name: str) -> Picture:
    metadata = low.metadata.filled_from(high.metadata)
    for what in ("pitch_mm", "scanner"):
        values = [getattr(picture.metadata, what) for picture in (low, high)]
        if all(values) and values[0] != values[1]:
            raise ScanError(f"{name}: expected one {what} for both files of a pair, came {values[0]} and {values[1]}")
    alone = [
        key for key in ("open_beam", "energies") if _told_once(getattr(low.metadata, key), getattr(high.metadata, key))
    ]
    notes = [f"told by one file of the pair alone and not used: {', '.join(alone)}"] if alone else []
    levels = low.metadata.open_beam + high.metadata.open_beam
    return Picture(
        planes=np.concatenate([low.planes, high.planes]),
        content=low.content,
        full_scale=max(low.full_scale, high.full_scale),
        metadata=Metadata(
            open_beam=levels if len(levels) == 2 else (),
            pitch_mm=metadata.pitch_mm,
            energies=_two_energies(low.metadata.energies, high.metadata.energies),
            scanner=metadata.scanner,
        ),
        notes=tuple(dict.fromkeys([*notes, *low.notes, *high.notes])),
        padding=_both(low, high),
    )


def _told_once(low: tuple[object, ...], high: tuple[object, ...]) -> bool:
    return bool(low) != bool(high)


def _both(low: Picture, high: Picture) -> npt.NDArray[np.bool_] | None:
    """What is padding in both images of a pair; one of them may not know of any."""
    if low.padding is None or high.padding is None:
        return low.padding if high.padding is None else high.padding
    return low.padding & high.padding


def _two_energies(low: tuple[str, ...], high: tuple[str, ...]) -> tuple[str, ...]:
    """Names of both energies; a tube with a two-layer detector gives both files the same one."""
    if len(low) != 1 or len(high) != 1:
        return ()
    return (f"{low[0]}-low", f"{high[0]}-high") if low == high else low + high


def _scan(picture: Picture, name: str, sha256: str, known: Metadata) -> Scan:
    metadata = picture.metadata.filled_from(known)
    transmission, notes = transmission_of(picture, metadata.open_beam, name)
    check_pixels(transmission, name)  # before the first arithmetic on them: NaN would spread
    coloured = picture.content is Content.COLOUR
    energies, order, meaning = read_energies(() if coloured else metadata.energies)
    if len(order) == len(transmission) and order != tuple(range(len(order))):
        transmission = transmission[list(order)]
    if not coloured:
        estimated = picture.content is Content.COUNTS and not metadata.open_beam
        notes += meaning + doubts(transmission, air_told=not estimated, name=name)
    return Scan(
        transmission=transmission,
        path=printable(name),
        sha256=sha256,
        kind=Kind.OPERATOR_IMAGE if coloured else Kind.TRANSMISSION,
        energies=energies,
        pitch_mm=metadata.pitch_mm,
        scanner=metadata.scanner,
        notes=picture.notes + notes,
    )
