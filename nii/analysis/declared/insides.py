"""The insides of containers, trailers and boxes in view, found once for all that is asked of a load."""

from dataclasses import dataclass

import numpy as np

from nii.analysis.empty.inside import Room, find_rooms, on_grid
from nii.analysis.empty.load import unfit
from nii.scan import FloatArray, Scan


@dataclass(frozen=True, eq=False)
class Insides:
    """A: attenuation (energy, row, column) on the grid of `nii.analysis.empty.inside`, None where there is no inside.

    rooms: from left to right. why: why there are none.
    """

    A: FloatArray | None
    rooms: tuple[Room, ...]
    why: str = ""


def find_insides(scan: Scan, *, looked: bool = False) -> Insides:
    """Those of a scan of transmission at MV energies with a known pitch; of others none, and why.

    looked: it is known to show something (`nii.quality.blank`).
    """
    if (why := unfit(scan, looked=looked)) is not None or scan.pitch_mm is None:
        return Insides(None, (), why or "")
    A = on_grid(scan, scan.pitch_mm)
    rooms = tuple(find_rooms(np.asarray(A.mean(axis=0), np.float32)))
    return Insides(A, rooms, "" if rooms else "no container, trailer or box of 3.5 m or more in view")
