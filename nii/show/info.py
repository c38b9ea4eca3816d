"""What a scan file says of itself, and how good the scan is."""

from typing import Any

from nii.errors import PhysicsError
from nii.io.read import read_scan
from nii.physics.beams import standard_beams
from nii.quality.measure import assess
from nii.quality.phantom import CARGO, PARCEL, read_phantom
from nii.scan import Scan, of_tube


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
        found["phantom"] = _phantom(scan)
    return found


def _phantom(scan: Scan) -> dict[str, object]:
    """What the scan of a test phantom shows; the phantom by the kind of scan."""
    kilovolts = bool(scan.energies) and all(map(of_tube, scan.energies))
    usual = ("160kV",) if kilovolts else ("6MV",)
    beams = standard_beams(scan.energies) or standard_beams(usual)
    if beams is None:
        raise PhysicsError(f"{scan.path}: expected energies with a stored beam, came {scan.energies}")
    return read_phantom(scan, PARCEL if kilovolts else CARGO, beams)
