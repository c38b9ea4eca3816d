"""Conformal operating points, rates with their intervals."""
