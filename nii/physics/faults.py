"""What worn, cheap or badly read scanners add to a picture beyond noise: lag, ghosts, steps of gain, few levels.

As in nii.physics.noise, everything random is drawn by `draw_plan`; `apply_faults` is deterministic given the plan.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nii.errors import PhysicsError
from nii.physics.noise import NoiseModel, measure, variance
from nii.scan import FloatArray

LAG_TAPS = 8  # columns over which a lag is followed
DRIFT_KNOTS = 6  # of the slow change of the air level along a picture
RANGES = {
    "lag": (0.0, 0.5),
    "lag_columns": (0.1, 100.0),
    "gain_steps": (0.0, 0.5),
    "block": (1, 4096),
    "drift": (0.0, 0.5),
    "lines": (0.0, 0.5),
    "line_gain": (0.0, 1.0),
    "ghost": (0.0, 0.5),
    "coarse": (1.0, 16.0),
    "levels": (0, 65_536),
    "deepest": (0.1, 20.0),
    "jpeg": (0, 100),
}


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Faults of a scanner or of how its pictures are kept; the defaults are none.

    lag: share of a column's signal that comes later, spread over the columns after it with the decay lag_columns.
    gain_steps: rms of the gain of a block of detectors, block: its rows. drift: rms of slow changes of the air level.
    lines: mean share of rows, and of columns, with a wrong gain of rms line_gain, as stripes and ghost lines.
    ghost: share of the light of a copy of the picture that lies ghost_shift (rows, columns) beside it.
    coarse: pixels of the scanner over those of the picture, which shows them enlarged.
    levels: grey levels, 0: those of the converter. of_attenuation: they are even in attenuation up to `deepest` and not
    in transmission. jpeg: quality of the compression of 256 such levels, 0: none.
    """

    lag: float = 0.0
    lag_columns: float = 3.0
    gain_steps: float = 0.0
    block: int = 32
    drift: float = 0.0
    lines: float = 0.0
    line_gain: float = 0.0
    ghost: float = 0.0
    ghost_shift: tuple[int, int] = (0, 0)
    coarse: float = 1.0
    levels: int = 0
    of_attenuation: bool = False
    deepest: float = 6.0
    jpeg: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise PhysicsError(f"fault {name}: expected {low:g} to {high:g}, came {getattr(self, name)}")
        if self.levels == 1:
            raise PhysicsError("fault levels: expected 0, or 2 and more, came 1")

    @property
    def grey_levels(self) -> int:
        """Levels that the picture has, 0: those of the converter."""
        return 256 if self.jpeg else self.levels


NONE = Faults()


@dataclass(frozen=True)
class Chain:
    """How a picture comes about: noise and faults."""

    noise: NoiseModel
    faults: Faults = NONE

    def measure(self, transmission: FloatArray, rng: np.random.Generator) -> FloatArray:
        """A measured picture of an expected transmission (energy, row, column), of the same shape."""
        return measure_with(transmission, self.noise, self.faults, rng)

    def variance(self, transmission: FloatArray) -> FloatArray:
        """Variance of a pixel's transmission before blur, any shape: of the noise and of few grey levels."""
        return variance(transmission, self.noise) + level_variance(transmission, self.faults)


@dataclass(frozen=True, eq=False)
class FaultPlan:
    """What was drawn for one picture: row_gain (energy, row) and column_gain (energy, column), both about 1."""

    row_gain: FloatArray
    column_gain: FloatArray


def measure_with(transmission: FloatArray, noise: NoiseModel, faults: Faults, rng: np.random.Generator) -> FloatArray:
    """A measured picture of an expected transmission (energy, row, column), with noise and faults, of the same shape.

    Coarse pixels are measured as such: their noise is as large as they are.
    """
    _, rows, columns = transmission.shape
    size = max(round(rows / faults.coarse), 1), max(round(columns / faults.coarse), 1)
    image = measure(_resized(transmission, size), noise, rng)
    return _resized(apply_faults(image, faults, draw_plan(image.shape, faults, rng)), (rows, columns))


def draw_plan(shape: tuple[int, ...], faults: Faults, rng: np.random.Generator) -> FaultPlan:
    """Draw the gains for a picture of (energy, row, column)."""
    energies, rows, columns = shape
    blocks = rng.normal(1, faults.gain_steps, (energies, rows // faults.block + 2))
    start = int(rng.integers(faults.block))  # a crop begins anywhere in a block
    row_gain = blocks[:, (np.arange(rows) + start) // faults.block]
    knots = rng.normal(0, faults.drift, DRIFT_KNOTS)
    drift = 1 + np.interp(np.linspace(0, DRIFT_KNOTS - 1, columns), np.arange(DRIFT_KNOTS), knots)
    return FaultPlan(
        row_gain=np.asarray(row_gain * _lines(faults, rows, rng), np.float32),
        column_gain=np.asarray(drift * _lines(faults, columns, rng) * np.ones((energies, 1)), np.float32),
    )


def _lines(faults: Faults, count: int, rng: np.random.Generator) -> FloatArray:
    """Gain of each row or column: 1, or wrong."""
    gain = rng.normal(1, faults.line_gain, count)
    return np.where(rng.random(count) < faults.lines, gain, 1.0).astype(np.float32)


def apply_faults(image: FloatArray, faults: Faults, plan: FaultPlan) -> FloatArray:
    """The picture (energy, row, column) with these faults; none makes it negative, and NONE leaves it alone.

    In the order of the signal: lag, gain, drift of the air, ghost, grey levels, compression.
    """
    if faults.lag:
        image = _lagging(image, faults)
    image = image * plan.row_gain[:, :, None] * plan.column_gain[:, None, :]
    if faults.ghost:
        copy = np.roll(image, faults.ghost_shift, axis=(1, 2))
        image = image * (1 - np.float32(faults.ghost) * (1 - np.minimum(copy, 1)))
    image = np.maximum(image, 0)
    if faults.grey_levels:
        image = _in_levels(image, faults)
    return np.asarray(image, np.float32)


def level_variance(transmission: FloatArray, faults: Faults) -> FloatArray:
    """Variance of a pixel's transmission because of few grey levels, any shape; 0 where they are the converter's.

    Uniform within a step: step^2 / 12. What is darker than the last level of attenuation is not known at all: T^2.
    Example: 256 levels of transmission, 1.3e-6 whatever T; T = 0.002 is then known to half of itself.
    """
    T = np.asarray(transmission, np.float32)
    if not faults.grey_levels:
        return np.zeros_like(T)
    step = 1 / (faults.grey_levels - 1)
    if not faults.of_attenuation:
        return np.full_like(T, step**2 / 12)
    known = (T * np.float32(step * faults.deepest)) ** 2 / 12
    return np.where(np.exp(-faults.deepest) < T, known, T**2).astype(np.float32)


def _lagging(image: FloatArray, faults: Faults) -> FloatArray:
    """Each column with what is left of those before it."""
    weights = np.exp(-np.arange(1, LAG_TAPS + 1) / faults.lag_columns)
    weights *= faults.lag / weights.sum()
    out = image * np.float32(1 - faults.lag)
    for tap, weight in enumerate(weights, start=1):
        before = np.concatenate([np.repeat(image[..., :1], tap, axis=2), image[..., :-tap]], axis=2)
        out += np.float32(weight) * before[..., : image.shape[2]]
    return out


def _in_levels(image: FloatArray, faults: Faults) -> FloatArray:
    """In even steps of transmission or of attenuation, compressed as JPEG or not."""
    levels = faults.grey_levels
    deepest = np.float32(faults.deepest)
    shown = np.minimum(image, 1)
    if faults.of_attenuation:
        shown = 1 - np.minimum(-np.log(np.maximum(shown, np.exp(-deepest))), deepest) / deepest
    grey = np.rint(shown * (levels - 1))
    if faults.jpeg:
        grey = np.stack([_compressed(plane.astype(np.uint8), faults.jpeg) for plane in grey]).astype(np.float32)
    shown = grey / np.float32(levels - 1)
    return np.asarray(np.exp((shown - 1) * deepest) if faults.of_attenuation else shown, np.float32)


def _compressed(plane: np.typing.NDArray[np.uint8], quality: int) -> np.typing.NDArray[np.uint8]:
    """A grey picture after JPEG."""
    _, data = cv2.imencode(".jpg", plane, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def _resized(image: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Planes at this size (rows, columns): means where it is smaller, straight between pixels where it is larger."""
    if image.shape[1:] == size:
        return image
    way = cv2.INTER_AREA if size[0] < image.shape[1] else cv2.INTER_LINEAR
    return np.stack([np.asarray(cv2.resize(plane, size[::-1], interpolation=way), np.float32) for plane in image])
