"""What a scan lets one see, and whether that is enough to call it clear."""
