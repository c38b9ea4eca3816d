"""Makes nii/physics/tables/beams.json: `python datasets/physics/make_beams.py` (two minutes, needs scipy)."""

import json
from itertools import chain, product
from pathlib import Path

from nii.physics import forward
from nii.physics.beams import HIGH_LAYERS, LOW_LAYERS
from nii.physics.spectra import COPPER_3MM
from nii.simulate.held_out.scanners import COPPERS as HELD_OUT_COPPERS
from nii.simulate.held_out.scanners import DETECTORS_MM

TABLE = Path(__file__).parents[2] / "nii" / "physics" / "tables" / "beams.json"
COPPERS = (0.9, 1.8, 2.688, 2.7, 4.5)  # g/cm2, those of nii.simulate.scanner.presets and 3 mm
THICKNESSES = (20.0, 30.0)  # mm of CdWO4

forward.stored_beams = dict  # nothing is stored while the table is made
rows = {}
usual = product((4.0, 6.0, 9.0), THICKNESSES, COPPERS)
held_out = product((4.0, 6.0), DETECTORS_MM, HELD_OUT_COPPERS)
for endpoint, thickness, copper in chain(usual, held_out):
    filters = COPPER_3MM if copper == 2.688 else (("copper", copper),)
    beam = forward.linac_beam(endpoint, thickness_mm=thickness, filters=filters)
    rows[forward.beam_key(beam.name, "CdWO4", thickness, filters)] = beam
for kv in (160, 225, 300):
    beam = forward.tube_beam(kv)
    rows[forward.beam_key(beam.name, "GOS", 0.5, ())] = beam
for layer in (*LOW_LAYERS, *HIGH_LAYERS):
    beam = forward.tube_beam(160, detector=layer.detector, thickness_mm=layer.thickness_mm, filters=layer.filters)
    rows[forward.beam_key(beam.name, layer.detector, layer.thickness_mm, layer.filters)] = beam
made = {
    key: {name: getattr(beam, name).tolist() for name in ("energy_kev", "weights", "quantum")}
    for key, beam in rows.items()
}
# What is stored stays: another version of scipy gives other last bits, and so other bytes of every simulated scan.
table = made | (json.loads(TABLE.read_text()) if TABLE.is_file() else {})
TABLE.write_text(json.dumps(table, indent=1) + "\n")
