"""How well regions are named: `nii study naming MODEL CALIBRATION_SET REPORT_SET`.

On the report set: the figures of `nii.evaluate`. And with one family after the other held out of the naming: how
many of its regions, in both sets, are then called unknown. The network itself has seen every family in training.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nii.errors import CalibrationError
from nii.evaluate.metrics.missing import split_unknown
from nii.evaluate.metrics.naming import Named, share, shares
from nii.fit.naming import PENALTIES, Examples, calibrated, kept_examples
from nii.model.detector import Detector
from nii.model.naming import NO_FAMILY, UNKNOWN, Naming, features


def named(by: Naming, found: Examples) -> list[Named]:
    """What the regions are called."""
    rows = []
    for x, family in zip(found.x, found.family, strict=True):
        likeliest, probability = by.ranked(x)[0]
        true = by.families[family]
        rows.append(Named(UNKNOWN if true == NO_FAMILY else true, by.name(x), likeliest, probability))
    return rows


def held_out(
    family: str, calibration: Examples, report: Examples, families: tuple[str, ...], penalties: Sequence[float]
) -> dict[str, Any]:
    """Share of a family's regions that are called unknown by a naming that was fitted without it.

    The network's output for the family is taken away too, and its other outputs are scaled to a sum of 1.
    """
    number = families.index(family)
    blind = [without(part, number, len(families)) for part in (calibration, report)]
    naming = calibrated(blind[0].part(blind[0].family != number), families, "", penalties)
    strange = [one for part in blind for one in named(naming, part.part(part.family == number))]
    return share(sum(one.called == UNKNOWN for one in strange), len(strange))


def without(found: Examples, family: int, families: int) -> Examples:
    """The regions as a network would tell them that has no output for this family."""
    shares = np.exp(found.x[:, :families])
    shares[:, family] = 0
    told = features(shares / shares.sum(axis=1, keepdims=True), found.x[:, families:])
    return Examples(told, found.family, found.scan)


def figures(calibration: Examples, report: Examples, naming: Naming, penalties: Sequence[float]) -> dict[str, Any]:
    """Everything, ready for JSON."""
    families = naming.families
    out = {
        name: held_out(name, calibration, report, families, penalties)
        for name in families
        if name != NO_FAMILY and (calibration.family == families.index(name)).any()
    }
    unknown, n = (sum(row[key] for row in out.values()) for key in ("count", "n"))
    tree = {"report": shares(named(naming, report)), "held_out": out, "held_out_all": share(unknown, n)}
    return dict(split_unknown(tree)[0])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        prog="nii study naming", description="How well regions are named, and what is held out stays unknown."
    )
    parser.add_argument("model")
    parser.add_argument("sets", type=Path, nargs=2, help="the set that the model was calibrated on, and a fresh one")
    parser.add_argument("--regions", type=Path, nargs=2, default=(None, None), help="as of nii.fit.naming")
    parser.add_argument("--penalty", type=float, nargs="+", default=PENALTIES, help="tried in each fit")
    asked = parser.parse_args(arguments)
    detector = Detector.load(asked.model)
    if detector.contract.naming is None:
        raise CalibrationError(f"{asked.model}: expected a model with a naming, came one without")
    calibration, report = (kept_examples(*pair) for pair in _jobs(asked, detector))
    print(json.dumps(figures(calibration, report, detector.contract.naming, asked.penalty), indent=1))


def _jobs(asked: argparse.Namespace, detector: Detector) -> list[tuple[Path, Detector, Path | None]]:
    return [(folder, detector, kept) for folder, kept in zip(asked.sets, asked.regions, strict=True)]


if __name__ == "__main__":
    main()
