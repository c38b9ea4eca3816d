"""Which kinds of load a scan fits, and whether what was declared is among them."""

from collections.abc import Sequence

import numpy as np

from nii.analysis.declared.sections import Section, counted
from nii.model.load_calibration import LoadCalibration

BUDGET = 0.05  # share of loads that are as declared and may be called something else
LEAST = 1e-6  # probability; what is less is not told apart


def misfit(section: Section, kinds: Sequence[str], cargos: Sequence[str]) -> float:
    """How little a section fits the likeliest of these kinds, -ln of its probability."""
    at = [cargos.index(kind) for kind in kinds]
    return float(-np.log(max(section.probabilities[at].max(), LEAST)))


def worst(sections: Sequence[Section], kinds: Sequence[str], cargos: Sequence[str]) -> float:
    """The misfit of the load: of the section that fits these kinds least, since a part may hold something else."""
    return max(misfit(one, kinds, cargos) for one in counted(sections, cargos))


def p_value(
    sections: Sequence[Section], goods: Sequence[Sequence[str]], cargos: Sequence[str], by: LoadCalibration
) -> float | None:
    """P-value of a load that is said to consist of goods, each of one of some kinds.

    None where several goods are declared and the model carries no such loads. Goods that look alike are one.
    """
    kinds = sorted({kind for one in goods for kind in one})
    score = worst(sections, kinds, cargos)
    return by.p_value(kinds, score) if len({tuple(one) for one in goods}) == 1 else by.p_value_mixed(score)


def plausible(sections: Sequence[Section], cargos: Sequence[str], by: LoadCalibration, budget: float) -> list[str]:
    """The kinds that these sections fit, likeliest first: a conformal set that holds the true kind with 1 - budget.

    For loads of one kind; of a mixed load it may be empty, since no one kind fits.
    """
    likely = np.mean([section.probabilities for section in sections], axis=0)
    ranked = [cargos[i] for i in np.argsort(-likely, kind="stable")]
    return [kind for kind in ranked if by.p_value([kind], worst(sections, [kind], cargos)) > budget]
