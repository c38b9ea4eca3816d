"""`nii fit`: benign scans of a site in, a model of its own and the report on it out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from nii.errors import UsageError
from nii.fit.calibrate import Benign, Outcome, benign_scans
from nii.fit.look import Site, look_at_site
from nii.fit.report import figures, summary, write_report
from nii.fit.run import fit_judge, fitted_contract, judge_of, write_fitted
from nii.model.detector import Detector
from nii.run.progress import bar
from nii.stats.operating_point import check_pfa

TRAINERS = "nii.trainers"  # entry points; whoever trains a network on a site's scans joins by it


class Trainer(Protocol):
    """Trains a model on: writes `out`, the model with the network trained for so many minutes on benign scans.

    Returns a line that says what that has brought.
    """

    def __call__(self, model: str, scans: Sequence[Benign], out: Path, minutes: float) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for. scanner: only scans that carry this name. pfa: a budget that must be supported.

    minutes: of training of the network before its judge is fitted; None for none.
    """

    model: str
    benign: tuple[str, ...]
    out: Path
    scanner: str | None = None
    pfa: float | None = None
    minutes: float | None = None
    threads: int = 0


def fit_site(asked: Request) -> tuple[list[Outcome], list[str]]:
    """Fit, calibrate, write the model and its report; what became of each scan, and the result in a few lines.

    Raises CalibrationError where the scans don't support the budget, ModelError for a model without a judge.
    """
    if asked.pfa is not None:
        check_pfa(asked.pfa)
    began, scans = time.monotonic(), benign_scans(asked.benign)
    model, lines = asked.model, list[str]()
    if asked.minutes is not None:
        lines = [_trainer()(model, scans, asked.out, asked.minutes)]
        model = str(asked.out)
    came, detector, site = judge_of(model), Detector.load(model, threads=asked.threads), Site()
    with bar("scans", len(scans)) as progress:
        for done in look_at_site(detector, scans, asked.scanner, site):
            progress(done)
    fitted = fit_judge(site, came)
    contract = fitted_contract(detector.contract, site, fitted, asked.scanner)
    if asked.pfa is not None:
        contract.calibrations[-1].threshold(asked.pfa)
    write_fitted(model, fitted.judge, contract, asked.out)
    found = figures(contract, site, fitted, asked.pfa, time.monotonic() - began)
    write_report(asked.out, found)
    return site.outcomes, summary(found) + lines


def _trainer() -> Trainer:
    """The one that is installed."""
    for point in entry_points(group=TRAINERS):
        trainer: Trainer = point.load()
        return trainer
    raise UsageError("--train: expected the package nii with its folder training, came one without")
