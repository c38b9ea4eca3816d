"""Makes the library of known concealments that ships, from a simulated set: `nii study library SET`.

Each entry is the exact excess layer of a simulated concealment, which does not depend on any network.
"""

import argparse
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.known.library import FILE, PICTURE, Library
from nii.errors import ScanSetError
from nii.io.scanset import ScanEntry, read_set
from nii.io.write import write_atomically
from nii.model.naming import NO_FAMILY
from nii.model.region_features import RegionFeatures, measure_region, small_picture
from nii.scan import FloatArray
from nii.simulate.sets.truth import Hidden, read_truth

EACH = 20  # entries of a family
CLEAR = 5.0  # detectability index below which a concealment is no example of anything
DENSEST = 0.05  # attenuation that an example has somewhere; those that displaced as much as they add have none


def write_library(path: Path, made: Library) -> None:
    """Write the file, whole or not at all; the same library gives the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        ids=np.array(made.ids),
        families=np.array(made.families),
        masses_kg=np.array(made.masses_kg),
        materials=np.array(made.materials),
        figures=made.figures,
        patches=made.patches.astype(np.float16),
        pictures=made.pictures,
    )
    write_atomically(path, buffer.getvalue())


def make_library(folder: Path, each: int = EACH) -> Library:
    """The first clear concealments of each family in a simulated set; those of no family are none to know."""
    count: Counter[str] = Counter()
    rows = []
    for entry, hidden, material in concealments(folder):
        clear = hidden.dprime >= CLEAR and hidden.excess[-1][hidden.mask].max() >= DENSEST
        if hidden.family == NO_FAMILY or not clear or count[hidden.family] == each:
            continue
        count[hidden.family] += 1
        rows.append((f"{hidden.family}-{count[hidden.family]:02d}", entry, hidden, material))
    if not rows:
        raise ScanSetError(f"{folder}: expected clear concealments, came none")
    rows.sort(key=lambda row: row[0])
    looks = [_look(entry, hidden) for _, entry, hidden, _ in rows]
    return Library(
        ids=tuple(row[0] for row in rows),
        families=tuple(row[2].family for row in rows),
        masses_kg=tuple(float(f"{row[2].mass_kg:.3g}") for row in rows),
        materials=tuple(row[3] for row in rows),
        figures=np.stack([look.figures for look in looks]),
        patches=np.stack([look.patch for look in looks]),
        pictures=np.stack([picture(hidden, _pitch(entry)) for _, entry, hidden, _ in rows]),
    )


def concealments(folder: Path) -> Iterator[tuple[ScanEntry, Hidden, str]]:
    """Every concealment of a simulated set with its exact layer and material. Raises ScanSetError for other sets."""
    for entry in read_set(folder).entries:
        hidden = read_truth(folder / "truth" / f"{entry.name}.npz").hidden
        for concealment, note in zip(hidden, entry.annotations, strict=True):
            yield entry, concealment, note.material or "undetermined"


def _look(entry: ScanEntry, hidden: Hidden) -> RegionFeatures:
    if entry.size is None:
        raise ScanSetError(f"{entry.name}: expected rows and columns in the annotations, came none")
    return measure_region(*_cut(hidden), entry.size, _pitch(entry))


def _cut(hidden: Hidden) -> tuple[FloatArray, npt.NDArray[np.bool_], tuple[int, int]]:
    """Excess, mask and corner of the smallest box around the mask; goods that were displaced reach beyond."""
    x, y, w, h = cv2.boundingRect(hidden.mask.astype(np.uint8))
    part = slice(y, y + h), slice(x, x + w)
    return hidden.excess[:, *part], hidden.mask[part], (hidden.row + y, hidden.column + x)


def _pitch(entry: ScanEntry) -> tuple[float, float]:
    if entry.pitch_mm is None:
        raise ScanSetError(f"{entry.name}: expected a pitch in the annotations, came none")
    return entry.pitch_mm


def picture(hidden: Hidden, pitch_mm: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """The layer true to its proportions, uint8 (PICTURE, PICTURE): nothing is white, the densest black."""
    excess, mask, _ = _cut(hidden)
    layer = small_picture(np.maximum(excess[-1], 0) * mask, pitch_mm, PICTURE)
    share = np.minimum(layer / max(float(np.quantile(layer[layer > 0], 0.98)), 1e-9), 1)
    return np.asarray(np.rint(255 * (1 - np.sqrt(share))), np.uint8)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the file that ships."""
    parser = argparse.ArgumentParser(
        prog="nii study library", description="Make the library of known concealments from a simulated set."
    )
    parser.add_argument("set", type=Path)
    parser.add_argument("--each", type=int, default=EACH, help="entries of a family")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "analysis" / "known" / FILE)
    asked = parser.parse_args(arguments)
    made = make_library(asked.set, asked.each)
    write_library(asked.out, made)
    print(f"{len(made.ids)} concealments of {len(set(made.families))} families, {asked.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
