"""How good a scan is: air level, noise, dead detectors, saturation, penetration, sharpness."""

import re
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from nii.io.air import estimate_air
from nii.physics.beams import standard_beams
from nii.physics.forward import attenuation_curve, linac_beam
from nii.physics.materials import STEEL_G_CM3
from nii.physics.noise import FWHM_PER_SIGMA
from nii.scan import FloatArray, Kind, Scan

Array = npt.NDArray[np.float64]

MEDIAN_PER_SIGMA = 0.6745  # median of |x| of a normal distribution over its standard deviation
KERNEL_GAIN = 6.0  # root of the sum of squares of the second difference in both directions
NOISE_BINS = 24  # of transmission, even in attenuation
SAMPLE = 30_000  # pixels are enough to know noise and grey levels
LEAST_PIXELS = 200  # per bin, for a trustworthy median
FAINTEST = 1e-4  # transmission; below it lies the noise of the electronics alone
AIR_WIDTH = 0.05  # a pixel within 5 % of the air level is air
STUCK = 1e-3  # a dead detector's reading varies by less than this, of air
JUMP = 0.02  # and differs from its neighbours by more than this
SATURATED = 1e-3  # share of pixels at the very top that noise alone doesn't put there
EDGE_REACH = 6  # pixels on both sides of an edge
EDGE_ROWS = 5  # over which edges are straight; each group of so many is looked at once
EDGE_CONTRAST = 0.05  # of air
EDGE_TO_NOISE = 15.0
EDGES = 400  # strongest edges looked at per direction
FEWEST_EDGES = 20
SHARPEST = 20  # percentile: slanted and round edges look blurred, so the sharp ones count
THICKEST_MM = 600.0


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Quality of a scan; per energy, low first, where a tuple. What can't be told is None.

    air: transmission of air (1 if the air level was right). noise: rms of a pixel in air over air, without
    what a whole row or column shares. dead_rows, dead_columns: their number. saturated: share of pixels at
    the top of the range. levels: grey levels in a sample of it (under 257: an 8-bit picture).
    penetration: attenuation at which noise equals signal in a pixel, extrapolated from the noise that
    the scan shows. steel_mm: the same as steel, for MV energies.
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
    samples = [_sampled(plane) for plane in planes]
    curves = [None if shown(scan) else _curve(sample) for sample in samples]
    air = tuple(None if shown(scan) else _air(plane) for plane in planes)
    dead_rows, dead_columns = dead_lines(planes), dead_lines(planes.transpose(0, 2, 1))
    width = edge_width(planes.mean(axis=0) if shown(scan) else planes[-1])
    penetration = tuple(None if curve is None else curve.penetration for curve in curves)
    saturated = tuple(0.0 if shown(scan) else _saturated(plane) for plane in planes)
    levels = min(sample.values.size for sample in samples)
    pitch = None if scan.pitch_mm is None else sum(scan.pitch_mm) / 2
    return Quality(
        air=air,
        noise=tuple(_air_noise(sample, level) for sample, level in zip(samples, air, strict=True)),
        dead_rows=int(dead_rows.sum()),
        dead_columns=int(dead_columns.sum()),
        saturated=saturated,
        levels=levels,
        penetration=penetration,
        steel_mm=_steel(scan.energies, penetration),
        resolution_px=width,
        resolution_mm=None if width is None or pitch is None else width * pitch,
        notes=() if shown(scan) else _notes(int(dead_rows.sum()), max(saturated), levels, air),
    )


def shown(scan: Scan) -> bool:
    """Whether the scan is a picture for officers, whose values are no transmissions."""
    return scan.kind is Kind.OPERATOR_IMAGE


@dataclass(frozen=True)
class NoiseCurve:
    """Variance of a pixel against its transmission T: fixed + photons T + gain T^2, each >= 0."""

    fixed: float
    photons: float
    gain: float

    def variance(self, T: Array) -> Array:
        """Variance at transmissions of any shape."""
        return self.fixed + self.photons * T + self.gain * T * T

    @property
    def penetration(self) -> float | None:
        """Attenuation at which noise equals signal in a pixel; None without noise or when it drowns air."""
        rest = 1 - self.gain
        root = np.sqrt(self.photons**2 + 4 * self.fixed * rest) if rest > 0 else np.inf
        T = (self.photons + root) / (2 * rest) if rest > 0 else np.inf
        return float(-np.log(T)) if 0 < T < 1 else None


def noise_curve(plane: FloatArray) -> NoiseCurve | None:
    """Noise of one image (row, column) from second differences, which flat and sloped areas don't have.

    The median by bins of transmission keeps edges out; None where fewer than three bins are filled.
    A picture with coarse steps has at least the noise of its steps.
    Example: white noise of rms 0.010 reads 0.010 within 3 %.
    """
    return _curve(_sampled(plane))


def _curve(sample: "_Sample") -> NoiseCurve | None:
    level, spread = _noise_by_level(sample)
    if level.size < 3:
        return None
    terms = np.stack([np.ones_like(level), level, level**2], axis=1)
    fixed, photons, gain = _not_negative(terms / spread[:, None], np.ones_like(level))
    return NoiseCurve(float(fixed), float(photons), float(gain))


def _not_negative(terms: Array, target: Array) -> Array:
    """Least squares with coefficients >= 0: the best of all choices of terms, which are few."""
    best, least = np.zeros(terms.shape[1]), float(target @ target)
    for size in range(1, terms.shape[1] + 1):
        for used in combinations(range(terms.shape[1]), size):
            fit, *_ = np.linalg.lstsq(terms[:, used], target, rcond=None)
            misfit = float(((terms[:, used] @ fit - target) ** 2).sum())
            if (fit >= 0).all() and misfit < least:
                best, least = np.zeros(terms.shape[1]), misfit
                best[list(used)] = fit
    return best


@dataclass(frozen=True, eq=False)
class _Sample:
    """Some pixels of an image: the mean around each, its second difference in both directions, the values that occur.

    The mean, so that noise doesn't choose the bin of a pixel. values: ascending.
    """

    mean: FloatArray
    rough: FloatArray
    values: FloatArray

    @property
    def step(self) -> float:
        """Smallest common step of the values: that of the grey levels if there are few, else a 65535th."""
        return float(np.median(np.diff(self.values))) if 1 < self.values.size <= 4096 else 1 / 65535


def _sampled(plane: FloatArray) -> _Sample:
    """Whole rows of an image (row, column), about SAMPLE pixels in all."""
    rows = slice(0, max(plane.shape[0] - 2, 0), plane.size // SAMPLE + 1)
    above, here, below = (plane[i:][rows] for i in range(3))
    mean = above + here + below
    mean = (mean[:, :-2] + mean[:, 1:-1] + mean[:, 2:]) / np.float32(9)
    rough = np.diff(_bend(above, here, below), n=2, axis=1)
    values = np.unique(plane.ravel()[:: plane.size // SAMPLE + 1])
    return _Sample(mean.ravel(), np.abs(rough).ravel(), values)


def _bend(before: FloatArray, here: FloatArray, after: FloatArray) -> FloatArray:
    """Second difference."""
    return (after - here) - (here - before)


def _noise_by_level(sample: _Sample) -> tuple[Array, Array]:
    """Mean transmission and variance of the bins of transmission that hold enough pixels."""
    used = (sample.mean > FAINTEST) & (sample.mean < 1.0 + AIR_WIDTH)
    if not used.any():
        return np.empty(0), np.empty(0)
    inner, rough = sample.mean[used], sample.rough[used]
    place = (-np.log(inner) / max(-float(np.log(inner.min())), 1e-3) * NOISE_BINS).clip(0, NOISE_BINS - 1)
    place = place.astype(np.int8)
    order, ends = np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1]
    filled = [part for part in np.split(order, ends) if part.size >= LEAST_PIXELS]
    sigma = [_rms(rough[part]) for part in filled]
    level = [inner[part].mean(dtype=np.float64) for part in filled]
    return np.array(level), np.array(sigma) ** 2 + sample.step**2 / 12


def _air(plane: FloatArray) -> float | None:
    level, found = estimate_air(plane.ravel()[:: plane.size // SAMPLE + 1], 1.0)
    return level if found else None


def _air_noise(sample: _Sample, air: float | None) -> float | None:
    """Relative noise of air; None where the scan shows none."""
    if air is None:
        return None
    near = np.abs(sample.mean - air) < AIR_WIDTH * air
    if np.count_nonzero(near) < LEAST_PIXELS:
        return None
    return float(np.hypot(_rms(sample.rough[near]), sample.step / 12**0.5)) / air


def _rms(rough: FloatArray) -> float:
    """Standard deviation of the pixels from second differences, deaf to edges."""
    return float(np.median(rough)) / MEDIAN_PER_SIGMA / KERNEL_GAIN


def dead_lines(planes: FloatArray) -> npt.NDArray[np.bool_]:
    """Rows that read one value all along, in any energy, while the rows around read another; (row,) bool.

    planes: (energy, row, column); transposed for columns. Air that saturates and walls that nothing
    passes are no dead rows, since their neighbours are alike.
    """
    dead = np.zeros(planes.shape[1], bool)
    for plane in planes:
        stuck = np.ptp(plane, axis=1) <= STUCK
        if stuck.all() or not stuck.any():
            continue
        rows, live = np.flatnonzero(stuck), np.flatnonzero(~stuck)
        after = np.searchsorted(live, rows)
        beside = np.unique(live[np.clip([after - 1, after], 0, live.size - 1)])  # the live rows next to each
        around = np.interp(rows, beside, np.median(plane[beside], axis=1))
        dead[rows] |= np.abs(np.median(plane[rows], axis=1) - around) > JUMP
    return dead


def _saturated(plane: FloatArray) -> float:
    """Share of pixels at the largest value, 0 if noise alone can have put them there."""
    share = np.count_nonzero(plane >= plane.max()) / plane.size
    return share if share > SATURATED else 0.0


def _steel(energies: tuple[str, ...], penetration: tuple[float | None, ...]) -> tuple[float | None, ...]:
    """Penetration in mm of steel; None for energies that aren't 1 to 10 MV."""
    if not energies:
        return (None,) * len(penetration)
    return tuple(_steel_mm(name, depth) for name, depth in zip(energies, penetration, strict=True))


def _steel_mm(energy: str, penetration: float | None) -> float | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?MV", energy, re.IGNORECASE)
    if penetration is None or match is None or not 1 <= float(match[1]) <= 10:
        return None
    known = standard_beams((energy,))
    beam = known[0] if known else linac_beam(float(match[1]))
    mm = np.linspace(0, THICKEST_MM, 601)
    return float(np.interp(penetration, attenuation_curve("Fe", mm / 10 * STEEL_G_CM3, beam), mm))


def edge_width(plane: FloatArray) -> float | None:
    """Full width at half maximum of the edge spread, in pixels, from the sharpest straight edges.

    A Gaussian edge's contrast over its steepest step gives its width; edges are straight over five pixels,
    stand out from noise, and are flat on both sides. None with fewer than 20 of them. What is sharper than a
    pixel reads as 1. Example: a slab's edge blurred by a Gaussian of 3.0 pixels reads 3.2 (with the pixel).
    """
    import cv2

    rows, columns = (size // EDGE_ROWS for size in plane.shape)
    if not rows or not columns:
        return None
    across = np.asarray(
        cv2.resize(plane[: rows * EDGE_ROWS], (plane.shape[1], rows), interpolation=cv2.INTER_AREA), np.float32
    )
    along = cv2.resize(plane[:, : columns * EDGE_ROWS], (columns, plane.shape[0]), interpolation=cv2.INTER_AREA)
    ratios = np.concatenate([_edge_ratios(across), _edge_ratios(np.ascontiguousarray(along.T))])
    if ratios.size < FEWEST_EDGES:
        return None
    steepest = min(1 / float(np.percentile(ratios, SHARPEST)), 0.98)  # share of the contrast in one step
    deviate = NormalDist().inv_cdf((1 + steepest) / 2)  # of the pixel's half width
    return max(FWHM_PER_SIGMA / (2 * deviate), 1.0)


def _edge_ratios(smooth: FloatArray) -> Array:
    """Contrast over steepest step of the strongest vertical edges; each row is the mean of EDGE_ROWS."""
    import cv2

    step = np.abs(np.diff(smooth, axis=1))
    reach = EDGE_REACH
    if step.shape[1] <= 2 * reach:
        return np.empty(0)
    inner = step[:, reach:-reach]
    rows, columns = np.nonzero(inner >= cv2.dilate(step, np.ones((1, 2 * reach + 1), np.uint8))[:, reach:-reach])
    strongest = np.argpartition(inner[rows, columns], -min(EDGES, rows.size))[-EDGES:]
    rows, columns = rows[strongest], columns[strongest]
    around = smooth[rows[:, None], columns[:, None] + np.arange(2 * reach + 2)]  # (edge, pixel)
    left, right = around[:, :3], around[:, -3:]
    contrast = np.abs(left.mean(axis=1) - right.mean(axis=1))
    noise = float(np.median(step.ravel()[:: step.size // SAMPLE + 1])) / MEDIAN_PER_SIGMA / np.sqrt(2)
    uneven = np.maximum(np.ptp(left, axis=1), np.ptp(right, axis=1))
    steepest = inner[rows, columns]
    good = (contrast > EDGE_CONTRAST) & (contrast > EDGE_TO_NOISE * noise) & (uneven < 0.1 * contrast) & (steepest > 0)
    return np.asarray(contrast[good] / steepest[good], np.float64)


def _notes(dead_rows: int, saturated: float, levels: int, air: tuple[float | None, ...]) -> tuple[str, ...]:
    """What a reader of the result should know, a line each."""
    found = {
        f"{dead_rows} dead detector rows": dead_rows > 0,
        f"{100 * saturated:.1f} % of the pixels are saturated": saturated > 0,
        f"only {levels} grey levels: noise and thick parts are lost": levels <= 256,
        "no air in view": any(level is None for level in air) and levels > 256,
    }
    return tuple(text for text, so in found.items() if so)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
