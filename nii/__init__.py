"""Reads X-ray scans of cargo, vehicles and parcels and says where something is concealed.

The parts, in the order in which data flows: `nii.io` (files to scans), `nii.model` (scans to layers),
`nii.analysis` (regions, load, names, the record), `nii.stats` (scores to decisions), `nii.show` (pictures), `nii.run`
(many scans), `nii.evaluate`, `nii.fit`. `nii.simulate` makes scans with a known truth, `nii.physics` is behind all.
"""

__version__ = "0.1.0"
