"""Threat image projection (TIP): simulated concealments put into scans that somebody took."""
