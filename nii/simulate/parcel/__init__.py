"""Parcels, what is in them, and what is concealed in that."""
