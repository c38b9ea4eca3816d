"""The figures of a scan set: rates, curves, regions, pixels, masses, names."""
