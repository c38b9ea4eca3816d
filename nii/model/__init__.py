"""What a model artefact is and does: contract, detector, pitch, judge, names of regions, kinds of load."""
