"""The beams of common scanners by the names that scans carry, ready for use.

Made once by `datasets/physics/make_beams.py` from `forward.linac_beam` and `forward.tube_beam`, and stored
in tables/beams.json: reading them takes a millisecond, condensing them a second and an optimiser.
"""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from nii.physics.forward import Beam


def standard_beams(energies: Sequence[str]) -> tuple[Beam, ...] | None:
    """One beam per energy name, such as ("4MV", "6MV") behind 3 mm of copper; None if one is not known."""
    known = _beams()
    found = [known.get(name.replace(" ", "")) for name in energies]
    return tuple(beam for beam in found if beam is not None) if all(found) else None


@cache
def _beams() -> dict[str, Beam]:
    table = json.loads((files("nii.physics") / "tables" / "beams.json").read_text())
    return {
        name: Beam(name, np.array(row["energy_kev"]), np.array(row["weights"]), np.array(row["quantum"]))
        for name, row in table.items()
    }
