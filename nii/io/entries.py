"""What a scan set is made of: scans that aren't read yet, and what is known to be concealed in them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nii.io.picture import Metadata, Pitch
from nii.names import printable

BENIGN = frozenset(
    (
        *("good", "normal", "ok", "okay", "benign", "clean", "clear", "negative", "negatives", "background", "none"),
        *("nothing", "no_defect", "defect_free", "no_anomaly", "anomaly_free", "no_threat", "no_concealment"),
    )
)
"""Names of folders and categories that mean: nothing is concealed; however they are written."""
CONCEALED = frozenset(
    (
        *("concealed", "threat", "threats", "anomaly", "anomalies", "anomalous", "abnormal", "defect", "defects"),
        *("defective", "bad", "ng", "positive", "positives", "ground_truth", "groundtruth", "gt", "mask", "masks"),
    )
)
"""Names of folders that hold anything but benign scans."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One concealment. box: (x, y, w, h) in pixels, None where only a mask tells (MVTec layout).

    area: pixels of the concealment. dprime: detectability for an observer who knows the background.
    material: its class, such as "organic" or "heavy metal"; None where the set doesn't say. alike: it is as the goods
    whose place it takes, so that nobody could tell it by its look: powder in a product that is powder.
    """

    family: str
    box: Box | None = None
    mass_kg: float | None = None
    dprime: float | None = None
    area: int | None = None
    material: str | None = None
    alike: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanEntry:
    """One scan of a set, not yet read. A scan without annotations is benign.

    name: file name without folders and suffix, or its path where several have one name. open_beam: counts, one per
    energy or one for all. load_kg: mass of the cargo. size: (rows, columns) if the annotations tell. split: "train" or
    "test" in the MVTec layout. mask_path: a file, or a folder of masks that belong together.
    """

    name: str
    path: Path
    mask_path: Path | None = None
    annotations: tuple[Annotation, ...] = ()
    cargo: str | None = None
    load_kg: float | None = None
    scanner: str | None = None
    pitch_mm: Pitch | None = None
    energies: tuple[str, ...] = ()
    open_beam: tuple[float, ...] = ()
    size: tuple[int, int] | None = None
    split: str = ""

    @property
    def concealed(self) -> bool:
        """True if something in this scan should not be there."""
        return bool(self.annotations)

    @property
    def metadata(self) -> Metadata:
        """What the set says about the scan's acquisition."""
        return Metadata(
            open_beam=self.open_beam,
            pitch_mm=self.pitch_mm,
            energies=self.energies,
            scanner=self.scanner,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSet:
    """The entries of a set in the order of its annotations, and its family names, sorted."""

    path: Path
    entries: tuple[ScanEntry, ...]
    families: tuple[str, ...]

    @property
    def benign(self) -> tuple[ScanEntry, ...]:
        """Entries without a concealment."""
        return tuple(entry for entry in self.entries if not entry.concealed)

    @property
    def concealed(self) -> tuple[ScanEntry, ...]:
        """Entries with at least one concealment."""
        return tuple(entry for entry in self.entries if entry.concealed)


def means_benign(name: str) -> bool:
    """Whether a folder or category of this name means that nothing is concealed. Example: "Good", "no-defect"."""
    return _plain(name) in BENIGN


def means_concealed(name: str) -> bool:
    """Whether a folder of this name holds concealed scans, or masks of them. Example: "Ground Truth"."""
    return _plain(name) in CONCEALED


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def distinct(entries: Sequence[ScanEntry], folder: Path) -> tuple[ScanEntry, ...]:
    """The entries with a name each: the file's own or, where several have it, its path in the set."""
    for keep_suffix in (False, True):
        counts = Counter(entry.name for entry in entries)
        entries = [
            entry if counts[entry.name] == 1 else _renamed(entry, folder, keep_suffix=keep_suffix) for entry in entries
        ]
    return tuple(entries)


def _renamed(entry: ScanEntry, folder: Path, *, keep_suffix: bool) -> ScanEntry:
    inner = entry.path.relative_to(folder)
    return replace(entry, name=printable((inner if keep_suffix else inner.with_suffix("")).as_posix()))
