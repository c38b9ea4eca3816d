"""Makes nii/physics/tables/beams.json: `python datasets/physics/make_beams.py`."""

import json
from pathlib import Path

from nii.physics.forward import linac_beam, tube_beam

TABLE = Path(__file__).parents[2] / "nii" / "physics" / "tables" / "beams.json"

beams = [linac_beam(mv) for mv in (4.0, 6.0, 9.0)] + [tube_beam(kv) for kv in (160, 225, 300)]
rows = {
    beam.name: {
        "energy_kev": beam.energy_kev.round(4).tolist(),
        "weights": beam.weights.tolist(),
        "quantum": beam.quantum.tolist(),
    }
    for beam in beams
}
TABLE.write_text(json.dumps(rows, indent=1) + "\n")
