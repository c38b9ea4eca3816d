"""How good a scan is, and whether it shows anything at all."""
