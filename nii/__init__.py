"""Reads X-ray scans of cargo, vehicles and parcels and says where something is concealed.

The parts, in the order in which data flows: `nii.io` (files to scans), `nii.detector` (scans to layers),
`nii.regions`, `nii.operating_point` (scores to decisions), `nii.report` (the record), `nii.overlay`
(pictures), `nii.evaluate`. `nii.simulate` makes scans with a known truth, `nii.physics` is behind both.
"""

__version__ = "0.1.0"
