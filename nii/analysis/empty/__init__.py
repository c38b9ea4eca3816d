"""Is there any load? A physical test of the inside of a container, trailer or box, down to a few kg."""
