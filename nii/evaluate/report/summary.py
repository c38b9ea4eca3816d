"""What the report says first: the answer, the promise, the figures at a glance, the gaps."""

from collections import defaultdict
from collections.abc import Iterable

from nii.evaluate.metrics.detection import Figures
from nii.evaluate.metrics.headline import Headline
from nii.evaluate.report import page
from nii.evaluate.report.text import area, area_span, budget, number, of, percent, plain, span
from nii.stats.operating_point import scans_needed, smallest_pfa

BROKEN = 0.01  # tail probability of the observed false alarms below which the promise counts as broken
TOPICS = {
    "auroc": "AUROC",
    "pd_at_pfa": "detection at thresholds read off this set",
    "operating_point": "detection or false alarms at the model's own threshold",
    "pixel": "pixel figures",
    "regions": "places",
    "mass": "mass errors",
    "material": "materials",
    "calibration": "agreement with the calibration",
    "seconds_per_scan": "time per scan",
}


def summary(figures: Figures, rule: Headline) -> str:
    """What an operations chief reads first: the answer, the promise, the figures at a glance."""
    lines = [answer(figures, rule), promise(figures), page.paragraph(evidence(figures))]
    best = extremes(figures, rule)
    return "".join(lines) + (page.paragraph(best) if best else "") + page.cards(glance(figures, rule))


def answer(figures: Figures, rule: Headline) -> str:
    """What share of concealments is found if officers accept so many false alarms?"""
    rates = rule.rates(figures)
    if rates["pd"] is None:
        return page.paragraph(f"What share of concealments is found is unknown: {silence(figures)}.", "lead")
    lead = f"{percent(rates['pd'])} of concealments are found {price(rates, rule)}."
    proof = f"{of(rates['found'], rates['concealed'])}; from {span(rates['ci'])} with 95 % confidence."
    return page.paragraph(lead, "lead") + page.paragraph(f"{proof} {origin(rule)}")


def price(rates: Figures, rule: Headline) -> str:
    """What the officers pay for it; a set too small for the budget can only give its own count."""
    if rule.key is None or rates["supported"]:
        return f"if officers accept {budget(rule.pfa)}"
    return f"at a threshold that {of(rates['alarms_benign'], rates['benign'])} benign scans exceed"


def silence(figures: Figures) -> str:
    """Why there is no answer."""
    if not figures["scans"]["concealed"]:
        return "this set holds no scored scan with a concealment"
    return "this set holds no scored benign scan, and the model can't decide at this budget"


def origin(rule: Headline) -> str:
    """Where the threshold comes from, and what that is worth."""
    if rule.key is None:
        return "The threshold is the model's own, fixed before this set was opened."
    return "The threshold was read off this very set, so new scans may give more false alarms."


def promise(figures: Figures) -> str:
    """Whether the false alarms are as many as the model file promises."""
    point = figures["operating_point"]
    if point["alarms_benign"] is None:
        reason = figures["unknown"]["operating_point.alarms_benign"]
        return page.paragraph(f"The model's promise on false alarms can't be checked here: {reason}.")
    seen = f"At most {percent(point['pfa'])} false alarms were promised, "
    seen += f"{of(point['alarms_benign'], point['benign'])} benign scans alarmed."
    tail = point["tail_probability"]
    if tail is not None and tail < BROKEN:
        advice = "These scans do not look like the model's calibration: run nii calibrate on benign ones."
        return page.paragraph(f"Promise broken. {seen}", "bad") + page.paragraph(advice)
    if point["pfa_observed"] > point["pfa"]:
        chance = f" If it holds, so many or more are seen with a probability of {percent(tail)}." if tail else ""
        return page.paragraph(f"Nothing speaks against the promise. {seen}{chance}")
    if smallest_pfa(point["benign"]) > point["pfa"]:
        return page.paragraph(f"Nothing speaks against the promise. {seen}")
    return page.paragraph(f"Promise kept. {seen}", "good")


def evidence(figures: Figures) -> str:
    """How much was measured, and whether it is enough for the budget."""
    scans, pfa = figures["scans"], figures["operating_point"]["pfa"]
    said = f"Measured on {scans['benign']} benign and {scans['concealed']} concealed scans"
    said += f"; {scans['failed']} more could not be scored." if scans["failed"] else "."
    if scans["benign"] and smallest_pfa(scans["benign"]) > pfa:
        said += f" To show that a budget of {percent(pfa)} is kept takes {scans_needed(pfa)} benign scans."
    return said


def extremes(figures: Figures, rule: Headline) -> str:
    """The families found best and worst."""
    known = [(name, rule.rates(row)) for name, row in figures["families"].items()]
    known = [pair for pair in known if pair[1]["pd"] is not None]
    if len(known) < 2:
        return ""
    chosen = (
        min(known, key=lambda pair: (pair[1]["pd"], -pair[1]["concealed"])),  # of equal ones that of most scans
        max(known, key=lambda pair: (pair[1]["pd"], pair[1]["concealed"])),
    )
    if chosen[0][1]["pd"] == chosen[1][1]["pd"]:
        return ""
    worst, best = ((plain(name), of(rates["found"], rates["concealed"])) for name, rates in chosen)
    return f"Found best: {best[0]} ({best[1]}). Found worst: {worst[0]} ({worst[1]})."


def glance(figures: Figures, rule: Headline) -> Iterable[tuple[str, str, str]]:
    """The cards; a figure that is unknown gets none."""
    rates, regions, mass = rule.rates(figures), figures["regions"], figures["mass"]
    if rates["pd"] is not None:
        yield f"Found at {budget(rule.pfa)}", percent(rates["pd"]), f"95 % interval {span(rates['ci'])}"
    if rates["pfa_observed"] is not None:
        counts = f"{of(rates['alarms_benign'], rates['benign'])}, interval {span(rates['pfa_ci'])}"
        yield "False alarms observed", percent(rates["pfa_observed"]), counts
    if figures["auroc"] is not None:
        yield "AUROC", area(figures["auroc"]), f"95 % interval {area_span(figures['auroc_ci'])}"
    if regions["recall_at_1_per_scan"] is not None:
        counts = of(regions["found_at_1"], regions["n"])
        yield "Right place at the first region", percent(regions["recall_at_1_per_scan"]), counts
    if mass["median_relative_error"] is not None:
        yield (
            "Mass error, median",
            percent(mass["median_relative_error"]),
            f"of {mass['n']} weighed",
        )
    if figures["seconds_per_scan"] is not None:
        times = figures["seconds"]
        yield (
            "Time per scan, median",
            number(figures["seconds_per_scan"], "s"),
            f"95 % under {times['p95']:.3g} s",
        )


def gaps(figures: Figures) -> str:
    """What this set can't say, by reason."""
    topics: dict[str, set[str]] = defaultdict(set)
    for path, reason in figures["unknown"].items():
        topic = TOPICS.get(path.partition(".")[0])
        if topic and ".families." not in path:
            topics[reason].add(topic)
    lines = [f"{', '.join(sorted(names))}: {reason}" for reason, names in sorted(topics.items())]
    lines += [row["note"] for row in figures["pd_at_pfa"].values() if "note" in row]
    return page.bullets(line[0].upper() + line[1:] for line in lines)
