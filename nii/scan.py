"""The scan: what every reader returns and every detector takes."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from nii.bounds import check_pitch
from nii.errors import ScanError

FloatArray = npt.NDArray[np.float32]

SMALLEST_SIDE = 16  # pixels; below this no network context and no air estimate is left
LONGEST_NAME = 100  # characters of the name of an energy or a scanner: they go into records, tables and figures
LARGEST_PIXELS = 200_000_000  # per energy; a 53-ft trailer at 1 mm is 45 million


def of_tube(energy: str) -> bool:
    """Whether an energy's name is of an X-ray tube ("160kV"), not of an accelerator ("6MV")."""
    return "kv" in energy.lower()


def attenuation_of(transmission: FloatArray, floor: float, ceiling: float | None = None) -> FloatArray:
    """Line integral of the attenuation coefficient, A = -ln T (no unit), of the same shape.

    floor: transmission that counts for all below it, since nothing is told apart there; ceiling: for all above it.
    Example: T = 0.1353 gives A = 2.000.
    """
    return np.asarray(-np.log(np.clip(transmission, floor, ceiling)))


class Kind(StrEnum):
    """What the pixels of a scan are."""

    TRANSMISSION = "transmission"
    OPERATOR_IMAGE = "operator-image"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scan:
    """One inspected object.

    transmission: float32 (energy, row, column), T = (counts - dark) / (air - dark),
        low energy first; (0, 1], noise may exceed 1 slightly. For an operator image
        the three planes are red, green, blue display values in [0, 1] instead.
    energies: one name per energy, low first, such as ("4MV", "6MV"); empty if unknown.
    pitch_mm: pixel pitch at the object (row, column) in mm, within `nii.bounds`; None if unknown.
    notes: quality notes for the reader of the result, one line each.
    sha256: of the file's bytes; of a pair, of the hashes of its two files (`nii.io.read.hash_of`).
    """

    transmission: FloatArray
    path: str = ""
    sha256: str = ""
    kind: Kind = Kind.TRANSMISSION
    energies: tuple[str, ...] = ()
    pitch_mm: tuple[float, float] | None = None
    scanner: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_pixels(self.transmission, self.path or "scan")
        planes = self.transmission.shape[0]
        if self.energies and len(self.energies) != planes:
            raise ScanError(
                f"{self.path}: expected one energy name per image, came {len(self.energies)} names for {planes} images"
            )
        if self.pitch_mm is not None:
            check_pitch(self.pitch_mm, self.shape, self.path or "scan")
        for name in (*self.energies, self.scanner or ""):
            if not (len(name) <= LONGEST_NAME and name.isprintable()):
                raise ScanError(
                    f"{self.path}: expected names of energies and scanner of at most {LONGEST_NAME} printable "
                    f"characters, came {ascii(name)[:60]}"
                )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.transmission.shape[1], self.transmission.shape[2]


def check_pixels(pixels: FloatArray, name: str) -> None:
    """Raise ScanError unless pixels are finite float32 (energy, row, column) of a usable size."""
    if pixels.ndim != 3 or pixels.dtype != np.float32:
        raise ScanError(f"{name}: expected float32 (energy, row, column), came {pixels.dtype} {pixels.shape}")
    check_size(pixels.shape[2], pixels.shape[1], name)
    if not 1 <= pixels.shape[0] <= 3:
        raise ScanError(f"{name}: expected 1 to 3 images (energies), came {pixels.shape[0]}")
    if not np.isfinite(pixels).all():
        bad = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
        raise ScanError(f"{name}: expected finite pixels, came {bad} NaN or infinite ones")


def check_size(width: int, height: int, name: str) -> None:
    """Raise ScanError for an image too small to score or too large to open; call before decoding."""
    if not (width >= SMALLEST_SIDE and height >= SMALLEST_SIDE):
        raise ScanError(f"{name}: expected at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels, came {width}x{height}")
    if not width * height <= LARGEST_PIXELS:
        raise ScanError(f"{name}: expected at most {LARGEST_PIXELS} pixels, came {width}x{height}")
