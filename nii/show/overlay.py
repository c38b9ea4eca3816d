"""Pictures of a result: the scan in grey with heat map and regions, and the scan without the layer."""

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.fields import RegionRecord
from nii.analysis.record import Result
from nii.io.marks import marked_png
from nii.scan import FloatArray, Kind, Scan, attenuation_of

Picture = npt.NDArray[np.uint8]

DEEPEST = 7.0  # attenuation shown as black
ALARM, CANDIDATE, CLEAR = (40, 40, 230), (0, 165, 255), (90, 150, 60)  # blue, green, red
UNDECIDED = (90, 90, 90)
UNSEEN = (200, 40, 150)  # what isn't seen through, hatched
HATCH = 8  # pixels from line to line, where the picture is no wider than SHOWN
STRIP = 26  # rows of the line of text above the picture, if that is no wider than SHOWN
SHOWN = 800  # pixels that a picture is shown wide: marks of wider ones grow, so that they stay legible


def grey(transmission: FloatArray) -> Picture:
    """(row, column) transmission as an officer sees it: air white, dense black, uint8.

    The scale is the square root of attenuation's share of 7, which shows a packet behind a wall and the
    outline of a steel coil in one picture.
    """
    attenuation = attenuation_of(transmission, np.exp(-DEEPEST), 1.0)
    return np.asarray(np.rint(255 * (1 - np.sqrt(attenuation / DEEPEST))), np.uint8)


def base_picture(scan: Scan) -> Picture:
    """The scan as (row, column, 3) in blue, green, red."""
    if scan.kind is Kind.OPERATOR_IMAGE:
        red_first = np.rint(np.clip(scan.transmission, 0, 1) * 255).astype(np.uint8)
        return np.ascontiguousarray(red_first[::-1].transpose(1, 2, 0))
    return np.asarray(cv2.cvtColor(grey(scan.transmission[0]), cv2.COLOR_GRAY2BGR), np.uint8)


def overlay(result: Result) -> Picture:
    """(row, column, 3): what `marked` gives, below one line of text."""
    undecided = UNSEEN if result.not_seen_through else UNDECIDED
    colour = {True: ALARM, False: CLEAR, None: undecided}[result.alarm]
    return with_strip(marked(result), headline(result), colour)


def marked(result: Result) -> Picture:
    """(row, column, 3): heat map in red over the scan, a box and a label per region, opaque places hatched."""
    picture = base_picture(result.scan)
    strength = (np.clip(result.layers.heat, 0, 1) * 0.6)[..., None]
    picture = np.asarray(picture * (1 - strength) + np.array((30, 30, 255)) * strength, np.uint8)
    _hatch(picture, result.seen.view.full(result.seen.view.unseen))
    for shield in result.seen.shields:
        mark(picture, shield.box, "shield?", UNSEEN)
    for region in (result.regions or result.candidates[:1])[::-1]:
        alarms = region in result.regions
        mark(picture, region.box, _label(region.to_record()), ALARM if alarms else CANDIDATE)
    return picture


def without_layer(result: Result) -> Picture:
    """What `unlayered` gives, below a line that says so."""
    return with_strip(unlayered(result), "without the layer", UNDECIDED)


def unlayered(result: Result) -> Picture:
    """(row, column, 3): the scan without the excess layer, where the heat map says that there is one."""
    scan = result.scan
    excess = result.layers.excess[: len(scan.transmission)] * (result.layers.heat > 0.3)
    return base_picture(replace(scan, transmission=scan.transmission * np.exp(excess)))


def headline(result: Result) -> str:
    """One line: decision, why there is none if the scan shows nothing, score, p-value, budget, model."""
    undecided = "not seen through" if result.not_seen_through else "no decision"
    decision = {True: "ALARM", False: "clear", None: undecided}[result.alarm]
    decision += f", shows nothing: {result.blank}" if result.blank else ""
    decision += f", {result.seen.unseen:.0%} opaque" if result.not_seen_through and result.seen.unseen else ""
    p_value = "" if result.p_value is None else f"  p {result.p_value:.3g} at Pfa {result.pfa:g}"
    return f"{decision}  score {result.layers.score:.2f}{p_value}  {result.contract.name} {result.contract.version}"


def _hatch(picture: Picture, mask: npt.NDArray[np.bool_]) -> None:
    """Draw slanted lines over a mask (row, column); the picture is changed."""
    step = round(HATCH * _growth(picture))
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    picture[mask & ((rows + columns) % step < step // 4)] = UNSEEN


def kilograms(mass: float) -> str:
    """Three digits, without an exponent. Example: 1386.2 is "1390 kg"."""
    return f"{float(f'{mass:.3g}'):.10g} kg"


def _label(region: RegionRecord) -> str:
    mass = f" {kilograms(region.mass_kg)}" if region.mass_kg is not None else ""
    p_value = f" p {region.p_value:.2g}" if region.p_value is not None else ""
    return f"{region.family.replace('_', ' ')}{mass}{p_value}"


def box_in(picture: Picture, box: tuple[int, int, int, int], colour: tuple[int, int, int], gap: int = 2) -> None:
    """Draw a box (x, y, w, h) around an area, `gap` pixels away from it; the picture is changed."""
    x, y, w, h = box
    line = round(2 * _growth(picture))
    cv2.rectangle(picture, (x - gap, y - gap), (x + w + gap - 1, y + h + gap - 1), colour, line)


def _growth(picture: Picture) -> float:
    return max(1.0, float(picture.shape[1]) / SHOWN)


def mark(picture: Picture, box: tuple[int, int, int, int], text: str, colour: tuple[int, int, int]) -> None:
    """Draw a box (x, y, w, h) and a label; the picture is changed."""
    box_in(picture, box, colour)
    x, y, _, h = box
    growth = _growth(picture)
    scale, line, gap = 0.5 * growth, round(growth), round(4 * growth)
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, line)
    left = int(np.clip(x, 0, max(picture.shape[1] - wide - gap, 0)))
    bottom = y - 2 * gap if y - high - 3 * gap > 0 else min(y + h + high + 2 * gap, picture.shape[0] - gap)
    cv2.rectangle(picture, (left, bottom - high - gap), (left + wide + gap, bottom + gap), (255, 255, 255), -1)
    place = (left + gap // 2, bottom)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, line, cv2.LINE_AA)


def with_strip(picture: Picture, text: str, colour: tuple[int, int, int]) -> Picture:
    """The picture below a line of text; the text is made to fit the width."""
    growth = _growth(picture)
    strip = np.full((round(STRIP * growth), picture.shape[1], 3), 255, np.uint8)
    wide = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.55 * growth, 1)[0][0]
    scale = 0.55 * growth * min(1.0, (picture.shape[1] - 8) / wide)
    place = (4, round(18 * growth))
    cv2.putText(strip, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, round(growth), cv2.LINE_AA)
    return np.concatenate([strip, picture])


def png(picture: Picture) -> bytes:
    """The picture as a PNG file, marked as ours: it is no scan."""
    return marked_png(bytes(cv2.imencode(".png", picture)[1]))


def jpeg(picture: Picture) -> bytes:
    """The picture as a JPEG file, a fifth of the size; for looking at, not for measuring."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1])
