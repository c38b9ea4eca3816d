"""What wasn't seen through: how many scans get no "clear" for it, and Pd with and without what nobody could see."""

from collections import defaultdict
from collections.abc import Sequence

from nii.evaluate.metrics.detection import Decide, Figures, pd_rate
from nii.evaluate.metrics.missing import Unknown
from nii.evaluate.metrics.results import ScanResult, ScoredSet

HIDDEN = 0.5  # share of a concealment that is opaque, from which on nobody could see it


def seen_metrics(scored: ScoredSet, promised: Decide | Unknown) -> Figures:
    """Answers by truth, benign ones by load too; Pd of all concealed scans and of those whose concealment can be seen.

    A scan alarms by the model's own rule; else it is not seen through, or clear. opaque: the concealment lies behind
    what nobody sees through in at least HIDDEN of its area.
    """
    visible = [result for result in scored.concealed if (result.concealed_unseen or 0.0) < HIDDEN]
    by_load: dict[str, list[ScanResult]] = defaultdict(list)
    for result in scored.benign:
        if result.load is not None:
            by_load[result.load].append(result)
    return {
        "benign": _answers(scored.benign, promised),
        "concealed": _answers(scored.concealed, promised),
        "benign_by_load": {load: _answers(group, promised) for load, group in sorted(by_load.items())},
        "pd": pd_rate(scored.concealed, promised),
        "pd_of_visible": pd_rate(visible, promised),
        "opaque": len(scored.concealed) - len(visible),
    }


def _answers(results: Sequence[ScanResult], promised: Decide | Unknown) -> Figures | Unknown:
    """How many alarm, are not seen through, and are clear."""
    if isinstance(promised, Unknown):
        return promised
    alarms = [promised(result) for result in results]
    unseen = sum(not (result.seen_enough or alarm) for result, alarm in zip(results, alarms, strict=True))
    return {"alarm": sum(alarms), "not_seen_through": unseen, "clear": len(results) - sum(alarms) - unseen}
