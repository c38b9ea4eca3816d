"""The picture of a comparison: the later scan with what changed, and below it the aligned difference."""

import cv2
import numpy as np

from nii.analysis.fields import ChangeAnswer
from nii.compare.changes import Changes
from nii.scan import Scan
from nii.show.overlay import ALARM, CANDIDATE, CLEAR, Picture, base_picture, mark, with_strip

STRONGEST = 0.3  # difference of attenuation shown in full colour
MORE, LESS = (40, 40, 230), (230, 120, 30)  # blue, green, red
HIDDEN = (215, 215, 215)  # where nothing can be compared
COLOURS = {ChangeAnswer.CHANGED: ALARM, ChangeAnswer.UNDETERMINED: CANDIDATE, ChangeAnswer.UNCHANGED: CLEAR}


def picture(after: Scan, found: Changes) -> Picture:
    """(row, column, 3): the later scan, a box and a label per region, and the difference where there is one.

    Red: more than before; blue: less; grey: not compared.
    """
    shown = base_picture(after)
    for region in found.regions[::-1]:
        mark(shown, region.box, region.words(), MORE if region.added else LESS)
    below = [] if found.difference is None else [_difference(found, after.shape)]
    return with_strip(np.concatenate([shown, *below]), found.line(), COLOURS[found.answer])


def _difference(found: Changes, shape: tuple[int, int]) -> Picture:
    apart = np.zeros((1, 1), np.float32) if found.difference is None else found.difference
    strength = np.clip(np.nan_to_num(apart) / STRONGEST, -1, 1)[..., None]
    colour = np.where(strength > 0, np.array(MORE), np.array(LESS))
    painted = 255 * (1 - np.abs(strength)) + colour * np.abs(strength)
    painted[np.isnan(apart)] = HIDDEN
    return np.asarray(cv2.resize(painted.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST))
