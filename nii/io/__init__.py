"""Scan files and scan sets: opened here and nowhere else."""
