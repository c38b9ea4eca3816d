"""The scoring service. Needs the [serve] extra."""
