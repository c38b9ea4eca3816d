"""A picture of the library of known concealments: `python datasets/library_sheet.py datasets/pictures/library.png`."""

import sys
from pathlib import Path

import cv2
import numpy as np

from nii.analysis.known.library import PICTURE, Library, library
from nii.show.overlay import Picture, png

EACH = 7  # entries of a family
LABEL = 16  # rows of text under the entries of a family
ACROSS = 2  # families side by side


def strip(known: Library, family: str) -> Picture:
    """The first entries of a family above its name."""
    pictures = [known.pictures[i] for i, name in enumerate(known.families) if name == family][:EACH]
    pictures += [np.full((PICTURE, PICTURE), 255, np.uint8)] * (EACH - len(pictures))
    row = np.hstack([np.pad(picture, 3, constant_values=255) for picture in pictures])
    text = np.full((LABEL, row.shape[1]), 255, np.uint8)
    cv2.putText(text, family.replace("_", " "), (4, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
    return np.vstack([row, text])


def sheet(known: Library) -> Picture:
    """All families in alphabetical order, row by row."""
    strips = [strip(known, family) for family in sorted(set(known.families))]
    strips += [np.full_like(strips[0], 255)] * (-len(strips) % ACROSS)
    return np.vstack([np.hstack(strips[i : i + ACROSS]) for i in range(0, len(strips), ACROSS)])


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(png(sheet(library())))
