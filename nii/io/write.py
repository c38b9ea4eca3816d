"""Write scans and masks so that nobody ever sees half a file."""

import io
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from isal import isal_zlib

from nii.errors import OutputError
from nii.io.picture import Pitch
from nii.scan import FloatArray, check_pixels

COUNTS_MAX = 65535
DEFLATE_LEVEL = 1  # of ISA-L; levels 2 and 3 take longer and save nothing on noisy counts
STRIP = 1 << 18  # bytes of a strip before it is deflated
LONGEST_PREFIX = 40  # characters of a temporary name: the whole one may be as long as a name can be


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write beside the target and rename: readers see the old file or the whole new one. Raises OutputError."""
    target = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:LONGEST_PREFIX]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).chmod(0o644)  # mkstemp makes it private
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{target}: expected to write {len(data)} bytes, came: {error.strerror or error}") from None


def write_tiff(
    path: str | Path,
    transmission: FloatArray,
    *,
    open_beam: float | Sequence[float],
    pitch_mm: Pitch | None = None,
    energies: Sequence[str] = (),
    scanner: str | None = None,
) -> None:
    """16-bit TIFF, a page per energy, counts = round(T x open_beam) clipped to 0..65535.

    transmission: float32 (energy, row, column). open_beam: counts, one or one per energy.
    Reading it back gives the same counts; it is deflated with a predictor, which every reader of
    TIFF knows. Its pixels depend on nothing but the arguments, its bytes on the version of ISA-L too, which
    deflates ten times as fast as zlib. Raises ScanError for bad pixels.
    """
    check_pixels(transmission, str(path))
    levels = np.broadcast_to(np.asarray(open_beam, np.float32).ravel(), transmission.shape[:1])
    counts = np.rint(transmission * levels[:, None, None])
    write_atomically(
        path,
        _tiff_bytes(np.clip(counts, 0, COUNTS_MAX).astype(np.uint16), _describe(levels, pitch_mm, energies, scanner)),
    )


def _tiff_bytes(counts: npt.NDArray[np.uint16], description: str) -> bytes:
    buffer = io.BytesIO()
    rows = max(1, STRIP // (counts.itemsize * counts.shape[2]))
    tifffile.imwrite(
        buffer,
        _strips(counts, rows),
        shape=counts.shape,
        dtype=counts.dtype,
        rowsperstrip=rows,
        photometric="minisblack",
        compression="zlib",
        predictor=True,
        description=description,
        metadata=None,
        software="nii",
    )
    return buffer.getvalue()


def _strips(counts: npt.NDArray[np.uint16], rows: int) -> Iterator[bytes]:
    """Deflated strips of so many rows, page by page: each count less the one to its left (TIFF's predictor 2)."""
    differences = np.diff(counts, axis=2, prepend=np.zeros((*counts.shape[:2], 1), counts.dtype))
    for page in differences:
        for first in range(0, len(page), rows):
            yield isal_zlib.compress(page[first : first + rows].tobytes(), DEFLATE_LEVEL)


def _describe(levels: FloatArray, pitch_mm: Pitch | None, energies: Sequence[str], scanner: str | None) -> str:
    """ImageDescription as of the file contract; unknown things are left out."""
    numbers = [float(level) for level in levels]
    said = {
        "open_beam": numbers[0] if len(set(numbers)) == 1 else numbers,
        "pitch_mm": list(pitch_mm) if pitch_mm else None,
        "energies": list(energies) or None,
        "scanner": scanner,
    }
    return json.dumps({key: value for key, value in said.items() if value is not None})


def write_mask(path: str | Path, mask: npt.NDArray[np.bool_]) -> None:
    """8-bit PNG (row, column), 255 where the mask is true."""
    ok, data = cv2.imencode(".png", np.where(mask, np.uint8(255), np.uint8(0)))
    if not ok:
        raise RuntimeError(f"{path}: the PNG encoder failed on a mask of shape {mask.shape}")
    write_atomically(path, data.tobytes())
