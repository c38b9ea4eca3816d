"""What a scan file says of itself, and how good the scan is."""

from typing import Any

from nii.errors import UsageError
from nii.io.read import read_scan
from nii.quality import assess


def describe(source: str, *, phantom: bool = False) -> dict[str, Any]:
    """Header, quality and notes of a scan, ready for JSON; with `phantom`, the figures of a test phantom."""
    scan = read_scan(source)
    found: dict[str, Any] = {
        "path": scan.path,
        "sha256": scan.sha256,
        "kind": str(scan.kind),
        "energies": list(scan.energies),
        "rows": scan.shape[0],
        "columns": scan.shape[1],
        "pitch_mm": list(scan.pitch_mm) if scan.pitch_mm else None,
        "scanner": scan.scanner,
        "notes": list(scan.notes),
        "quality": assess(scan).as_record(),
    }
    if phantom:
        raise UsageError("--phantom: expected not to be given, this version doesn't have it yet")
    return found
