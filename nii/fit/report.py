"""What fitting brought, as figures and as a page: SITE.json and SITE.html beside the model."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nii.analysis.record import analyse
from nii.errors import CalibrationError, ScanError
from nii.evaluate.report.page import page, paragraph, picture, table
from nii.evaluate.report.text import number, of, percent, plain, span
from nii.fit.look import Site
from nii.fit.run import Fitted, Inserted
from nii.io.read import read_scan
from nii.io.write import write_atomically
from nii.model.contract import Contract
from nii.model.detector import Detector
from nii.show.overlay import jpeg, overlay
from nii.stats.operating_point import budgets, certain_pfa, smallest_pfa

BUDGETS = (0.01, 0.05)
MASSES = (0.0, 1.0, 5.0, 20.0, 100.0, np.inf)  # kg, ends of the groups
HIGHEST = 8  # benign scans that are shown
QUANTILE = 1.96  # of the normal distribution, for 95 %
PROMISE = (
    "Each benign scan was scored by a judge that had not seen it, and a new benign scan of the same kind is ranked "
    "among these scores: on average over sites a budget is kept (measured by simulation, see "
    "nii.studies.judge_coverage); the second figure is kept in 19 of 20 sites."
)


def figures(contract: Contract, site: Site, fitted: Fitted, pfa: float | None, seconds: float) -> dict[str, Any]:
    """All that the report says, for JSON. pfa: a budget asked for beside the usual ones."""
    n = len(site.looks)
    asked = sorted({*BUDGETS, *([pfa] if pfa else [])})
    usable = [one for one in asked if one >= smallest_pfa(n)] or [smallest_pfa(n)]
    order = np.argsort(-fitted.benign[:, 1])[:HIGHEST]
    return {
        "model": f"{contract.name} {contract.version}",
        "scans": n,
        "insertions": len(fitted.inserted),
        "seconds": round(seconds, 1),
        "gained": fitted.gained,
        "gain": {"mean_log_p_ratio": fitted.gain[0], "standard_error": fitted.gain[1]},
        "smallest_pfa": {"on_average": smallest_pfa(n), "with_95_percent_confidence": certain_pfa(n)},
        "promise": PROMISE,
        "all": _before_and_after(fitted.inserted, usable),
        "families": _by(sorted(fitted.inserted, key=lambda one: one.family), usable[-1], lambda one: one.family),
        "masses": _by(sorted(fitted.inserted, key=lambda one: one.mass_kg), usable[-1], _mass_group),
        "highest": [
            {"path": site.paths[i], "load": site.loads[i], "score": float(fitted.benign[i, int(fitted.gained)])}
            for i in order
        ],
    }


def _before_and_after(inserted: Sequence[Inserted], usable: Sequence[float]) -> dict[str, Any]:
    """Rates of some insertions, before and after."""
    return {name: _rates(inserted, i, usable) for i, name in enumerate(("before", "after"))}


def _rates(inserted: Sequence[Inserted], which: int, usable: Sequence[float]) -> dict[str, Any]:
    p = np.array([one.p_value[which] for one in inserted])
    first = sum(one.first[which] for one in inserted)
    return {
        "above_benign": round(1 - float(p.mean()), 4) if p.size else None,
        "pd_at_pfa": {f"{pfa:.3g}": rate(int((p <= pfa).sum()), p.size) for pfa in usable},
        "first": rate(first, p.size),
    }


def rate(hits: int, n: int) -> dict[str, Any]:
    """A share with its count and 95 % interval after Wilson (J. Am. Stat. Assoc. 22, 1927)."""
    if not n:
        return {"n": 0, "hits": 0, "share": None, "ci": None}
    share, z2 = hits / n, QUANTILE**2
    middle, half = share + z2 / (2 * n), QUANTILE * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    ends = [float(np.clip((middle + sign * half) / (1 + z2 / n), 0, 1)) for sign in (-1, 1)]
    return {"n": n, "hits": hits, "share": share, "ci": ends}


def _by(inserted: Sequence[Inserted], pfa: float, group: Callable[[Inserted], str]) -> dict[str, Any]:
    """Rates by group, in the order in which the groups come."""
    groups = {name: [one for one in inserted if group(one) == name] for name in dict.fromkeys(map(group, inserted))}
    return {name: _before_and_after(found, [pfa]) for name, found in groups.items()}


def _mass_group(one: Inserted) -> str:
    i = int(np.searchsorted(MASSES, one.mass_kg, side="right"))
    low, high = MASSES[i - 1], MASSES[min(i, len(MASSES) - 1)]
    return f"{low:g} to {high:g} kg" if np.isfinite(high) else f"{low:g} kg and more"


def summary(found: dict[str, Any]) -> list[str]:
    """The result in a few lines, for the terminal and the head of the page."""
    pfa = list(found["all"]["after"]["pd_at_pfa"])[-1]
    hits = [found["all"][which]["pd_at_pfa"][pfa] for which in ("before", "after")]
    firsts = [found["all"][which]["first"] for which in ("before", "after")]
    lines = [
        f"{found['scans']} benign scans, {found['insertions']} concealments put into copies of them",
        f"found at {percent(float(pfa))} of these scans: {of(hits[0]['hits'], hits[0]['n'])} before, "
        f"{hits[1]['hits']} fitted; first place right: {firsts[0]['hits']} and {firsts[1]['hits']}",
        budgets(found["scans"]),
    ]
    if not found["gained"]:
        lines.append("fitting gains nothing beyond chance here: the model keeps the judge that it came with")
    return lines


def write_report(out: Path, found: dict[str, Any]) -> None:
    """OUT.json and OUT.html beside the model `out`, with pictures by that model."""
    write_atomically(out.with_suffix(".json"), (json.dumps(found, indent=1) + "\n").encode())
    sections = [
        ("all", "Before and after", _table_of({"all": found["all"]}, "Insertions")),
        ("families", "By family", _table_of(found["families"], "Insertions by family")),
        ("masses", "By mass", _table_of(found["masses"], "Insertions by mass")),
        ("highest", "The benign scans that score highest", _pictures(Detector.load(out), found["highest"])),
        ("promise", "What the operating points promise", paragraph(found["promise"])),
    ]
    head = "".join(map(paragraph, summary(found)))
    whole = page(f"{found['model']}, fitted to a site", head, sections, paragraph(f"{found['seconds']} seconds"))
    write_atomically(out.with_suffix(".html"), whole.encode())


def _table_of(groups: dict[str, Any], caption: str) -> str:
    rows = [row for name, both in groups.items() for row in _rows(name, both)]
    head = ("", "budget", "n", "found before", "95 %", "found fitted", "95 %", "first place before", "fitted")
    return table(caption, head, rows)


def _rows(name: str, both: dict[str, Any]) -> list[list[str]]:
    before, after = both["before"], both["after"]
    return [
        [
            plain(name),
            percent(float(pfa)),
            number(old["n"]),
            percent(old["share"]),
            span(old["ci"]),
            percent(new["share"]),
            span(new["ci"]),
            percent(before["first"]["share"]),
            percent(after["first"]["share"]),
        ]
        for (pfa, old), new in zip(before["pd_at_pfa"].items(), after["pd_at_pfa"].values(), strict=True)
    ]


def _pictures(detector: Detector, highest: Sequence[dict[str, Any]]) -> str:
    parts = []
    for one in highest:
        try:
            result = analyse(read_scan(one["path"]), detector, pfa=0.5)
        except (ScanError, CalibrationError):  # such as a scan that only its set describes
            continue
        view = f"{one['load']}, score {one['score']:.2f}"
        parts.append(picture(jpeg(overlay(result)), Path(one["path"]).name, view))
    return "".join(parts)
