"""Tell pseudo-colour operator images from grey scans and other colours, and take burned-in labels out of scans."""

from enum import StrEnum
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

COLOURED = 24  # spread max(r, g, b) - min(r, g, b) above which a pixel is coloured; JPEG noise is below 12
NEUTRAL = 12  # spread below which a pixel is grey
MID_TONES = (32, 0.88)  # a level, and a share of the background's: operator images are grey only near either
GREY_MID_TONES = 0.4  # share of neutral mid-tones above which a picture is a grey scan
FEW_HUES = 0.8  # share of coloured pixels that labels put into their 3 most frequent hues
FLAT_COLOURS = 0.6  # or into their 12 most frequent colours
PALETTE = (15, 265)  # hue in degrees: orange, green and blue of dual-energy palettes and what lies between
OUTSIDE_PALETTE = 0.015  # share of coloured pixels with other hues; of 103 real operator images at most 0.0012
LEAST_AIR = 0.02  # share of bright grey, which air has on operators' screens; of the real ones at least 0.078
SAMPLE = 60_000  # pixels that are enough to know a palette
ONE_HUE = 15  # degrees between the 5th and the 95th percentile; of the real ones at least 20


class ColourUse(StrEnum):
    """How a red, green, blue picture uses colour."""

    GREY = "grey"
    LABELLED = "labelled"  # a grey scan with labels or boxes drawn in colour
    PSEUDO = "pseudo-colour"  # an operator image


def colour_use(rgb: Bytes) -> ColourUse:
    """Classify a (row, column, 3) picture by its pixels alone.

    In an operator image colour means material, so that mid-tones (32 to 88 % of the background) are
    coloured: of 103 real ones at most 8 % of them are neutral. A grey scan has neutral mid-tones (81 % in
    a real one with green boxes over 14 % of it), and what was drawn on it has few hues or flat colours.
    """
    darkest, brightest = _extremes(rgb)
    spread = brightest - darkest
    coloured = spread > COLOURED
    if not coloured.any():
        return ColourUse.GREY
    mid = (brightest >= MID_TONES[0]) & (darkest <= MID_TONES[1] * _background(brightest, spread))
    if np.count_nonzero(mid & (spread <= NEUTRAL)) < GREY_MID_TONES * np.count_nonzero(mid):
        return ColourUse.PSEUDO
    return ColourUse.LABELLED if _is_drawn(rgb[coloured]) else ColourUse.PSEUDO


def palette_doubts(rgb: Bytes) -> tuple[str, ...]:
    """Notes on a coloured picture (row, column, 3) whose colours no dual-energy palette has.

    Such are heat maps of grey scans (jet, hot, viridis), tinted ones, photographs and screenshots: scored as an
    operator image they would mean nothing.
    """
    step = int((rgb.size // 3 // SAMPLE) ** 0.5) + 1
    rgb = np.ascontiguousarray(rgb[::step, ::step])
    darkest, brightest = _extremes(rgb)
    spread = brightest - darkest
    if not (spread > COLOURED).any():
        return ()
    hues = cv2.cvtColor(rgb[spread > COLOURED][:, None, :], cv2.COLOR_RGB2HSV)[:, 0, 0] * 2.0  # OpenCV halves degrees
    outside = float(np.mean((hues < PALETTE[0]) | (hues > PALETTE[1])))
    air = float(np.mean((spread <= NEUTRAL) & (darkest >= 128)))
    lowest, highest = np.percentile(hues, [5, 95])
    found = {
        f"{100 * outside:.0f} % of the colours are reds and violets": outside > OUTSIDE_PALETTE,
        "no air in bright grey": air < LEAST_AIR,
        "one hue alone, as of a tinted grey scan": highest - lowest < ONE_HUE,
    }
    why = ", ".join(text for text, so in found.items() if so)
    if not why:
        return ()
    return (f"colours unlike those of a dual-energy operator image ({why}): the score may mean nothing",)


def _background(brightest: Bytes, spread: Bytes) -> int:
    """The most frequent level of bright grey; some viewers show air in grey. White if there is none."""
    levels = np.bincount(brightest[spread <= NEUTRAL], minlength=256)[128:]
    return int(levels.argmax()) + 128 if levels.any() else 255


def _extremes(rgb: Bytes) -> tuple[Bytes, Bytes]:
    """Smallest and largest of red, green, blue per pixel; numpy's min over 3 channels is 20 times slower."""
    red, green, blue = cv2.split(rgb)
    return (
        np.asarray(cv2.min(cv2.min(red, green), blue), dtype=np.uint8),
        np.asarray(cv2.max(cv2.max(red, green), blue), dtype=np.uint8),
    )


def _is_drawn(colours: Bytes) -> bool:
    """True if (n, 3) coloured pixels look like labels: few hues, or few flat colours."""
    hues = cv2.cvtColor(colours[:, None, :], cv2.COLOR_RGB2HSV)[:, 0, 0] // 6  # 30 hues of 12 degrees
    if _share_of_most_frequent(hues, 3) >= FEW_HUES:
        return True
    levels = (colours >> 4).astype(np.int64)  # 16 levels per channel
    codes = levels[:, 0] * 256 + levels[:, 1] * 16 + levels[:, 2]
    return _share_of_most_frequent(codes, 12) >= FLAT_COLOURS


def _share_of_most_frequent(codes: npt.NDArray[Any], n: int) -> float:
    counts = np.sort(np.bincount(codes))
    return float(counts[-n:].sum() / codes.size)


def without_labels(rgb: Bytes) -> tuple[Bytes, float]:
    """The grey picture (row, column) with coloured pixels filled, and the share that was filled.

    Edges of 2 pixels and letters inside a coloured box count as coloured. The fill continues the
    surroundings (Navier-Stokes inpainting). Measured with the boxes of a real scan laid over eight
    other ones: mean error in attenuation 0.15 to 0.47 over the boxes; interpolation along rows and
    columns gave 0.13 to 0.52, so the simpler one stays. Large boxes remain visible as smooth patches.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    darkest, brightest = _extremes(rgb)
    coloured = (brightest - darkest > COLOURED).astype(np.uint8)
    if not coloured.any():
        return np.asarray(grey, dtype=np.uint8), 0.0
    edges = cv2.dilate(coloured, np.ones((5, 5), np.uint8))
    drawn = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    filled = cv2.inpaint(grey, drawn, 3, cv2.INPAINT_NS)
    return np.asarray(filled, dtype=np.uint8), float(drawn.mean())
