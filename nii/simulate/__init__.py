"""Simulated scenes, scanners and scan sets."""
