"""Whether a scan is seen through well enough to be called clear."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import pairwise

import cv2
import numpy as np

from nii.analysis.fields import SeenRecord, SeenSectionRecord
from nii.analysis.seen.shields import Shield, find_shields
from nii.analysis.seen.view import Mask, View, view
from nii.errors import UsageError
from nii.io.energies import MEGA, kilovolts
from nii.scan import Kind, Scan

SECTION_MM = 1000.0
SECTIONS = 12  # of a scan that doesn't say its pitch
FEWEST = 4  # opaque cells that make a place
MOST = 20  # places that are told, the largest first


@dataclass(frozen=True, eq=False)
class Seen:
    """What could be seen of a scan.

    limit: share of the load that may be opaque before there is no "clear". shields: none of them is clear, whatever
    the share. nothing: why the scan shows nothing at all, None where it shows something.
    """

    view: View
    limit: float
    shields: tuple[Shield, ...]
    nothing: str | None = None

    @cached_property
    def unseen(self) -> float | None:
        """Share of the load that is opaque, [0, 1]; None where nothing is in view."""
        return _share(self.view.unseen, self.view.load)

    @property
    def enough(self) -> bool:
        """Whether it is seen through well enough to be called clear."""
        return not self.shields and (self.unseen is None or self.unseen <= self.limit)

    @property
    def why(self) -> str:
        """Why it isn't, or what can't be told, in words for its reader; "" where there is nothing to say."""
        if self.nothing is not None:
            return f"the scan shows nothing: {self.nothing}"
        said = []
        if self.unseen is not None and self.unseen > self.limit:
            said.append(f"{self.unseen:.0%} of the load are not seen through, at most {self.limit:.0%} may be")
        if self.shields:
            said.append(f"{len(self.shields)} opaque with sharp edges: a shield?")
        return "; ".join([*said, *filter(None, [self.view.told])])

    def boxes(self) -> list[tuple[int, int, int, int]]:
        """Places that aren't seen through, (x, y, w, h) in pixels of the scan, the largest first, at most MOST."""
        _, _, stats, _ = cv2.connectedComponentsWithStats(self.view.unseen.view(np.uint8), connectivity=8)
        places = [row for row in stats[1:].tolist() if row[cv2.CC_STAT_AREA] >= FEWEST]
        places.sort(key=lambda row: -row[cv2.CC_STAT_AREA])
        return [self.view.pixels(y, x, h, w) for x, y, w, h, _ in places[:MOST]]

    def sections(self) -> Iterator[tuple[int, int, float | None, float | None]]:
        """About a metre of the travel each: columns of the scan from start to end, and shares as a record has them."""
        columns, cells = self.view.shape[1], self.view.load.shape[1]
        pitch = self.view.pitch_mm
        count = SECTIONS if pitch is None else max(round(columns * pitch[1] / SECTION_MM), 1)
        ends = [round(i * cells / min(count, cells)) for i in range(min(count, cells) + 1)]
        for start, end in pairwise(ends):
            part = np.s_[:, start:end]
            x, _, w, _ = self.view.pixels(0, start, 1, end - start)
            yield x, x + w, self._share(self.view.powder, part), self._share(self.view.steel, part)

    def _share(self, visible: Mask | None, part: tuple[slice, slice] = np.s_[:, :]) -> float | None:
        load = self.view.load[part]
        return None if visible is None else _share(visible[part] & load, load)

    def to_record(self) -> SeenRecord:
        """What a record holds of it; shares of the load's area, None where there is none or they can't be told."""
        return SeenRecord(
            powder=_rounded(self._share(self.view.powder)),
            steel=_rounded(self._share(self.view.steel)),
            unseen=_rounded(self.unseen),
            limit=round(self.limit, 4),
            sections=tuple(
                SeenSectionRecord(start=start, end=end, powder=_rounded(powder), steel=_rounded(steel))
                for start, end, powder, steel in self.sections()
            ),
            boxes=tuple(self.boxes()),
            shields=tuple(one.to_record() for one in self.shields),
            why=self.why,
        )


def see(
    scan: Scan,
    kinds: Mapping[str, float],
    *,
    limit: float | None = None,
    pitch_mm: tuple[float, float] | None = None,
    nothing: str | None = None,
) -> Seen:
    """What could be seen of a scan.

    kinds: of load that it seems to be, with their probabilities. limit: as `Seen` has it; None: what is usual for these
    kinds. pitch_mm: taken where the scan doesn't say its own. nothing: why the scan shows nothing, if that is known.
    Raises UsageError for a limit out of [0, 1].
    """
    check_limit(limit)
    found, parcel = view(scan, pitch_mm), is_parcel(scan)
    sought = parcel or known(kinds)  # not in vehicles: an engine among a car's thin sheets looks like a shield
    shields = find_shields(found) if sought else ()
    return Seen(found, usual_limit(kinds, parcel=parcel) if limit is None else limit, shields, nothing)


def check_limit(limit: float | None) -> None:
    """Raise UsageError unless a limit is None or a share."""
    if limit is not None and not 0 <= limit <= 1:
        raise UsageError(f"share that may be opaque: expected 0 to 1, came {limit:g}")


def is_parcel(scan: Scan) -> bool:
    """Whether a scan is of what tubes shine through: a parcel or a bag, also as an operator image."""
    return scan.kind is Kind.OPERATOR_IMAGE or 0 < max(kilovolts(scan.energies), default=0.0) < MEGA


def known(kinds: Mapping[str, float]) -> bool:
    """Whether these are kinds of cargo, each with a limit of its own; those of a model for vehicles are not."""
    return bool(kinds) and kinds.keys() <= standard().cargo.keys()


def usual_limit(kinds: Mapping[str, float], *, parcel: bool = False) -> float:
    """The share that may be opaque in loads of these kinds, weighed by their probabilities.

    Where they are no kinds of cargo: that of parcels, or of vehicles.
    """
    if not known(kinds):
        return standard().parcel if parcel else standard().vehicle
    return sum(p * standard().cargo[kind] for kind, p in kinds.items()) / sum(kinds.values())


@dataclass(frozen=True)
class SeenStandard:
    """What may be opaque of ordinary scans: shares, by kind of cargo, of vehicles and of parcels."""

    cargo: Mapping[str, float]
    vehicle: float
    parcel: float


@cache
def standard() -> SeenStandard:
    """The one that ships; `nii study unseen_standard` makes it."""
    record = json.loads((files("nii.analysis.seen") / "standard.json").read_text())
    return SeenStandard(record["cargo"], record["vehicle"], record["parcel"])


def _share(part: Mask, of: Mask) -> float | None:
    whole = int(np.count_nonzero(of))
    return int(np.count_nonzero(part)) / whole if whole else None


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
