"""Model artefacts that ship with the project."""
