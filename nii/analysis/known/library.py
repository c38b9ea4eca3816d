"""The library of known concealments, with which regions are compared; `nii study library SET` makes it.

One packaged .npz file (no pickle). Each entry is the exact excess layer of a simulated concealment: its picture,
its look, its mass and material. What a region is compared with does not depend on the network.
"""

import io
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import cv2
import numpy as np
import numpy.typing as npt

from nii.errors import ScanSetError
from nii.model.naming import LEAST_SHARE
from nii.model.region_features import RegionFeatures
from nii.scan import FloatArray

FILE = "library.npz"
PICTURE = 64  # rows and columns of a picture

# what counts how much
FIGURE_WEIGHT = 0.1
PATCH_WEIGHT = 1.0
FAMILY_WEIGHT = 1.0


@dataclass(frozen=True)
class Similar:
    """One known concealment and how far from it a region is; no unit, 0 is the same."""

    id: str
    family: str
    mass_kg: float
    material: str
    distance: float


@dataclass(frozen=True, eq=False)
class Library:
    """Known concealments. figures: float32 (entry, len(FIGURES)). patches: float32 (entry, PATCH, PATCH).

    pictures: uint8 (entry, PICTURE, PICTURE), dense is dark.
    """

    ids: tuple[str, ...]
    families: tuple[str, ...]
    masses_kg: tuple[float, ...]
    materials: tuple[str, ...]
    figures: FloatArray
    patches: FloatArray
    pictures: npt.NDArray[np.uint8]

    def similar(self, look: RegionFeatures, probabilities: dict[str, float], count: int = 3) -> list[Similar]:
        """The entries most like a region, nearest first. probabilities: of the region, by family."""
        distance = self.distances(look, probabilities)
        return [
            Similar(self.ids[i], self.families[i], self.masses_kg[i], self.materials[i], round(float(distance[i]), 3))
            for i in np.argsort(distance, kind="stable")[:count]
        ]

    def distances(self, look: RegionFeatures, probabilities: dict[str, float]) -> FloatArray:
        """(entry,): figures in standard deviations of the library, patches, and how unlikely the entry's family is."""
        figures = (((self.figures - look.figures) / self.figures.std(axis=0)) ** 2).mean(axis=1)
        patches = ((self.patches - look.patch) ** 2).sum(axis=(1, 2))
        shares = np.array([max(probabilities.get(family, 0.0), LEAST_SHARE) for family in self.families])
        total = FIGURE_WEIGHT * figures + PATCH_WEIGHT * patches - FAMILY_WEIGHT * np.log(shares)
        return np.asarray(np.sqrt(total), np.float32)

    def png(self, name: str) -> bytes | None:
        """The picture of an entry as a PNG file; None for an id that isn't there."""
        if name not in self.ids:
            return None
        return bytes(cv2.imencode(".png", self.pictures[self.ids.index(name)])[1])


@cache
def library() -> Library:
    """The one that ships."""
    return read_library(files("nii.analysis.known").joinpath(FILE).read_bytes(), FILE)


def read_library(data: bytes, name: str) -> Library:
    """Read what write_library wrote. Raises ScanSetError for anything else."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return Library(
                ids=tuple(map(str, file["ids"])),
                families=tuple(map(str, file["families"])),
                masses_kg=tuple(map(float, file["masses_kg"])),
                materials=tuple(map(str, file["materials"])),
                figures=file["figures"],
                patches=file["patches"].astype(np.float32),
                pictures=file["pictures"],
            )
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ScanSetError(f"{name}: expected a library of concealments, came {error}") from error
