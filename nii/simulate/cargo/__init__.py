"""Cargo scenes and their loads."""
