"""What makes the standards that ship, and what measures the figures that the documentation claims."""
