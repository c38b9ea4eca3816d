"""The beams of common scanners by the names that scans carry."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nii.physics.forward import Beam, linac_beam, stored_beams, tube_beam
from nii.physics.spectra import Filters


@dataclass(frozen=True)
class Layer:
    """One layer of a detector. thickness_mm: of the scintillator, as solid. filters: in front of it, g/cm2."""

    detector: str
    thickness_mm: float
    filters: Filters = ()


LOW_LAYERS = tuple(Layer("GOS", thickness) for thickness in (0.2, 0.3, 0.4))
HIGH_LAYERS = tuple(
    Layer("CsI", thickness, (("copper", copper),)) for thickness in (3.0, 4.0, 5.0) for copper in (0.36, 0.54, 0.72)
)
"""Sandwich detectors of belt scanners: a thin screen in front, 0.4 to 0.8 mm of copper and a thick crystal behind."""

LOW_LAYER = Layer("GOS", 0.3)
HIGH_LAYER = Layer("CsI", 4.0, (("copper", 0.54),))
"""The usual ones."""

LAYERS = {"low": LOW_LAYER, "high": HIGH_LAYER, None: Layer("GOS", 0.5)}


def standard_beams(energies: Sequence[str]) -> tuple[Beam, ...] | None:
    """One beam per energy name, behind the usual filter; None if one is not known.

    Names are such as ("4MV", "6MV"), ("160kV",) or, for a sandwich detector, ("160kV-low", "160kV-high").
    Only beams that are stored, so that no one waits for an optimiser while a scan is scored.
    """
    found = [_beam(name) for name in energies]
    return tuple(beam for beam in found if beam is not None) if all(found) else None


def _beam(name: str) -> Beam | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(MV|kV)(?:[- ](low|high))?", name, re.IGNORECASE)
    if match is None:
        return None
    value, unit, side = match[1], match[2].lower(), match[3]
    layer = LAYERS[side.lower() if side else None]
    scintillator = layer.detector if unit == "kv" else "CdWO4"
    if (unit == "mv" and side) or not any(
        key.lower().startswith(f"{value}{unit} {scintillator} ".lower()) for key in stored_beams()
    ):
        return None
    if unit == "mv":
        return linac_beam(float(value))
    return tube_beam(int(value), detector=layer.detector, thickness_mm=layer.thickness_mm, filters=layer.filters)
