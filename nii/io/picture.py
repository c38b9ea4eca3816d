"""What one file held, before it becomes a scan; every format's decoder returns a `Picture`."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.errors import NiiError, ScanError

LARGEST_FILE = 1 << 30  # bytes; a 53-ft trailer at 1 mm, two energies, 16 bits, is 180 million

Pitch = tuple[float, float]


class Content(StrEnum):
    """What the numbers of a picture are."""

    COUNTS = "counts"  # proportional to the beam's intensity, dark already subtracted
    TRANSMISSION = "transmission"
    COLOUR = "colour"  # planes red, green, blue, 8-bit display values


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a file, or the annotations of a scan set, say about a scan.

    open_beam: air level in counts, one number per energy or one for all; empty if unknown.
    pitch_mm: pixel pitch at the object (row, column) in mm.
    energies: names, low first; empty if unknown.
    """

    open_beam: tuple[float, ...] = ()
    pitch_mm: Pitch | None = None
    energies: tuple[str, ...] = ()
    scanner: str | None = None

    def filled_from(self, other: "Metadata") -> "Metadata":
        """This metadata, with the gaps taken from `other`: the file itself wins."""
        return Metadata(
            open_beam=self.open_beam or other.open_beam,
            pitch_mm=self.pitch_mm or other.pitch_mm,
            energies=self.energies or other.energies,
            scanner=self.scanner or other.scanner,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Picture:
    """The pixels of one file.

    planes: (plane, row, column) in the file's own type: uint8 or uint16 counts, float32
        transmission, or uint8 red, green, blue.
    full_scale: the largest value that a count could have had, such as 255 or 65535.
    padding: bool (row, column), true where the file says that nothing was measured; None if it says nothing.
    role: "low" or "high" if the file says which energy it holds.
    study: identifier of the inspection that the file belongs to, if it has one.
    """

    planes: npt.NDArray[Any]
    content: Content
    full_scale: float = 1.0
    metadata: Metadata = Metadata()
    notes: tuple[str, ...] = ()
    padding: npt.NDArray[np.bool_] | None = None
    role: str = ""
    study: str = ""

    def with_notes(self, *notes: str) -> "Picture":
        """The same picture with more quality notes."""
        return replace(self, notes=self.notes + notes)


@contextmanager
def foreign(name: str, expected: str) -> Iterator[None]:
    """Turn whatever a foreign decoder raises into one ScanError line that names the file."""
    try:
        yield
    except NiiError:
        raise
    except Exception as error:  # decoders of hostile bytes raise anything, RecursionError included
        raise ScanError(f"{name}: expected {expected}, came {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """The first line of an error's text, at most 160 characters, never empty."""
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:160]


def parse_metadata(values: Mapping[str, Any], name: str, error: type[NiiError] = ScanError) -> Metadata:
    """Validated metadata from JSON; keys that we don't know are left alone.

    `pixel_pitch_mm` is read as `pitch_mm` too. Raises `error` for a known key with a wrong value.
    Example: {"open_beam": 64250, "pitch_mm": 6} gives open_beam (64250.0,), pitch_mm (6.0, 6.0).
    """
    return Metadata(
        open_beam=_numbers(values.get("open_beam"), f"{name}: open_beam", error),
        pitch_mm=_pitch(values.get("pitch_mm", values.get("pixel_pitch_mm")), f"{name}: pitch_mm", error),
        energies=_names(values.get("energies"), f"{name}: energies", error),
        scanner=_text(values.get("scanner"), f"{name}: scanner", error),
    )


def _numbers(value: Any, where: str, error: type[NiiError]) -> tuple[float, ...]:
    """None, a positive number or a list of them, as a tuple."""
    if value is None:
        return ()
    numbers = value if isinstance(value, list | tuple) else [value]
    if not numbers or not all(_is_positive(number) for number in numbers):
        raise error(f"{where}: expected a positive number, or one per energy, came {_short(value)}")
    return tuple(float(number) for number in numbers)


def _is_positive(number: Any) -> bool:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return 0 < number < 1e300 and math.isfinite(number)  # an integer of 400 digits is no float


def _pitch(value: Any, where: str, error: type[NiiError]) -> Pitch | None:
    numbers = _numbers(value, where, error)
    if len(numbers) > 2:
        raise error(f"{where}: expected (row, column) in mm, came {_short(value)}")
    return (numbers[0], numbers[-1]) if numbers else None


def _names(value: Any, where: str, error: type[NiiError]) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise error(f"{where}: expected a list of names such as 4MV, came {_short(value)}")
    return tuple(value)


def _text(value: Any, where: str, error: type[NiiError]) -> str | None:
    if value is not None and not isinstance(value, str):
        raise error(f"{where}: expected text, came {_short(value)}")
    return value or None


def _short(value: Any) -> str:
    """A value for an error line, cut to 60 characters."""
    text = " ".join(repr(value)[:200].split())
    return text if len(text) <= 60 else text[:57] + "..."


def finite_share_within(pixels: npt.NDArray[Any], low: float, high: float) -> float:
    """Share of pixels in [low, high]; NaN counts as outside."""
    return float(np.count_nonzero((pixels >= low) & (pixels <= high)) / pixels.size)
