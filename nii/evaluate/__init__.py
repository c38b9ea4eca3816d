"""Measured detection on a scan set: figures, tables, report."""
