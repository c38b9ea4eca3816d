"""A picture of what a model misses: `python datasets/missed_sheet.py SET REPORT OUT.jpg [SHOWN]`.

REPORT is what `nii evaluate SET --out REPORT` wrote. Concealed scans without an alarm there, evenly from the lowest
score to the highest (none chosen by hand); each around its largest concealment, plain and outlined in red. Above it:
family, mass, attenuation of what is around, and the scan's p-value.
"""

import sys
from pathlib import Path

import cv2
import duckdb
import numpy as np

from nii.evaluate.metrics.background_attenuation import surroundings
from nii.io.read import read_scan
from nii.io.scanset import ScanEntry, read_mask, read_set
from nii.show.overlay import Picture

SHOWN, ACROSS = 12, 3
TILE = (190, 300)  # rows and columns of a view
LABEL = 18  # rows of text
RED, QUALITY = (40, 40, 230), 80
CONTEXT = 5.0  # times the concealment's size that is shown


def tile(entry: ScanEntry, p_value: float) -> Picture:
    """One concealment: what the scan shows, and the same outlined."""
    scan, mask = read_scan(entry.path), read_mask(entry)
    one = max(entry.annotations, key=lambda note: note.mass_kg or 0)
    x, y, w, h = one.box or cv2.boundingRect(mask.astype(np.uint8))
    scale = max(CONTEXT * w / TILE[1], CONTEXT * h / TILE[0], 0.4)  # pixels of the scan in one of the picture
    height, width = (min(int(side * scale), most) for side, most in zip(TILE, scan.shape, strict=True))
    top = int(np.clip(y + h / 2 - height / 2, 0, scan.shape[0] - height))
    left = int(np.clip(x + w / 2 - width / 2, 0, scan.shape[1] - width))
    part = (slice(top, top + height), slice(left, left + width))
    view = cv2.resize(np.sqrt(np.clip(scan.transmission[-1][part], 0, 1)), TILE[::-1], interpolation=cv2.INTER_AREA)
    plain = np.repeat((view * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    outlined, shown = plain.copy(), cv2.resize(mask[part].astype(np.uint8), TILE[::-1], interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(shown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(outlined, lines, -1, RED, 1, cv2.LINE_AA)
    around, kg = surroundings(scan, one.box, mask) or 0.0, one.mass_kg or float("nan")
    said = f"{one.family.replace('_', ' ')}  {kg:.3g} kg  in A = {around:.1f}  p {p_value:.2f}"
    text = np.full((LABEL, 2 * TILE[1], 3), 255, np.uint8)
    cv2.putText(text, said, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return np.pad(np.vstack([text, np.hstack([plain, outlined])]), ((0, 4), (0, 6), (0, 0)), constant_values=255)


def main(scans: str, report: str, out: str, shown: int = SHOWN) -> None:
    """The sheet, row by row."""
    asked = "select name, p_value from read_parquet(?) where concealed and not alarm order by score"
    missed = duckdb.execute(asked, [str(Path(report) / "scores.parquet")]).fetchall()
    if not missed:
        raise SystemExit(f"{report}: expected missed concealments, came none")
    entries = {entry.name: entry for entry in read_set(Path(scans)).entries}
    chosen = [missed[i] for i in np.linspace(0, len(missed) - 1, min(shown, len(missed))).round().astype(int)]
    tiles = [tile(entries[name], p_value) for name, p_value in chosen]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % ACROSS)
    sheet = np.vstack([np.hstack(tiles[i : i + ACROSS]) for i in range(0, len(tiles), ACROSS)])
    cv2.imwrite(out, sheet, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:5]))
