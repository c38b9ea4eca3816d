"""Threat image projection into operator images: a concealment is rendered on its own and multiplied in.

Each of red, green and blue is multiplied by what the concealment lets through in colour, so that the place gets
darker and takes its hue. That is what a viewer's colours look like, not what its scanner measured: the maker's
colour map is unknown (its three hues are read off the picture, the rest is assumed), hues of layers multiply where
a viewer would mix atomic numbers, and what is nearly black hides everything, also what a real scan would still show.
"""

from dataclasses import replace

import cv2
import numpy as np

from nii.errors import ScanError
from nii.physics.beams import standard_beams
from nii.physics.forward import transmission
from nii.physics.noise import FWHM_PER_SIGMA
from nii.scan import FloatArray, Kind, Scan
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.render.scene import FAINTEST
from nii.simulate.scanner.operator_image import ColourMap, render
from nii.simulate.sets.truth import Hidden
from nii.simulate.tip.transmission import PARCEL_KG, TUBE_PITCH_MM, Threat, check_thing, draw_place, draw_thing, room_in

BELT_PITCH_MM = 2.5  # below it, the picture is one of a belt scanner with a tube
TUBE, LINAC = ("160kV-low", "160kV-high"), ("4MV", "6MV")
BLUR = 1.2  # full width at half maximum of a thing's edges, pixels
HUES = ((15, 55), (75, 155), (190, 250))  # degrees where organic, inorganic and metal are looked for
LEAST_SHARE = 1e-3  # of the picture that must have such a hue before it is believed


def insert_coloured(
    scan: Scan, rng: Rng, family: str | None = None, mass_kg: float | None = None
) -> tuple[Scan, Hidden]:
    """An operator image with a concealment of a loose family in it, and the truth of it.

    family and mass_kg as in tip.insert. A picture without a pitch is taken to be one of parcels, 1 mm a pixel. The
    truth's excess is that of the thing in air, at 160 kV (pitch below 2.5 mm) or 4/6 MV; it has no detectability.
    Raises UsageError for a family or mass that is none, ScanError for a scan that is no operator image.
    """
    check_thing(family, mass_kg)
    if scan.kind is not Kind.OPERATOR_IMAGE:
        raise ScanError(f"{scan.path or 'scan'}: expected an operator image, came {scan.kind}")
    pitch = scan.pitch_mm or TUBE_PITCH_MM
    belt = max(pitch) < BELT_PITCH_MM
    colours = colours_of(scan.transmission)
    attenuation = _attenuation(scan.transmission, colours)
    wanted = log_uniform(rng, *PARCEL_KG) if mass_kg is None and belt else mass_kg
    thing = draw_thing(rng, family, wanted, pitch, room_in(attenuation, scan.path))
    row, column = draw_place(rng, attenuation, thing.shape, scan.path)
    through, T = _coloured(thing, colours, belt=belt)
    pixels = scan.transmission.copy()
    pixels[:, row : row + thing.shape[0], column : column + thing.shape[1]] *= through
    note = f"TIP: {thing.family} of {thing.mass_kg:.3g} kg was put into this operator image"
    changed = replace(scan, transmission=pixels, sha256="", notes=(*scan.notes, note))
    return changed, Hidden(thing.family, thing.mass_kg, 0.0, row, column, -np.log(T), thing.mask, thing.material)


def colours_of(rgb: FloatArray) -> ColourMap:
    """The usual colour map with the hues that a picture (3, row, column) of values 0 to 1 shows."""
    hue, lightness, saturation = np.moveaxis(cv2.cvtColor(np.moveaxis(rgb, 0, -1).copy(), cv2.COLOR_RGB2HLS), -1, 0)
    vivid = (saturation > 0.25) & (lightness > 0.2) & (lightness < 0.9)
    usual, found = ColourMap(), []
    for (low, high), otherwise in zip(HUES, usual.hues, strict=True):
        of = hue[vivid & (hue >= low) & (hue <= high)]
        found.append(float(np.median(of)) if of.size > LEAST_SHARE * hue.size else otherwise)
    return replace(usual, hues=(found[0], found[1], found[2]), sharpening=0.0)


def _attenuation(rgb: FloatArray, colours: ColourMap) -> FloatArray:
    """What the picture's lightness stands for if this is its colour map, (row, column)."""
    lightness = cv2.blur((rgb.max(axis=0) + rgb.min(axis=0)) / 2, (3, 3))
    air = np.percentile(lightness, 98)
    return np.asarray(colours.depth * (1 - np.clip(lightness / air, 0, 1) ** (1 / colours.gamma)), np.float32)


def _coloured(thing: Threat, colours: ColourMap, *, belt: bool) -> tuple[FloatArray, FloatArray]:
    """What a thing lets through of red, green and blue (3, row, column), and of both energies."""
    beams = standard_beams(TUBE if belt else LINAC)
    if beams is None:
        raise RuntimeError("beams of 160 kV and 4/6 MV ship with the package")
    planes = np.maximum(np.stack(list(thing.layers.values())), np.float32(0))
    T = np.maximum(transmission(planes, list(thing.layers), beams), FAINTEST)
    blurred = np.stack([cv2.GaussianBlur(plane, (0, 0), BLUR / FWHM_PER_SIGMA) for plane in T])
    rgb = render(blurred, beams, colours).astype(np.float32) / np.float32(255)
    return np.moveaxis(rgb, -1, 0), T
