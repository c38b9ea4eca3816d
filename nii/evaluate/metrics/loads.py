"""Loads: is there any, and of which kind?

Counted are scans whose set says what they hold. An empty conveyance with a concealment in it counts in neither row:
whether that is a load is a matter of its mass.
"""

from collections import Counter
from collections.abc import Sequence

from nii.evaluate.metrics.detection import Figures
from nii.evaluate.metrics.missing import Unknown
from nii.evaluate.metrics.naming import share
from nii.evaluate.metrics.results import ScanResult

EMPTY = "empty"  # as the sets and the models name a conveyance without a load
RANKS = (1, 5)


def load_metrics(results: Sequence[ScanResult]) -> Figures | Unknown:
    """What the test of emptiness said of empty and loaded scans; how often the model's first kinds hold the true one.

    any_load: answers, counted, by truth. kinds: share of loads of one kind, known to the model, of which the kind is
    the likeliest (top_1) or among the five likeliest (top_5).
    """
    known = [result for result in results if result.load is not None and result.any_load is not None]
    if not known:
        return Unknown("the set doesn't say what its scans hold")
    empty = [result for result in known if result.load == EMPTY and not result.concealed]
    loaded = [result for result in known if result.load != EMPTY]
    told = [result for result in loaded if result.load in result.kinds]
    return {
        "any_load": {"empty": _answers(empty), "loaded": _answers(loaded)},
        "kinds": {f"top_{n}": share(sum(r.load in r.kinds[:n] for r in told), len(told)) for n in RANKS},
        "of_other_kinds": len(loaded) - len(told),
    }


def _answers(results: Sequence[ScanResult]) -> Figures:
    return dict(sorted(Counter(str(result.any_load) for result in results).items()))
