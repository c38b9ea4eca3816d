"""The report of an evaluation: four files in one folder, written whole or not at all."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nii.errors import OutputError
from nii.evaluate.metrics.detection import Figures
from nii.evaluate.metrics.headline import Headline, decided, headline
from nii.evaluate.metrics.results import ScanResult
from nii.evaluate.report import page, plots, sections, summary, versus
from nii.evaluate.report.gallery import Gallery, ReportPicture
from nii.evaluate.report.tables import REGION_COLUMNS, SCORE_COLUMNS, region_rows, score_rows
from nii.evaluate.report.text import number
from nii.io.table import write_table
from nii.stats.optional import evaluate_extra

MARKS = (
    "Red tint: evidence. Red box: a region that alarms. Orange box: the highest region of a scan without alarm. "
    "Green box: the true place."
)


def write_report(
    out_dir: str | Path, figures: Figures, results: Sequence[ScanResult], gallery: Gallery | None = None
) -> None:
    """Write metrics.json, scores.parquet, regions.parquet and report.html into a folder.

    figures: from `nii.evaluate.metrics.collect.metrics`, of the same results.
    """
    text = json.dumps(figures, indent=1, allow_nan=False)
    html = report_html(figures, results, gallery or Gallery())
    scores = score_rows(results, figures["operating_point"]["pfa"] if decided(figures) else None)
    regions = region_rows(results)
    replace_all(
        Path(out_dir),
        {
            "metrics.json": lambda path: path.write_text(text + "\n", encoding="utf-8"),
            "scores.parquet": lambda path: write_table(path, scores, SCORE_COLUMNS),
            "regions.parquet": lambda path: write_table(path, regions, REGION_COLUMNS),
            "report.html": lambda path: path.write_text(html, encoding="utf-8"),
        },
    )


def write_comparison(out_dir: str | Path, figures: Figures) -> None:
    """Write metrics.json and report.html of two models side by side, beside the folders a and b of each."""
    text, html = json.dumps(figures, indent=1, allow_nan=False), versus.comparison_html(figures)
    replace_all(
        Path(out_dir),
        {
            "metrics.json": lambda path: path.write_text(text + "\n", encoding="utf-8"),
            "report.html": lambda path: path.write_text(html, encoding="utf-8"),
        },
    )


def replace_all(folder: Path, writers: Mapping[str, Callable[[Path], object]]) -> None:
    """Write every file beside its place, then move all: a failure leaves the old report whole. Raises OutputError."""
    parts = {name: folder / f".{os.getpid()}.{name}" for name in writers}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, write in writers.items():
            write(parts[name])
        for name, part in parts.items():
            part.replace(folder / name)
    except OSError as error:
        raise OutputError(f"{folder}: expected room for a report, came: {error.strerror or error}") from None
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def report_html(figures: Figures, results: Sequence[ScanResult], gallery: Gallery) -> str:
    """The whole page: the answer first, then tables and plots, then pictures."""
    rule = headline(figures)
    name = figures["model"].get("name", "model")
    title = f"Detection report: {name}" + (f" on {figures['about']['set']}" if "set" in figures["about"] else "")
    parts = [
        ("gaps", "What this set can't say", summary.gaps(figures)),
        ("detection", "Detection and false alarms", detection(figures, results)),
        ("seen", "What wasn't seen through", sections.seen_table(figures)),
        ("families", "What is found", families(figures, rule)),
        ("parts", "Loads and scanners", parts_of_set(figures, rule)),
        ("size", "How small a thing is found", sizes(figures, rule)),
        ("places", "Where it points", places(figures)),
        ("what", "What is it", what(figures)),
        ("mass", "Mass and material", mass(figures)),
        ("missed", "Missed concealments", pictures(gallery.missed, results, rule)),
        ("false-alarms", "Worst false alarms", false_alarms(gallery.false_alarms, results, rule)),
        ("hits", "Best hits", pictures(gallery.best_hits, results, rule)),
        ("failed", "Failed scans", sections.failed_table(figures)),
        ("reading", "How to read this", sections.reading(figures) + sections.about_table(figures)),
    ]
    footer = "Every figure is in metrics.json, every scan in scores.parquet, every region in regions.parquet."
    return page.page(title, summary.summary(figures, rule), parts, footer)


def detection(figures: Figures, results: Sequence[ScanResult]) -> str:
    """Budgets, ROC, scores, calibration."""
    parts = [
        page.plot(plots.roc_plot(figures), "ROC curve. Further up and to the left is better."),
        page.plot(plots.histogram_plot(results, figures), "Scores. The less the two overlap, the better."),
        page.plot(
            plots.calibration_plot(results),
            "False alarms, promised and observed. Below the line the promise is kept.",
        ),
        sections.calibration_table(figures),
    ]
    return sections.budgets_table(figures) + page.grid(parts)


def families(figures: Figures, rule: Headline) -> str:
    """What kinds of concealment are found."""
    rows = [(name, rule.rates(row)) for name, row in figures["families"].items()]
    drawn = page.plot(plots.family_plot(rows), "Share found per family, with the number of scans.")
    return page.grid([drawn, sections.families_table(figures, rule)])


def parts_of_set(figures: Figures, rule: Headline) -> str:
    """The set split by what benign and concealed scans share."""
    loads = sections.parts_table("Load", figures["cargo"], rule)
    return loads + sections.load_tables(figures) + sections.parts_table("Scanner", figures["scanners"], rule)


def sizes(figures: Figures, rule: Headline) -> str:
    """Detection against mass and against what an ideal observer could see."""
    masses, dprimes = figures["detection_by_mass_kg"], figures["detection_by_dprime"]
    mass_curve = rule.rates(figures["detection_curves"]["mass_kg"])
    dprime_curve = rule.rates(figures["detection_curves"]["dprime"])
    by_mass = [(row["median"], rule.rates(row)) for row in masses]
    by_dprime = [(row["median"], rule.rates(row)) for row in dprimes]
    ideal = partial(ideal_pd, pfa=rule.pfa)
    drawn = plots.binned_plot("mass", "mass in kg", by_mass, curve=mass_curve)
    left = page.plot(drawn, "Share found against mass. " + limit(mass_curve, "{} kg"))
    right = page.plot(
        plots.binned_plot("dprime", "detectability d'", by_dprime, curve=dprime_curve, ideal=ideal),
        "Share found against the detectability of an ideal observer, the limit of any method. "
        + limit(dprime_curve, "d' {}"),
    )
    left += sections.bins_table("Share found by mass", "kg", masses, rule)
    right += sections.bins_table("Share found by detectability d'", "", dprimes, rule)
    return page.grid([left, right]) + sections.cover_table(figures["detection_by_cover"], rule)


def limit(curve: Figures | None, size: str) -> str:
    """The detection limit in words, its size written like "{} kg"; nothing without a curve."""
    if curve is None:
        return ""
    if curve["limit"] is None:
        return "The fitted curve reaches 90 % only beyond the concealments of this set."
    low, high = (size.format(number(end)) if end is not None else "beyond this set" for end in curve["limit_ci"])
    at = size.format(number(curve["limit"]))
    return f"Of concealments of {at}, 90 % are found; 95 % interval {low} to {high}."


def ideal_pd(dprime: npt.ArrayLike, pfa: float) -> npt.NDArray[np.float64]:
    """Pd of an ideal observer at a false-alarm rate, Phi(d' - z) with Phi(z) = 1 - pfa.

    Source: Green and Swets, Signal Detection Theory, 1966. Example: d' = 0 gives pfa itself.
    """
    with evaluate_extra():
        from scipy.stats import norm  # type: ignore[import-untyped] # scipy ships no types

    return np.asarray(norm.cdf(np.asarray(dprime) - norm.isf(pfa)), dtype=np.float64)


def places(figures: Figures) -> str:
    """Regions and heat maps."""
    curve = page.plot(plots.froc_plot(figures), "FROC. Concealments marked against wrongly marked places.")
    return page.grid([curve, sections.places_table(figures)])


def mass(figures: Figures) -> str:
    """Mass errors, and what found concealments were called."""
    tables = figures["confusion"]
    masses = sections.mass_table(figures) + sections.mass_families_table(figures)
    material = sections.confusion_table("Material named for found concealments", "True material", tables["material"])
    by_family = sections.confusion_table("Material named, by family", "True family", tables["family_material"])
    called = sections.confusion_table("What found concealments were called", "True family", tables["family"])
    return page.grid([masses, sections.material_line(figures) + material + by_family]) + called


def what(figures: Figures) -> str:
    """Families named, with 'unknown', and whether their probabilities are right; nothing where none was named."""
    found = figures["what"]
    if found is None:
        return ""
    drawn = page.plot(
        plots.reliability_plot(found["ece"]["bins"]),
        "Probability of the likeliest family against the share that is of it. On the line it is right.",
    )
    confusion = sections.confusion_table("Families named, by true family", "True family", found["confusion"])
    return page.grid([sections.what_table(found), drawn]) + confusion


def false_alarms(group: Sequence[ReportPicture], results: Sequence[ScanResult], rule: Headline) -> str:
    """The benign scans of the highest scores; where none alarms, it says so."""
    shown = [result for result in results if result.name in {picture.name for picture in group}]
    quiet = bool(shown) and not any(rule.alarm(result) for result in shown)
    said = page.paragraph("No benign scan alarmed; these scored highest.") if quiet else ""
    return said + pictures(group, results, rule)


def pictures(group: Sequence[ReportPicture], results: Sequence[ScanResult], rule: Headline) -> str:
    """A gallery: each scan with its marks, beside the view without the excess layer."""
    by_name = {result.name: result for result in results}
    key = page.paragraph(MARKS, "muted") if group else ""
    return key + "".join(pair(shown, sections.describe(by_name[shown.name], rule)) for shown in group)


def pair(shown: ReportPicture, caption: str) -> str:
    """Two views of a scan under one caption."""
    views = page.picture(shown.overlay, shown.name, "with marked regions")
    if shown.without is not None:
        views += page.picture(shown.without, shown.name, "without the excess layer")
    return f'<figure class="pair"><figcaption>{page.text(caption)}</figcaption>{views}</figure>'
