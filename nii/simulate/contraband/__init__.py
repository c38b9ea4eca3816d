"""Concealments: what they are, and where a smuggler would put them."""
