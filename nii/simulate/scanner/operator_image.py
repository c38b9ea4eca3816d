"""Operator images: what the screen of a dual-energy scanner shows, in 8-bit pseudo-colour.

Hue tells the effective atomic number (orange organic, green inorganic, blue metal), lightness the attenuation;
where nothing gets through it is black. Every maker has a colour map of his own, so one is drawn for each image.
"""

import colorsys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from nii.errors import ScanError
from nii.io.jpeg import decode_jpeg
from nii.io.picture import Content
from nii.physics.forward import Beam
from nii.physics.inverse import invert
from nii.scan import FloatArray, attenuation_of
from nii.simulate.render.draws import Rng, log_uniform

Bytes = npt.NDArray[np.uint8]

FAINTEST = 1e-5  # transmission; below, there is nothing to take the logarithm of
Z_STEPS = 2  # entries of the palette per unit of effective atomic number
HEAVIEST = 60  # effective atomic number from which on the palette changes no more
LEVELS = 1024  # entries of the palette from black to background
TURNS = 14  # of the contrast, each by this factor, at most
CONTRAST = 1.3
MV_SMOOTHING = 3.0  # as many times wider: at MV the two energies differ by little more than their noise


@dataclass(frozen=True, kw_only=True)
class ColourMap:
    """How a maker shows a scan, and how the picture is stored.

    hues: of organic, inorganic and metal, degrees. saturation: of the three, 0 to 1. limits: effective atomic
    numbers where organic ends and where metal begins; the colours blend over `blend` of it to both sides.
    depth: attenuation that is shown black. gamma: lightness is (1 - A / depth)^gamma. low_share: of the low energy
    in A. background: grey level of air, 0 to 1. smoothing: standard deviation in pixels of the Gaussian before the
    atomic number is estimated; lightness stays sharp. sharpening: gain of the edges. quality: of the JPEG, 1 to 100.
    """

    hues: tuple[float, float, float] = (37.0, 94.0, 206.0)
    saturation: tuple[float, float, float] = (0.75, 0.55, 0.75)
    limits: tuple[float, float] = (9.5, 19.0)
    blend: float = 1.0
    depth: float = 5.5
    gamma: float = 2.0
    low_share: float = 0.5
    background: float = 1.0
    smoothing: float = 0.8
    sharpening: float = 0.3
    quality: int = 85

    def to_json(self) -> dict[str, Any]:
        """Its fields, rounded, for annotations.json."""
        return {name: np.round(value, 3).tolist() for name, value in asdict(self).items()}


def draw_colours(rng: Rng, *, megavolts: bool = False) -> ColourMap:
    """A colour map, every parameter drawn broadly around those of common viewers.

    megavolts: of a cargo scanner, where the atomic number is estimated over a wider neighbourhood.
    """
    smoothing = rng.uniform(0.5, 2.0)
    depth, gamma = ((5.0, 8.0), (0.8, 2.0)) if megavolts else ((4.0, 7.0), (1.5, 4.5))
    return ColourMap(
        hues=(rng.uniform(20, 48), rng.uniform(85, 145), rng.uniform(200, 240)),
        saturation=(rng.uniform(0.6, 1), rng.uniform(0.4, 1), rng.uniform(0.55, 1)),
        limits=(rng.uniform(8.6, 10.4), rng.uniform(16, 20)),
        blend=log_uniform(rng, 0.2, 3.0),
        depth=rng.uniform(*depth),
        gamma=log_uniform(rng, *gamma),
        low_share=rng.uniform(0, 1),
        background=1.0 if rng.random() < 0.6 else rng.uniform(0.75, 1.0),
        smoothing=smoothing * MV_SMOOTHING if megavolts else smoothing,
        sharpening=max(0.0, rng.uniform(-0.5, 2.0)),
        quality=int(rng.integers(60, 97)),
    )


def draw_image(
    rng: Rng, transmission: FloatArray, beams: Sequence[Beam], *, megavolts: bool = False
) -> tuple[bytes, ColourMap]:
    """JPEG file of a scan as `render` takes it, in colours drawn for it.

    Where a picture is so pale that pixels don't tell it from a grey one, the contrast is turned up, as an officer
    would: an almost empty envelope may be, none of 150 parcels was.
    """
    drawn = draw_colours(rng, megavolts=megavolts)
    for turn in range(TURNS):
        colours = replace(drawn, gamma=drawn.gamma * CONTRAST**turn)
        data = to_jpeg(render(transmission, beams, colours), colours.quality)
        if decode_jpeg(data, "operator image").content is Content.COLOUR:
            break
    return data, colours


def to_jpeg(rgb: Bytes, quality: int) -> bytes:
    """A JPEG file of a picture (row, column, 3). quality: 1 to 100."""
    return bytes(cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def render(transmission: FloatArray, beams: Sequence[Beam], colours: ColourMap) -> Bytes:
    """The operator image (row, column, 3), red, green, blue, of a scan of two energies, low first.

    transmission: (2, row, column) as measured; rows of dead detectors are filled, as every viewer does.
    Raises ScanError for another number of energies: one energy has no colour.
    Example: air is the background, 30 cm of steel black, 5 cm of water light orange.
    """
    if transmission.shape[0] != 2 or len(beams) != 2:
        raise ScanError(f"operator image: expected a scan of two energies, came {transmission.shape[0]}")
    both = attenuation_of(_repaired(transmission), FAINTEST)
    attenuation = np.float32(colours.low_share) * both[0] + np.float32(1 - colours.low_share) * both[1]
    lightness = _lightness(_sharpened(attenuation, colours), colours)
    level = (lightness * (LEVELS - 1)).astype(np.int32)
    return np.asarray(_palette(colours)[_z_index(both, beams, colours), level], np.uint8)


def operator_image(transmission: FloatArray, beams: Sequence[Beam], colours: ColourMap) -> FloatArray:
    """The picture as it comes back from a JPEG file: float32 (3, row, column), red, green, blue, 0 to 1."""
    file = to_jpeg(render(transmission, beams, colours), colours.quality)
    bgr = np.asarray(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(np.moveaxis(bgr[..., ::-1], -1, 0), np.float32) / np.float32(255)


def _z_index(attenuation: FloatArray, beams: Sequence[Beam], colours: ColourMap) -> npt.NDArray[np.int32]:
    """Row of the palette by the effective atomic number of each pixel's neighbourhood.

    The mean is that of attenuations: of transmissions, thin wires of metal would look organic.
    """
    smooth = np.stack([cv2.GaussianBlur(plane, (0, 0), colours.smoothing) for plane in attenuation])
    z = invert(smooth, beams).z
    return np.asarray(np.minimum(z, HEAVIEST) * Z_STEPS, np.int32)


def _sharpened(attenuation: FloatArray, colours: ColourMap) -> FloatArray:
    around = cv2.GaussianBlur(attenuation, (0, 0), 1.5)
    return np.asarray(attenuation + np.float32(colours.sharpening) * (attenuation - around), np.float32)


def _lightness(attenuation: FloatArray, colours: ColourMap) -> FloatArray:
    """0 (black) to 1 (background)."""
    bare = np.clip(1 - attenuation / np.float32(colours.depth), 0, 1)
    return np.asarray(bare ** np.float32(colours.gamma), np.float32)


@lru_cache(maxsize=2)  # the crops of a pair have the same
def _palette(colours: ColourMap) -> Bytes:
    """Colours by atomic number and lightness, (HEAVIEST x Z_STEPS + 1, LEVELS, 3)."""
    z = np.arange(HEAVIEST * Z_STEPS + 1)[:, None] / Z_STEPS
    pure = [colorsys.hls_to_rgb(h / 360, 0.5, s) for h, s in zip(colours.hues, colours.saturation, strict=True)]
    organic, inorganic, metal = np.array(pure)
    first, second = (np.clip((z - limit) / (2 * colours.blend) + 0.5, 0, 1) for limit in colours.limits)
    hue = (organic + first * (inorganic - organic) + second * (metal - inorganic))[:, None]
    light = np.linspace(0, 1, LEVELS)[None, :, None]
    rgb = np.where(light < 0.5, 2 * light * hue, hue + (2 * light - 1) * (1 - hue))
    return np.asarray(np.rint(rgb * 255 * colours.background), np.uint8)


def _repaired(transmission: FloatArray) -> FloatArray:
    """With rows that read nothing at all filled from the nearest ones."""
    dead = ~transmission.any(axis=(0, 2))
    if not dead.any() or dead.all():
        return transmission
    alive = np.flatnonzero(~dead)
    nearest = alive[np.abs(np.flatnonzero(dead)[:, None] - alive).argmin(axis=1)]
    filled = transmission.copy()
    filled[:, dead] = transmission[:, nearest]
    return filled
