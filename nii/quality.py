"""How good a scan is: air level, noise, dead detectors, saturation, penetration, sharpness."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nii.io.air import estimate_air
from nii.physics.forward import attenuation_curve, linac_beam
from nii.physics.noise import FWHM_PER_SIGMA
from nii.scan import FloatArray, Kind, Scan

Array = npt.NDArray[np.float64]

MEDIAN_PER_SIGMA = 0.6745  # median of |x| of a normal distribution over its standard deviation
KERNEL_GAIN = 6.0  # root of the sum of squares of the second difference in both directions
NOISE_BINS = 24  # of transmission, even in attenuation
LEAST_PIXELS = 200  # per bin, for a trustworthy median
AIR_WIDTH = 0.05  # a pixel within 5 % of the air level is air
STUCK = 1e-3  # a dead detector's reading varies by less than this, of air
JUMP = 0.02  # and differs from its neighbours by more than this
SATURATED = 1e-3  # share of pixels at the very top that noise alone doesn't put there
EDGE_REACH = 6  # pixels on both sides of an edge
EDGE_CONTRAST = 0.05  # of air
EDGE_TO_NOISE = 15.0
EDGES = 400  # strongest edges looked at per direction
FEWEST_EDGES = 20
SHARPEST = 20  # percentile: slanted and round edges look blurred, so the sharp ones count
STEEL_G_CM3 = 7.85
THICKEST_MM = 600.0


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Quality of a scan; per energy, low first, where a tuple. None or NaN-free: what can't be told is None.

    air: transmission of air (1 if the air level was right). noise: rms of a pixel in air over air, without
    what a whole row or column shares. dead_rows, dead_columns: their number. saturated: share of pixels at
    the top of the range. levels: grey levels used (under 257: an 8-bit picture). penetration: attenuation
    at which noise equals signal in a pixel. steel_mm: the same as steel, for MV energies.
    resolution_px, resolution_mm: full width at half maximum of the edge spread, (row, column direction
    together), high energy.
    """

    air: tuple[float | None, ...]
    noise: tuple[float | None, ...]
    dead_rows: int
    dead_columns: int
    saturated: tuple[float, ...]
    levels: int
    penetration: tuple[float | None, ...]
    steel_mm: tuple[float | None, ...]
    resolution_px: float | None
    resolution_mm: float | None
    notes: tuple[str, ...] = ()

    def as_record(self) -> dict[str, object]:
        """Plain values for JSON and tables, rounded to what they are worth."""
        return {
            "air": [_rounded(v, 4) for v in self.air],
            "noise": [_rounded(v, 5) for v in self.noise],
            "dead_rows": self.dead_rows,
            "dead_columns": self.dead_columns,
            "saturated": [round(v, 4) for v in self.saturated],
            "levels": self.levels,
            "penetration": [_rounded(v, 2) for v in self.penetration],
            "steel_mm": [_rounded(v, 0) for v in self.steel_mm],
            "resolution_px": _rounded(self.resolution_px, 2),
            "resolution_mm": _rounded(self.resolution_mm, 1),
            "notes": list(self.notes),
        }


def assess(scan: Scan) -> Quality:
    """Quality of any scan, operator images (where air, noise and penetration are None) included.

    Example: 1e5 photons per pixel with compound factor 2.4 give a noise of 0.0049 in air.
    """
    planes = scan.transmission
    shown = scan.kind is Kind.OPERATOR_IMAGE
    noises = [None if shown else NoiseCurve.of(plane) for plane in planes]
    dead_rows, dead_columns = dead_lines(planes), dead_lines(planes.transpose(0, 2, 1))
    width = edge_width(planes.mean(axis=0) if shown else planes[-1])
    penetration = tuple(None if noise is None else noise.penetration for noise in noises)
    saturated = tuple(_saturated(plane) for plane in planes)
    levels = min(np.unique(plane).size for plane in planes)
    return Quality(
        air=tuple(None if shown else _air(plane) for plane in planes),
        noise=tuple(None if shown else _air_noise(plane, noise) for plane, noise in zip(planes, noises, strict=True)),
        dead_rows=int(dead_rows.sum()),
        dead_columns=int(dead_columns.sum()),
        saturated=saturated,
        levels=levels,
        penetration=penetration,
        steel_mm=_steel(scan.energies, penetration),
        resolution_px=width,
        resolution_mm=None if width is None or scan.pitch_mm is None else width * float(np.mean(scan.pitch_mm)),
        notes=_notes(dead_rows, saturated, levels),
    )


@dataclass(frozen=True)
class NoiseCurve:
    """Variance of a pixel against its transmission T: fixed + photons T + gain T^2, each >= 0."""

    fixed: float
    photons: float
    gain: float

    def variance(self, T: float) -> float:
        """Variance at a transmission."""
        return self.fixed + self.photons * T + self.gain * T * T

    @property
    def penetration(self) -> float | None:
        """Attenuation at which noise equals signal in a pixel; None without noise or when it drowns air."""
        rest = 1 - self.gain
        root = np.sqrt(self.photons**2 + 4 * self.fixed * rest) if rest > 0 else np.inf
        T = (self.photons + root) / (2 * rest) if rest > 0 else np.inf
        return float(-np.log(T)) if 0 < T < 1 else None


def noise_curve(plane: FloatArray) -> NoiseCurve | None:
    """Noise of one image (row, column) from second differences, which flat, sloped and striped areas don't have.

    The median by bins of transmission keeps edges out; None where fewer than three bins are filled.
    A picture with coarse steps has at least the noise of its steps.
    Example: white noise of rms 0.010 reads 0.010 within 3 %.
    """
    level, spread = _noise_by_level(plane)
    if level.size < 3:
        return None
    from scipy.optimize import nnls  # type: ignore[import-untyped] # no stubs; 0.2 s of import, once

    terms = np.stack([np.ones_like(level), level, level**2], axis=1)
    (fixed, photons, gain), _ = nnls(terms / spread[:, None], np.ones_like(level))
    return NoiseCurve(float(fixed), float(photons), float(gain))


def _noise_by_level(plane: FloatArray) -> tuple[Array, Array]:
    """Mean transmission and variance of the bins of transmission that hold enough pixels."""
    inner = _box(plane)[1:-1, 1:-1].ravel()  # the mean around, so that noise doesn't choose the bin
    rough = np.abs(np.diff(np.diff(plane, n=2, axis=0), n=2, axis=1)).ravel()
    used = (inner > 1e-4) & (inner < 1.0 + AIR_WIDTH)
    if not used.any():
        return np.empty(0), np.empty(0)
    inner, rough = inner[used], rough[used]
    place = (-np.log(inner) / max(-float(np.log(inner.min())), 1e-3) * NOISE_BINS).clip(0, NOISE_BINS - 1).astype(int)
    step = _step(plane)
    filled = [b for b in range(NOISE_BINS) if np.count_nonzero(place == b) >= LEAST_PIXELS]
    sigma = [np.median(rough[place == b]) / MEDIAN_PER_SIGMA / KERNEL_GAIN for b in filled]
    level = [inner[place == b].mean(dtype=np.float64) for b in filled]
    return np.array(level), np.array(sigma) ** 2 + step**2 / 12


def _step(plane: FloatArray) -> float:
    """Smallest common step of the values: that of the grey levels if there are few, else a 65535th."""
    values = np.unique(plane)
    return float(np.median(np.diff(values))) if 1 < values.size <= 4096 else 1 / 65535


def _box(plane: FloatArray) -> FloatArray:
    import cv2

    return np.asarray(cv2.blur(plane, (3, 3)), np.float32)
