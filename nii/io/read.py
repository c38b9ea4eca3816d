"""Read scans: a path or a pair "low.png,high.png" in, a `Scan` out; told apart by content, not by name."""

import hashlib
import os
import stat
from pathlib import Path

import numpy as np

from nii.errors import ScanError
from nii.io.picture import LARGEST_FILE, Content, Metadata, Picture, finite_share_within
from nii.io.remote import is_remote, read_remote
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
IMPLAUSIBLE_SHARE = 0.01  # of pixels outside this range, before a scan is refused
EXCHANGED = 0.002  # mean excess of the first transmission over the second; 4/6 MV cargo has -0.05
PLAUSIBLE = (-0.1, 2.0)  # transmission; noise and dark subtraction leave (0, 1] only slightly


def read_scan(source: str | Path, *, known: Metadata | None = None) -> Scan:
    """The scan in one file, or in a pair "low.png,high.png" (low energy first).

    known: metadata from elsewhere, such as the annotations of a scan set; the file's own wins.
    Raises ScanError, one line that names the file, for whatever can't be used as a scan.
    """
    name = str(source)
    paths = split_pair(name)
    if len(paths) == 1:
        return decode_scan(read_file(paths[0]), name, known=known)
    return decode_scan((read_file(paths[0]), read_file(paths[1])), name, known=known)


def decode_scan(data: bytes | tuple[bytes, bytes], name: str, *, known: Metadata | None = None) -> Scan:
    """The scan in the bytes of one file, or of two files of one energy each; no file is opened."""
    files = (data,) if isinstance(data, bytes) else data
    names = _names_of(name, len(files))
    pictures = [_decode(file, part) for file, part in zip(files, names, strict=True)]
    picture = pictures[0] if len(pictures) == 1 else _joined(pictures[0], pictures[1], name)
    digest = hashlib.sha256()
    for file in files:
        digest.update(file)
    return _scan(picture, name, digest.hexdigest(), known or Metadata())


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
    if kind in (PNG, JPEG):
        from nii.io.raster import decode_jpeg, decode_png

        return decode_png(data, name) if kind == PNG else decode_jpeg(data, name)
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
    return _paired(*_in_order(low, high, name))


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


def _paired(low: Picture, high: Picture) -> Picture:
    metadata = low.metadata.filled_from(high.metadata)
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
        notes=tuple(dict.fromkeys(low.notes + high.notes)),
    )


def _two_energies(low: tuple[str, ...], high: tuple[str, ...]) -> tuple[str, ...]:
    """Names of both energies; a tube with a two-layer detector gives both files the same one."""
    if len(low) != 1 or len(high) != 1:
        return ()
    return (f"{low[0]}-low", f"{high[0]}-high") if low == high else low + high


def _scan(picture: Picture, name: str, sha256: str, known: Metadata) -> Scan:
    metadata = picture.metadata.filled_from(known)
    transmission, notes = _transmission(picture, metadata.open_beam, name)
    check_pixels(transmission, name)  # before the first arithmetic on them: NaN would spread
    coloured = picture.content is Content.COLOUR
    scan = Scan(
        transmission=transmission,
        path=name,
        sha256=sha256,
        kind=Kind.OPERATOR_IMAGE if coloured else Kind.TRANSMISSION,
        energies=() if coloured else metadata.energies,
        pitch_mm=metadata.pitch_mm,
        scanner=metadata.scanner,
        notes=picture.notes + notes + _order_note(transmission),
    )
    if not coloured and finite_share_within(transmission, *PLAUSIBLE) < 1 - IMPLAUSIBLE_SHARE:
        low, high = float(transmission.min()), float(transmission.max())
        raise ScanError(
            f"{name}: expected transmission in (0, 1], came {low:.3g} to {high:.3g}; is the air level right?"
        )
    return scan


def _transmission(picture: Picture, open_beam: tuple[float, ...], name: str) -> tuple[FloatArray, tuple[str, ...]]:
    """Float32 planes of the scan, and notes on the air level where it had to be estimated."""
    planes = picture.planes
    if picture.content is Content.COLOUR:
        return np.ascontiguousarray(planes, dtype=np.float32) / np.float32(255), ()
    if picture.content is Content.TRANSMISSION:
        with np.errstate(over="ignore"):  # too large for float32 becomes infinite, and is refused as that
            return np.ascontiguousarray(planes, dtype=np.float32), ()
    n = planes.shape[0]
    if len(open_beam) not in (0, 1, n):
        raise ScanError(f"{name}: expected one open_beam, or {n}, came {len(open_beam)}")
    levels, notes = (open_beam, ()) if open_beam else _estimated(picture, name)
    scale = np.array(levels, dtype=np.float32).reshape(-1, 1, 1)
    return np.divide(planes, scale, dtype=np.float32), notes


def _estimated(picture: Picture, name: str) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Air level per energy, and the notes that the report must carry."""
    from nii.io.air import estimate_air

    if picture.planes.dtype.kind == "f":
        check_pixels(picture.planes.astype(np.float32), name)  # NaN has no place in a histogram
    found = [estimate_air(plane, picture.full_scale) for plane in picture.planes]
    levels = tuple(level for level, _ in found)
    if not all(level > 0 for level in levels):
        raise ScanError(f"{name}: expected an image with air or cargo in it, came a black one")
    text = "air level estimated from the scan: " + ", ".join(f"{level:g}" for level in levels)
    if all(certain for _, certain in found):
        return levels, (text,)
    return levels, (text, "air seems absent from the scan (or the picture is inverse): its level is a guess")


def _order_note(transmission: FloatArray) -> tuple[str, ...]:
    """A note if the first energy penetrates more than the second, as if they were exchanged."""
    if transmission.shape[0] != 2:
        return ()
    low, high = transmission[:, ::2, ::2]
    cargo = (high > 0.1) & (high < 0.7)  # dark enough for a difference, bright enough against noise
    if np.count_nonzero(cargo) < 0.01 * cargo.size:
        return ()
    if not float(np.mean(low[cargo] - high[cargo])) > EXCHANGED:
        return ()
    return ("the first energy penetrates more than the second: the order may be exchanged",)
