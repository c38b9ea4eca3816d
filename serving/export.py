"""Answers with an officer's finding, as a scan set that `nii evaluate` and `nii train` read."""

import shutil
from pathlib import Path
from typing import Any

from nii.errors import UsageError
from nii.io.read import decode_scan
from nii.io.scanset import Annotation, ScanEntry, write_set
from nii.io.write import write_tiff
from nii.scan import Kind
from serving.store import Kept, RecordStore

UNKNOWN_FAMILY = "unknown"  # of a confirmed concealment in a scan without any candidate region
OPEN_BEAM = 64250  # counts of air in the files that are written anew


def export_scan_set(store: RecordStore, out: Path) -> int:
    """Write every scan with a finding of confirmed or cleared, once per scan, the latest answer; returns how many.

    Scans that were cleared are benign. Those that were confirmed carry the regions that alarmed as
    annotations (the highest candidate if none did): where, as the model saw it, not as an officer drew it.
    Raises UsageError where scans aren't kept.
    """
    if store.scans is None:
        raise UsageError("NII_KEEP_SCANS: expected a folder of kept scans, came none: records alone make no scan set")
    (out / "scans").mkdir(parents=True, exist_ok=True)
    latest = {kept.record["sha256"]: kept for kept in store.everything() if kept.finding in ("confirmed", "cleared")}
    entries = [_entry(kept, store.scans, out) for kept in latest.values() if kept.files]
    write_set(out, entries, description="scans with an officer's finding")
    return len(entries)


def _entry(kept: Kept, scans: Path, out: Path) -> ScanEntry:
    record, geometry = kept.record, kept.record["scan"]
    return ScanEntry(
        name=record["id"],
        path=_copied(kept, scans, out / "scans"),
        annotations=_annotations(record) if kept.finding == "confirmed" else (),
        cargo=record["cargo"][0]["kind"] if record["cargo"] else None,
        scanner=geometry["scanner"],
        pitch_mm=tuple(geometry["pitch_mm"]) if geometry["pitch_mm"] else None,
        energies=tuple(geometry["energies"]),
        size=(geometry["rows"], geometry["columns"]),
    )


def _copied(kept: Kept, scans: Path, folder: Path) -> Path:
    """The scan as it came; a pair becomes one TIFF, since a set has one file per scan."""
    sources = [scans / name for name in kept.files]
    if len(sources) == 1:
        target = folder / f"{kept.record['id']}{sources[0].suffix}"
        shutil.copyfile(sources[0], target)
        return target
    scan = decode_scan((sources[0].read_bytes(), sources[1].read_bytes()), kept.record["id"])
    if scan.kind is not Kind.TRANSMISSION:
        raise UsageError(f"{kept.record['id']}: expected a pair of transmissions, came {scan.kind}")
    target = folder / f"{kept.record['id']}.tif"
    write_tiff(target, scan.transmission, open_beam=OPEN_BEAM, pitch_mm=scan.pitch_mm, energies=scan.energies)
    return target


def _annotations(record: dict[str, Any]) -> tuple[Annotation, ...]:
    regions = record["regions"] or record["candidates"][:1]
    if not regions:
        return (Annotation(family=UNKNOWN_FAMILY),)
    return tuple(
        Annotation(family=region["family"], box=tuple(region["box"]), mass_kg=region["mass_kg"]) for region in regions
    )
