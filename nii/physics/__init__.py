"""X-ray physics: plain functions on arrays, no files."""
