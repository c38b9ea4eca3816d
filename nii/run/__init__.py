"""Many scans: batches, resumable tables, drift of scanners, speed, the page over a folder of pictures."""
