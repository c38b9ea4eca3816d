"""Containers, trailers, trucks and wagons, and what they are built of."""
