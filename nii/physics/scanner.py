"""Calibration to a real scanner: three factors per endpoint, fitted on steps of known material.

Free-streaming attenuation misses what scatters into the detector and what cross-section tables get
wrong. Lalor and Danagoulian's semi-empirical correction multiplies the photoelectric, the Compton and
the pair part of the mass attenuation by one factor each, fitted on steps of known material
(at best a light, a medium and a heavy one, thick). Source: Lalor and Danagoulian, "A semiempirical
transparency model for dual energy cargo radiography applications", arXiv:2302.07131.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.errors import PhysicsError
from nii.physics.attenuation import HIGHEST_KEV, LOWEST_KEV, partial_attenuation
from nii.physics.forward import Beam, attenuation_curve, condense, make_beam
from nii.physics.spectra import Spectrum

Array = npt.NDArray[np.float64]
Factors = tuple[float, float, float]

STEP_COLUMNS = ("endpoint_mev", "material", "areal_density_g_cm2", "attenuation")
ENERGY_COLUMN = "energy_mev"
RESPONSE_COLUMN = "detector_energy_deposited_mev"
SPECTRUM_COLUMN = re.compile(r"phi_(\d+(?:\.\d+)?)(mv|kv)")
MODEL_ERROR = 1e-3  # of an attenuation: what the three factors can't describe even in the best case
PRIOR = 0.3  # spread of factors over scanners; only decides what the steps leave open
ITERATIONS = 30
BELOW_TABLE = 1e-3  # share of photons under 10 keV that may be left out: none of them crosses an object


@dataclass(frozen=True)
class Step:
    """A measured step: endpoint in MV, formula or mass fractions, g/cm2, A = -ln T and its standard error."""

    endpoint_mev: float
    material: str
    areal_density: float
    attenuation: float
    sigma: float = 0.0


@dataclass(frozen=True)
class ScannerFit:
    """The outcome of a fit.

    beams: by endpoint ("6"), condensed, with their factors. check and uncorrected: n, median and worst
    error in percent on the check measurements, with the factors and without. notes: one line each.
    """

    beams: dict[str, Beam]
    check: dict[str, dict[str, float]]
    uncorrected: dict[str, dict[str, float]]
    notes: tuple[str, ...]

    def as_record(self) -> dict[str, object]:
        """{"factors": {"6": [photoelectric, Compton, pair]}, "check": {...}, ...} for JSON."""
        record: dict[str, object] = {
            "factors": {name: [round(f, 6) for f in beam.factors] for name, beam in self.beams.items()},
            "check": self.check,
        }
        if self.uncorrected:
            record["check_without_factors"] = self.uncorrected
        return record | ({"notes": list(self.notes)} if self.notes else {})


def fit_scanner(spectra: str, steps: str, check: str | None = None) -> ScannerFit:
    """Fit the factors of every endpoint that has a spectrum and steps; all arguments are CSV text.

    spectra: energy_mev, phi_4mv, phi_6mv, ... (photons per bin), detector_energy_deposited_mev (per photon).
    steps and check: endpoint_mev, material, areal_density_g_cm2 (effective, averaged over the fan),
    attenuation, and if known sigma. Raises PhysicsError for wrong columns and values.
    Example: the Monte Carlo of the source, calibrated on C, Fe and Pb, is met with a median error of
    0.4 % (4 MV) and 0.2 % (6 MV) on steps of 2 to 31 g/cm2.
    """
    bare = read_spectra(spectra)
    known = read_steps(steps, "steps")
    beams = {name: _fitted(beam, _of(known, name)) for name, beam in bare.items() if _of(known, name)}
    if not beams:
        raise PhysicsError(f"steps: expected some for an endpoint of {sorted(bare)}, came none")
    measured = read_steps(check, "check") if check is not None else []
    return ScannerFit(
        beams={name: condense(beam) for name, beam in beams.items()},
        check=_errors(beams, measured),
        uncorrected=_errors({name: bare[name] for name in beams}, measured),
        notes=_left_out(bare, known),
    )


def fit_factors(beam: Beam, steps: Sequence[Step]) -> Factors:
    """Factors of the photoelectric, Compton and pair parts that fit the steps best.

    Gauss-Newton on (A - measured) / error; factors stay near 1 where the steps say nothing.
    Example: Monte Carlo at 6 MV, 155 g/cm2 of C, Fe and Pb each: 0.969, 0.988, 1.006.
    """
    parts = [partial_attenuation(step.material, beam.energy_kev) for step in steps]
    depth = np.array([step.areal_density for step in steps])
    measured = np.array([step.attenuation for step in steps])
    error = np.hypot([step.sigma for step in steps], MODEL_ERROR * measured)
    factors = np.ones(3)
    for _ in range(ITERATIONS):
        A, slope = _curve_and_slope(parts, depth, beam.weights, factors)
        matrix = np.vstack([slope / error[:, None], np.eye(3) / PRIOR])
        right = np.concatenate([(measured - A) / error, (1 - factors) / PRIOR])
        step = np.linalg.lstsq(matrix, right)[0]
        factors = np.clip(factors + step, 0.1, 3.0)
        if np.abs(step).max() < 1e-9:
            break
    return float(factors[0]), float(factors[1]), float(factors[2])


def _curve_and_slope(parts: list[Array], depth: Array, weights: Array, factors: Array) -> tuple[Array, Array]:
    """A of each step, and its derivative by the factors, (step, 3)."""
    A, slope = np.empty(len(parts)), np.empty((len(parts), 3))
    for i, (coherent, incoherent, photo, pair) in enumerate(parts):
        processes = np.stack([photo, incoherent, pair])
        mu = coherent + factors @ processes
        through = weights * np.exp(-depth[i] * (mu - mu.min()))
        A[i] = depth[i] * mu.min() - np.log(through.sum())
        slope[i] = depth[i] * (processes @ through) / through.sum()
    return A, slope


def read_spectra(text: str) -> dict[str, Beam]:
    """Beams by endpoint in MV ("6") from CSV text, as many energies as bins, without factors.

    The columns are those of `fit_scanner`; the share of photons that interact isn't in such a table, so
    the compound factor is that of the deposited energies alone.
    """
    rows = _table(text, (ENERGY_COLUMN, RESPONSE_COLUMN), "spectra")
    energy = _column(rows, ENERGY_COLUMN, "spectra") * 1000
    deposit = _column(rows, RESPONSE_COLUMN, "spectra") * 1000
    names = [name for name in rows[0] if SPECTRUM_COLUMN.fullmatch(name or "")]
    if not names:
        raise PhysicsError(f"spectra: expected a column such as phi_6mv, came {sorted(rows[0])}")
    return dict(_beam(name, energy, _column(rows, name, "spectra"), deposit) for name in names)


def _beam(column: str, energy: Array, photons: Array, deposit: Array) -> tuple[str, Beam]:
    match = SPECTRUM_COLUMN.fullmatch(column)
    if match is None:
        raise PhysicsError(f"spectra: expected a column such as phi_6mv, came {column}")
    number, unit = float(match[1]), match[2]
    used = (photons > 0) & (energy >= LOWEST_KEV)
    if not photons[~used].sum() <= BELOW_TABLE * photons.sum() or not energy[used].max() <= HIGHEST_KEV:
        raise PhysicsError(f"spectra {column}: expected energies of 0.01 to 10 MeV, came others")
    spectrum = Spectrum(energy[used], photons[used])
    beam = make_beam(f"{number:g}{unit.upper()}", spectrum, deposit[used], np.minimum(1, deposit[used] / energy[used]))
    return _endpoint(number if unit == "mv" else number / 1000), beam


def read_steps(text: str, name: str) -> list[Step]:
    """Steps from CSV text; the columns are those of `fit_scanner`."""
    rows = _table(text, STEP_COLUMNS, name)
    numbers = {c: _column(rows, c, name) for c in STEP_COLUMNS if c != "material"}
    sigma = _column(rows, "sigma", name) if "sigma" in rows[0] else np.zeros(len(rows))
    steps = [
        Step(endpoint, row["material"].strip(), depth, attenuation, error)
        for row, endpoint, depth, attenuation, error in zip(
            rows, *(v.tolist() for v in numbers.values()), sigma.tolist(), strict=True
        )
    ]
    for line, step in enumerate(steps, start=2):
        if not (step.areal_density > 0 and step.attenuation > 0 and step.sigma >= 0):
            raise PhysicsError(f"{name} line {line}: expected positive numbers, came {step}")
        partial_attenuation(step.material, 1000.0)  # an unknown material is reported here
    return steps


def scanner_text(beams: Mapping[str, Beam]) -> str:
    """The scanner as JSON text, to be read by `read_scanner`: energies, weights, quanta and factors."""
    return json.dumps(
        {
            "format": 1,
            "beams": {
                endpoint: {
                    "name": beam.name,
                    "factors": list(beam.factors),
                    "energy_kev": beam.energy_kev.tolist(),
                    "weights": beam.weights.tolist(),
                    "quantum": beam.quantum.tolist(),
                }
                for endpoint, beam in beams.items()
            },
        },
        indent=1,
    )


def read_scanner(text: str) -> dict[str, Beam]:
    """Beams by endpoint from the text that `scanner_text` made. Raises PhysicsError for other text."""
    try:
        return {endpoint: _beam_of(beam) for endpoint, beam in json.loads(text)["beams"].items()}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise PhysicsError(f"scanner: expected the JSON of `nii scanner fit`, came {error}") from None


def _beam_of(record: Mapping[str, Any]) -> Beam:
    photo, compton, pair = (float(factor) for factor in record["factors"])
    energy, weights, quantum = (np.asarray(record[key], np.float64) for key in ("energy_kev", "weights", "quantum"))
    return Beam(str(record["name"]), energy, weights, quantum, (photo, compton, pair))


def _fitted(beam: Beam, steps: Sequence[Step]) -> Beam:
    return replace(beam, factors=fit_factors(beam, steps))


def _errors(beams: Mapping[str, Beam], steps: Sequence[Step]) -> dict[str, dict[str, float]]:
    """n, median and worst absolute error of the attenuation in percent, by endpoint."""
    out: dict[str, dict[str, float]] = {}
    for endpoint, beam in beams.items():
        of = _of(steps, endpoint)
        if of:
            model = np.array([float(attenuation_curve(s.material, s.areal_density, beam)) for s in of])
            percent = 100 * np.abs(model / np.array([s.attenuation for s in of]) - 1)
            out[endpoint] = {
                "n": len(of),
                "median": round(float(np.median(percent)), 4),
                "worst": round(float(percent.max()), 4),
            }
    return out


def _of(steps: Sequence[Step], endpoint: str) -> list[Step]:
    return [step for step in steps if _endpoint(step.endpoint_mev) == endpoint]


def _endpoint(mev: float) -> str:
    """How an endpoint is named in the output. Example: 6.0 gives "6"."""
    return f"{mev:g}"


def _left_out(beams: Mapping[str, Beam], steps: Sequence[Step]) -> tuple[str, ...]:
    stepped = {_endpoint(step.endpoint_mev) for step in steps}
    return (
        *(f"{e} MV: steps without a spectrum, left out" for e in sorted(stepped - set(beams))),
        *(f"{e} MV: a spectrum without steps, left out" for e in sorted(set(beams) - stepped)),
    )


def _table(text: str, columns: Sequence[str], name: str) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
    missing = [column for column in columns if not rows or column not in rows[0]]
    if missing:
        raise PhysicsError(f"{name}: expected CSV with columns {', '.join(columns)}; missing {', '.join(missing)}")
    return rows


def _column(rows: Sequence[Mapping[str, str | None]], column: str, name: str) -> Array:
    values = []
    for line, row in enumerate(rows, start=2):
        try:
            values.append(float(row[column] or "nan"))
        except ValueError:
            values.append(np.nan)
        if not np.isfinite(values[-1]):
            raise PhysicsError(f"{name} line {line}: expected a number as {column}, came {row[column]!r}")
    return np.array(values)
