"""Scanners, and the operator images that they show."""
