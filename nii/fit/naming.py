"""Fits the naming of a model: `python -m nii.fit.naming MODEL SET --out MODEL2`.

SET: simulated scans with concealments that the model was not trained on. A region counts if it is one of the
LOOKED_AT highest of its scan and hits a concealment. What is told of a region is measured on fits that have not seen
its scan (cross-fitting in FOLDS parts), so that few regions serve for both; the shipped fit sees all.
"""

import argparse
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.analysis.regions import find_regions
from nii.errors import CalibrationError
from nii.evaluate.metrics.naming import LOOKED_AT
from nii.evaluate.metrics.regions import hits
from nii.fit.calibrate import write_model
from nii.io.scanset import read_entry, read_set
from nii.io.write import write_atomically
from nii.model.detector import Detector
from nii.model.naming import Array, Naming, features, rounded, softmax
from nii.stats.optional import evaluate_extra

FOLDS = 10
PENALTIES = (1.0, 3.0, 10.0, 30.0, 1000.0)  # tried; the best by cross-validated log-loss is taken
FEWEST = 60  # calibration regions
LEAST_PROBABILITY = 0.5
LEAST_P_VALUE = 0.2

Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Examples:
    """Regions that hit a concealment. x: (region, feature). family, scan: (region,) index of each."""

    x: Array
    family: Ints
    scan: Ints

    def part(self, chosen: npt.NDArray[Any]) -> "Examples":
        """Those that are chosen by a mask or by indices."""
        return Examples(self.x[chosen], self.family[chosen], self.scan[chosen])


def examples(folder: Path, detector: Detector) -> Examples:
    """The regions of a set. Raises ScanSetError, ScanError, CalibrationError if they are too few."""
    families = detector.contract.families
    rows: list[tuple[Array, int, int]] = []
    for number, entry in enumerate(read_set(folder).concealed):
        scan = read_entry(entry)
        for region in find_regions(scan, detector.layers(scan), detector.contract, None, limit=LOOKED_AT):
            hit = next(
                (annotation for annotation in entry.annotations if annotation.box and hits(region.box, annotation.box)),
                None,
            )
            if hit is not None and hit.family in families:
                rows.append((features(region.shares, region.look().figures), families.index(hit.family), number))
    if len(rows) < FEWEST:
        raise CalibrationError(f"{folder}: expected {FEWEST} regions or more that hit a concealment, came {len(rows)}")
    return Examples(*(np.array(column) for column in zip(*rows, strict=True)))


def kept_examples(folder: Path, detector: Detector, kept: Path | None) -> Examples:
    """Those in the file if it is there, else the set's, which are written to it."""
    if kept is not None and kept.is_file():
        with np.load(io.BytesIO(kept.read_bytes()), allow_pickle=False) as file:
            return Examples(file["x"], file["family"], file["scan"])
    found = examples(folder, detector)
    if kept is not None:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, x=found.x, family=found.family, scan=found.scan)
        write_atomically(kept, buffer.getvalue())
    return found


@dataclass(frozen=True, eq=False)
class Fit:
    """A logistic model and the middles of the families, on standardised features; see Naming."""

    sharpness: float
    centre: Array
    spread: Array
    weights: Array
    bias: Array
    middles: Array
    whitening: Array

    def as_naming(self, families: tuple[str, ...], distances: Iterable[float], **limits: Any) -> Naming:
        """With what the other fields of a naming hold."""
        arrays = {name: rounded(getattr(self, name)) for name in self.__dataclass_fields__}
        return Naming(families=families, distances=rounded(np.sort(np.array(list(distances)))), **arrays, **limits)


def fit(by: Examples, families: int, penalty: float) -> Fit:
    """Fit on these regions. penalty: on the square of weights and biases; large: only the sharpness is fitted."""
    with evaluate_extra():
        from sklearn.covariance import LedoitWolf

    centre, spread = by.x.mean(axis=0), np.maximum(by.x.std(axis=0), 1e-3)
    z = (by.x - centre) / spread
    sharpness, weights, bias = logistic(by.x[:, :families], z[:, families:], by.family, penalty)
    middles = np.array([_middle(z[by.family == k]) for k in range(families)])
    within = LedoitWolf(assume_centered=True).fit(z - middles[by.family]).covariance_
    values, vectors = np.linalg.eigh(within)
    return Fit(sharpness, centre, spread, weights, bias, middles, vectors / np.sqrt(values))


def logistic(log_shares: Array, z: Array, family: Ints, penalty: float) -> tuple[float, Array, Array]:
    """Sharpness, weights (family, figure) and bias (family,) of the highest penalised likelihood.

    Logits are sharpness x log_shares + z weights + bias: what the network says stands unless regions speak against it.
    """
    with evaluate_extra():
        from scipy.optimize import minimize  # type: ignore[import-untyped] # scipy ships no types

    k, d = log_shares.shape[1], z.shape[1]
    one_hot = np.eye(k)[family]

    def loss(parameters: Array) -> tuple[float, Array]:
        sharpness, bias, weights = parameters[0], parameters[1 : k + 1], parameters[k + 1 :].reshape(k, d)
        told = softmax(sharpness * log_shares + z @ weights.T + bias)
        wrong = told - one_hot
        value = -np.log(np.maximum(told[one_hot > 0], 1e-12)).sum() + penalty / 2 * (parameters[1:] ** 2).sum()
        slope = np.concatenate([[(wrong * log_shares).sum()], wrong.sum(axis=0), (wrong.T @ z).ravel()])
        return value, slope + penalty * np.concatenate([[0.0], parameters[1:]])

    found = minimize(loss, np.concatenate([[1.0], np.zeros(k * (d + 1))]), jac=True, method="L-BFGS-B").x
    return float(found[0]), found[k + 1 :].reshape(k, d), found[1 : k + 1]


def _middle(z: Array) -> Array:
    """Mean of a family's regions, drawn to the middle of all by one region's weight, so that few say little."""
    return np.asarray(z.sum(axis=0) / (len(z) + 1))


def crossed(by: Examples, families: tuple[str, ...], penalty: float) -> tuple[Array, Array]:
    """Probabilities and distances, (region, family), of each region by a fit without its scan."""
    probabilities, distances = np.zeros((2, len(by.family), len(families)))
    for fold in range(FOLDS):
        out = by.scan % FOLDS == fold
        if out.any():
            naming = fit(by.part(~out), len(families), penalty).as_naming(families, (), **OPEN)
            probabilities[out], distances[out] = naming.probabilities(by.x[out]), naming.distance(by.x[out])
    return probabilities, distances


OPEN = {"least_probability": 0.0, "least_p_value": 0.0, "source": ""}
"""Limits of a naming that names everything."""


def calibrated(by: Examples, families: tuple[str, ...], source: str, penalties: Sequence[float] = PENALTIES) -> Naming:
    """The naming from these regions, of the penalty that has the lowest cross-validated log-loss."""
    told = {penalty: crossed(by, families, penalty) for penalty in penalties}
    best = min(penalties, key=lambda penalty: log_loss(told[penalty][0], by.family))
    own = told[best][1][np.arange(len(by.family)), by.family]
    limits = {"least_probability": LEAST_PROBABILITY, "least_p_value": LEAST_P_VALUE, "source": source}
    return fit(by, len(families), best).as_naming(families, own, **limits)


def named(found: Examples, families: tuple[str, ...], scans: str) -> Naming:
    """The naming from these regions of the set that is called so."""
    return calibrated(found, families, f"{len(found.family)} regions of {len(np.unique(found.scan))} scans of {scans}")


def log_loss(probabilities: Array, family: Ints) -> float:
    """Mean of -log of the probability of the true family."""
    return float(-np.log(np.maximum(probabilities[np.arange(family.size), family], 1e-12)).mean())


def main() -> None:
    """Score, fit, write."""
    parser = argparse.ArgumentParser(description="Fit the naming of regions of a model.")
    parser.add_argument("model", help="name of a shipped model or path")
    parser.add_argument("set", type=Path, help="simulated scans with concealments")
    parser.add_argument("--regions", type=Path, help=".npz where the regions are kept, so that they are found once")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    detector = Detector.load(asked.model)
    found = kept_examples(asked.set, detector, asked.regions)
    naming = named(found, detector.contract.families, asked.set.name)
    write_model(asked.model, replace(detector.contract, naming=naming), asked.out)
    print(f"{naming.source}; written {asked.out}")


if __name__ == "__main__":
    main()
