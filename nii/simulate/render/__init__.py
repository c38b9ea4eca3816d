"""Solids, rays and scenes: exact path lengths through whatever is simulated."""
