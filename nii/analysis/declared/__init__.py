"""Is the load what was declared? The declaration read offline, and the kinds of load that the scan fits."""
