"""The beams of common scanners by the names that scans carry."""

import re
from collections.abc import Sequence

from nii.physics.forward import Beam, linac_beam, stored_beams, tube_beam


def standard_beams(energies: Sequence[str]) -> tuple[Beam, ...] | None:
    """One beam per energy name, such as ("4MV", "6MV"), behind the usual filter; None if one is not known.

    Only beams that are stored, so that no one waits for an optimiser while a scan is scored.
    """
    found = [_beam(name) for name in energies]
    return tuple(beam for beam in found if beam is not None) if all(found) else None


def _beam(name: str) -> Beam | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(MV|kV)", name, re.IGNORECASE)
    if match is None or not any(key.lower().startswith(f"{match[1]}{match[2]} ".lower()) for key in stored_beams()):
        return None
    value = float(match[1])
    return linac_beam(value) if match[2].lower() == "mv" else tube_beam(int(value))
