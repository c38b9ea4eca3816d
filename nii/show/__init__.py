"""Pictures and reports of one scan: overlay, DICOS threat detection report, what a file says of itself."""
