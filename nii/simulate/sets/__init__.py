"""One simulated scan with its truth, and whole sets of them on disk."""
