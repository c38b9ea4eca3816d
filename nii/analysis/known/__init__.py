"""What a region is: its family with a calibrated probability, or unknown, and the known concealments most like it."""
