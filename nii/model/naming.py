"""The name of a region: a family with a calibrated probability, or unknown.

Two questions, answered by regions of simulated scans that hit a concealment. How likely is each family? A
multinomial logistic model of the network's mean family probabilities and of the figures of the region's look.
Does the region look like the likeliest family at all? A conformal p-value: the share of calibration regions that
lie at least as far from the middle of their own family. All probabilities are conditional on there being a
concealment: whether there is one, the region's own p-value says.
"""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.errors import CalibrationError
from nii.model.region_features import FIGURES

UNKNOWN = "unknown"
NO_FAMILY = "other"  # what the simulator and so the network call a thing of no kind: it has no name
LEAST_SHARE = 1e-3  # of a family, so that its logarithm is finite

Array = npt.NDArray[np.float64]
Row = tuple[float, ...]
Rows = tuple[Row, ...]


def features(shares: npt.NDArray[Any], figures: npt.NDArray[Any]) -> Array:
    """What the naming goes by: log of the mean family probabilities, then the figures; (..., family + figure)."""
    return np.concatenate([np.log(np.maximum(shares, LEAST_SHARE)), figures], axis=-1, dtype=np.float64)


def softmax(logits: Array) -> Array:
    """Probabilities (..., family) of sum 1."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, kw_only=True)
class Naming:
    """A fitted naming; part of a model's contract, since its network's outputs decide.

    families: of the model, in the order of its outputs. centre, spread: of the features, which are counted from
    the one in units of the other. sharpness: by which the logarithms of the mean family probabilities are
    multiplied. weights (family, figure), bias (family,): what the figures add to that. middles (family, feature):
    mean features of each family's calibration regions. whitening (feature, feature): features times this vary
    alike within families. distances: of calibration regions to the middle of their own family, ascending, from
    fits without them. least_probability, least_p_value: below either a region is unknown. source: what it was
    calibrated on.
    """

    families: tuple[str, ...]
    centre: Row
    spread: Row
    sharpness: float
    weights: Rows
    bias: Row
    middles: Rows
    whitening: Rows
    distances: Row
    least_probability: float
    least_p_value: float
    source: str

    @cached_property
    def _arrays(self) -> dict[str, Array]:
        names = ("centre", "spread", "weights", "bias", "middles", "whitening", "distances")
        return {name: np.array(getattr(self, name)) for name in names}

    def probabilities(self, x: Array) -> Array:
        """Probability of each family, (..., family), from features (..., feature); sum 1."""
        a, k = self._arrays, len(self.families)
        return softmax(self.sharpness * x[..., :k] + self._standard(x)[..., k:] @ a["weights"].T + a["bias"])

    def distance(self, x: Array) -> Array:
        """Distance to the middle of each family in within-family standard deviations, (..., family)."""
        a = self._arrays
        white, middles = self._standard(x) @ a["whitening"], a["middles"] @ a["whitening"]
        return np.asarray(np.sqrt(((white[..., None, :] - middles) ** 2).mean(axis=-1)))

    def p_values(self, x: Array) -> Array:
        """Conformal p-value of belonging to each family, (..., family), in (0, 1]."""
        known = self._arrays["distances"]
        as_far = known.size - np.searchsorted(known, self.distance(x), side="left")
        return np.asarray((1 + as_far) / (known.size + 1))

    def ranked(self, x: Array) -> list[tuple[str, float]]:
        """The families that have a name, likeliest first, with their probabilities; x: (feature,)."""
        told = zip(self.families, self.probabilities(x).tolist(), strict=True)
        return sorted(((name, p) for name, p in told if name != NO_FAMILY), key=lambda one: -one[1])

    def name(self, x: Array) -> str:
        """The likeliest family if it is likely and looks like it, else UNKNOWN; x: (feature,)."""
        family, probability = self.ranked(x)[0]
        p_value = self.p_values(x)[self.families.index(family)]
        return family if probability >= self.least_probability and p_value >= self.least_p_value else UNKNOWN

    def _standard(self, x: Array) -> Array:
        return (x - self._arrays["centre"]) / self._arrays["spread"]

    def to_json(self) -> dict[str, Any]:
        """For the contract."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Naming":
        """Raises CalibrationError for anything that to_json doesn't write."""
        try:
            made = cls(**{name: _tuples(value) for name, value in record.items()})
            shapes = [np.shape(array) for array in made._arrays.values()]
            numbers = [*made._arrays.values(), made.sharpness, made.least_probability, made.least_p_value]
            if not all(np.isfinite(np.asarray(value, np.float64)).all() for value in numbers):
                raise ValueError("numbers that are not finite")
            if np.ndim(np.array(numbers[-3:], np.float64)) != 1:
                raise TypeError("several numbers in place of one")
        except (TypeError, ValueError, AttributeError) as error:
            raise CalibrationError(f"naming: expected what `nii.fit.naming` writes, came {error}") from error
        k, figures, n = len(made.families), len(FIGURES), len(made.distances)
        d = k + figures
        expected = [(d,), (d,), (k, figures), (k,), (k, d), (d, d), (n,)]
        if shapes != expected:
            raise CalibrationError(f"naming: expected arrays of shapes {expected}, came {shapes}")
        return made


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def rounded(values: npt.ArrayLike) -> Any:
    """Nested tuples of four significant digits, for a contract of a few tens of kB."""
    return _tuples(
        json.loads(json.dumps(np.asarray(values).tolist()), parse_float=lambda text: float(f"{float(text):.4g}"))
    )
