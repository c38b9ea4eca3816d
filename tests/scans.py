"""Scans and scan sets with known answers for the tiny model, which gives dense things a high score."""

from pathlib import Path

import cv2
import numpy as np

from nii import cli
from nii.io.scanset import Annotation, ScanEntry, write_set
from nii.io.write import write_tiff
from nii.scan import Scan

BOX = (60, 20, 16, 12)
LOAD, THING = 0.5, 3.5  # attenuation


def make_scan(load: float, thing: float | None, scanner: str = "portal-1") -> Scan:
    """A load of an even attenuation behind a strip of air; at BOX a thing that adds its own."""
    attenuation = np.full((2, 64, 120), load, np.float32)
    attenuation[:, :8] = 0  # air
    if thing is not None:
        x, y, w, h = BOX
        attenuation[:, y : y + h, x : x + w] += np.float32(thing)
    return Scan(transmission=np.exp(-attenuation), energies=("4MV", "6MV"), pitch_mm=(6.0, 6.0), scanner=scanner)


def make_set(folder: Path, benign: int, concealed: int, scanner: str = "portal-1") -> Path:
    """Benign scans that rank in the middle of the calibration of -2 to 0; concealed scans far above it."""
    entries = []
    for number in range(benign + concealed):
        hidden = number >= benign
        path, mask = folder / "scans" / f"{number:03}.tif", folder / "masks" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        scan = make_scan(LOAD + 0.02 * number, THING if hidden else None, scanner)
        write_tiff(
            path,
            scan.transmission,
            open_beam=60000,
            energies=scan.energies,
            pitch_mm=scan.pitch_mm,
            scanner=scan.scanner,
        )
        if hidden:
            mask.parent.mkdir(exist_ok=True)
            drawn = np.zeros((64, 120), np.uint8)
            drawn[BOX[1] : BOX[1] + BOX[3], BOX[0] : BOX[0] + BOX[2]] = 255
            cv2.imwrite(str(mask), drawn)
        notes = (Annotation(family="bricks", box=BOX, mass_kg=2.0 + number),) if hidden else ()
        entries.append(
            ScanEntry(
                name=path.stem,
                path=path,
                mask_path=mask if hidden else None,
                annotations=notes,
                cargo="sacks",
                scanner=scanner,
                pitch_mm=(6.0, 6.0),
                energies=("4MV", "6MV"),
            )
        )
    write_set(folder, entries)
    return folder


def evaluate(*arguments: object) -> int:
    """Exit code of the program."""
    return int(cli.app([str(a) for a in ("evaluate", "--threads", 1, *arguments)], standalone_mode=False) or 0)
