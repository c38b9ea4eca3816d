"""Training: data, network, losses, the loop, export. Needs the [train] extra."""
