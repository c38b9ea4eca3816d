"""A world that no training sees: other loads, conveyances, scanners and hiding places, to validate on and nothing else.

Weights that are chosen on scans of training's own kind travel worse than they seem to; half of what they are chosen on
comes from here. Its figures are never those of a model at home, and training refuses such a set.
"""
