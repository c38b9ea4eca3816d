"""The page of two models side by side: differences with their paired bootstrap intervals."""

from collections.abc import Iterator

from nii.evaluate.metrics.detection import Figures
from nii.evaluate.report import page, plots
from nii.evaluate.report.text import area, number, of, percent, plain

HEAD = ("Figure", "a", "b", "b minus a", "95 % interval", "p-value")
CLEAR = 0.05  # p-value below which a difference is called one


def comparison_html(figures: Figures) -> str:
    """The whole page; reports of each model lie in the folders a and b beside it."""
    parts = [
        ("differences", "Differences", differences(figures)),
        ("families", "Families", families(figures)),
        ("only", "Found by one model only", only(figures)),
        ("models", "Models and set", about(figures)),
    ]
    title = f"Two models on {figures['about']['set']}" if "set" in figures["about"] else "Two models"
    footer = 'The whole report of each model: <a href="a/report.html">a</a>, <a href="b/report.html">b</a>.'
    return page.page(title, summary(figures), parts, footer)


def summary(figures: Figures) -> str:
    """Which model is better, in a sentence or two."""
    scans, names = figures["scans"], figures["models"]
    said = "; ".join(
        f"{side}: {model['name']} {model['version']} ({model['sha256'][:8]})" for side, model in names.items()
    )
    measured = f"Measured on the {scans['benign']} benign and {scans['concealed']} concealed scans that both scored."
    return page.paragraph(verdict(figures), "lead") + page.paragraph(f"{said}. {measured}")


def verdict(figures: Figures) -> str:
    """The difference in AUROC, or why there is none."""
    row = figures["auroc"]
    if row is None:
        return f"Which model is better is unknown: {figures['unknown']['auroc']}."
    values = f"AUROC {area(row['a'])} for a, {area(row['b'])} for b"
    if row["p_value"] >= CLEAR:
        return f"These scans can't tell the two models apart: {values}."
    better = "b" if row["difference"] > 0 else "a"
    return f"Model {better} is better: {values}."


def rows_of(figures: Figures) -> Iterator[tuple[str, Figures, bool]]:
    """(name, row, whether it is an area) of all figures that are known."""
    if figures["auroc"] is not None:
        yield "AUROC", figures["auroc"], True
        for pfa, row in figures["pd_at_pfa"].items():
            yield f"Pd at {percent(float(pfa))}, threshold from this set", row, False
    point = figures["operating_point"] or {}
    for key, name in (("pd", "Pd"), ("pfa_observed", "Pfa")):
        if point.get(key):
            yield f"{name} at {percent(point['pfa'])}, model's own threshold", point[key], False
    if figures["recall_at_1"] is not None:
        yield "first region in the right place", figures["recall_at_1"], False


def differences(figures: Figures) -> str:
    """Table and plot of all figures."""
    rows = list(rows_of(figures))
    table = page.table("Figures of both models", HEAD, [_line(name, row, is_area=kind) for name, row, kind in rows])
    drawn = plots.difference_plot([(name, row) for name, row, _ in rows])
    return table + page.plot(drawn, "Right of the dashed line b is higher.")


def families(figures: Figures) -> str:
    """AUROC of each family."""
    rows = [[*_line(f"{name} ({row['n']})", row, is_area=True)] for name, row in (figures["families"] or {}).items()]
    return page.table("AUROC of each family against all benign scans", HEAD, rows)


def only(figures: Figures) -> str:
    """Scans on which the models disagree: what a difference consists of."""
    point = figures["operating_point"] or {}
    known = {
        "concealed scans that alarm": point.get("pd"),
        "benign scans that alarm": point.get("pfa_observed"),
        "first region in the right place": figures["recall_at_1"],
    }
    rows = [[name, of(row["only_a"], row["n"]), of(row["only_b"], row["n"])] for name, row in known.items() if row]
    return page.table("Scans on which the models disagree", ["Scans", "only a", "only b"], rows)


def about(figures: Figures) -> str:
    """Models, set and command."""
    rows = [[f"model {s} {k}", v] for s, m in figures["models"].items() for k, v in m.items() if isinstance(v, str)]
    rows += [[key, value] for key, value in figures["about"].items()]
    rows += [[f"scans left out of {side}", figures["scans"][f"left_out_{side}"]] for side in "ab"]
    return page.table("Models and set", ["What", "value"], rows, texts=(1,))


def _line(name: str, row: Figures, *, is_area: bool) -> list[str]:
    shown = area if is_area else percent
    low, high = row["ci"]
    gap = f"{row['difference']:+.3f}" if is_area else f"{100 * row['difference']:+.1f} points"
    ends = f"{low:+.3f} to {high:+.3f}" if is_area else f"{100 * low:+.1f} to {100 * high:+.1f}"
    return [plain(name), shown(row["a"]), shown(row["b"]), gap, ends, number(row["p_value"])]
