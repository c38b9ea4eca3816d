"""Which scans the report shows, and the pictures of them that the caller draws."""

from collections.abc import Sequence
from dataclasses import dataclass

from nii.evaluate.metrics.detection import Figures
from nii.evaluate.metrics.headline import headline
from nii.evaluate.metrics.regions import hits, ranked
from nii.evaluate.metrics.results import ScanResult, scores, usable

SIZE = 6  # pictures per gallery


@dataclass(frozen=True, slots=True)
class ReportPicture:
    """One scan, drawn: the view with the marked regions, and the view without the excess layer.

    PNG or JPEG bytes, at the size that the report should show; a width of 1100 pixels is
    sharp and prints well.
    """

    name: str
    overlay: bytes
    without: bytes | None = None


@dataclass(frozen=True, slots=True)
class Gallery:
    """The pictures of the report, each group in the order shown."""

    missed: tuple[ReportPicture, ...] = ()
    false_alarms: tuple[ReportPicture, ...] = ()
    best_hits: tuple[ReportPicture, ...] = ()


def choose_gallery(figures: Figures, results: Sequence[ScanResult], size: int = SIZE) -> dict[str, list[str]]:
    """Names of the scans to draw, by field of `Gallery`, at most `size` each.

    missed: concealed scans without alarm, lowest score first. false_alarms: benign scans,
    highest score first, whether they alarm or not. best_hits: concealed scans that alarm in
    the right place, highest score first.
    """
    rule, scored = headline(figures), usable(results)
    rising = sorted(scored.concealed, key=lambda result: scores([result]))
    groups = {
        "missed": [result for result in rising if rule.alarm(result) is False],
        "false_alarms": sorted(scored.benign, key=lambda result: scores([result]), reverse=True),
        "best_hits": [r for r in reversed(rising) if rule.alarm(r) and right_place(r)],
    }
    return {kind: [result.name for result in group[:size]] for kind, group in groups.items()}


def right_place(result: ScanResult) -> bool:
    """Whether its first region hits a concealment, or nothing is known about places."""
    boxes = [truth.box for truth in result.truth if truth.box is not None]
    if not boxes:
        return True
    return bool(result.regions) and any(hits(ranked(result)[0].box, box) for box in boxes)
