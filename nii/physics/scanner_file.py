"""`nii scanner fit` on files: reads the tables, fits, and makes the text of the scanner file."""

from pathlib import Path

from nii.errors import PhysicsError
from nii.physics.scanner import fit_scanner, scanner_text

LARGEST = 50_000_000  # bytes; a table of steps has a few kilobytes


def fit_files(spectra: Path, steps: Path, check: Path | None = None) -> tuple[dict[str, object], str]:
    """The record that the command prints, and the JSON text of the calibrated scanner.

    The tables are as in `scanner.fit_scanner`. Raises PhysicsError, in one line, for files that can't be
    read or hold something else.
    """
    fit = fit_scanner(_text(spectra), _text(steps), None if check is None else _text(check))
    return fit.as_record(), scanner_text(fit.beams)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise PhysicsError(f"{path}: expected a table of at most {LARGEST} bytes, came {path.stat().st_size}")
        return path.read_text(encoding="utf-8-sig")  # spreadsheets put a byte-order mark in front
    except (OSError, UnicodeDecodeError) as error:
        raise PhysicsError(f"{path}: expected a CSV file, came {type(error).__name__}") from None
