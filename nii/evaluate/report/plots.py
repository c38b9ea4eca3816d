"""The plots of the report, as SVG text that follows the page's colours, light, dark and print.

matplotlib draws with placeholder colours, which become CSS variables of the page. Text stays
text. Each plot function returns None where the figures it needs are unknown.
"""

import io
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from nii.evaluate.metrics.detection import Figures, array
from nii.evaluate.metrics.results import ScanResult, usable
from nii.evaluate.report.text import plain
from nii.stats.optional import evaluate_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

MARGIN = 1.6  # by which a logarithmic axis of sizes reaches beyond the last point

Paint = Callable[["Axes"], None]

INK, MUTED, GRID, PAGE = "#010101", "#020202", "#030303", "#060606"
BENIGN, CONCEALED = "#040404", "#050505"
VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid", PAGE: "page", BENIGN: "benign", CONCEALED: "concealed"}
STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 10,
    "grid.color": GRID,
    "legend.edgecolor": "none",
    "legend.facecolor": PAGE,
    "legend.framealpha": 0.8,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",  # text stays text: searchable, and in the page's font
    "text.color": INK,
    "text.parse_math": False,  # a family named $x$ is no formula
    "xtick.color": INK,
    "ytick.color": INK,
}


def draw(name: str, title: str, paint: Paint, *, width: float = 6.2, height: float = 3.9) -> str:
    """One plot as an SVG element, width and height in inches; `name` keeps its ids apart."""
    with evaluate_extra():
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    with rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure.subplots())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return embed(buffer.getvalue(), name, title)


def embed(svg: str, name: str, title: str) -> str:
    """Make matplotlib's file an element of the page: no header, own ids, page colours, a title."""
    body = svg[svg.index("<svg") :]
    # matplotlib's own style sheet would apply to the whole page; `figure svg` in the page replaces it
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = body.replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    return body.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


def in_percent(*axes: "Axis") -> None:
    """Label ticks 0.1 %, 1 %, 10 % in place of 0.001 or powers of ten; less than two decades get 2 % and 5 % too."""
    for axis in axes:
        low, high = axis.get_view_interval()
        axis.set_major_formatter(_percent_tick)
        short = axis.get_scale() == "log" and high < 100 * low
        axis.set_minor_formatter(_percent_tick_of_2_and_5 if short else "")


def _percent_tick(value: float, _: object) -> str:
    return f"{100 * value:g} %"


def _percent_tick_of_2_and_5(value: float, _: object) -> str:
    return _percent_tick(value, None) if _first_digit(value) in "25" else ""


def _first_digit(value: float) -> str:
    return f"{value:e}"[0]


def in_plain_numbers(axis: "Axis") -> None:
    """Label the ticks of a logarithmic axis 1, 10, 100 in place of powers."""
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(lambda *_: "")


def roc_plot(figures: Figures) -> str | None:
    """Pd against Pfa on a logarithmic axis, with the bootstrap band and the model's own point."""
    roc = figures["roc"]
    if roc is None:
        return None
    benign = figures["scans"]["benign"]
    pfa = np.maximum(roc["pfa"], 0.5 / benign)  # zero alarms are drawn at half an alarm
    point = figures["operating_point"]

    def paint(axes: "Axes") -> None:
        axes.fill_between(
            pfa, roc["low"], roc["high"], step="post", color=CONCEALED, alpha=0.2, lw=0, label="95 % band"
        )
        axes.step(pfa, roc["pd"], where="post", color=CONCEALED, lw=2, label="this set")
        axes.plot(pfa, pfa, color=MUTED, lw=1, ls="--", label="by chance")
        if point["pd"] is not None and point["pfa_observed"] is not None:
            x = max(point["pfa_observed"], 0.5 / benign)
            axes.plot(x, point["pd"], "o", ms=8, mfc="none", mec=INK, mew=2, label="model's own threshold")
        axes.set(xscale="log", xlabel="false alarms per benign scan (Pfa)", ylabel="share found (Pd)")
        axes.set(xlim=(min(0.5 / benign, 0.05), 1), ylim=(0, 1.02))
        in_percent(axes.xaxis, axes.yaxis)
        axes.legend()

    return draw("roc", "ROC curve: share of concealments found against false-alarm rate", paint)


def histogram_plot(results: Sequence[ScanResult], figures: Figures) -> str | None:
    """Scores of benign and concealed scans with the model's threshold."""
    scored = usable(results)
    every = array(scored.all)
    if every.size < 2:
        return None
    bins = np.histogram_bin_edges(every, bins=min(40, max(5, every.size // 5)))
    threshold = figures["operating_point"]["threshold"]

    def paint(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        groups = ((scored.benign, BENIGN, "benign"), (scored.concealed, CONCEALED, "concealed"))
        for group, colour, label in groups:
            if group:
                axes.hist(array(group), bins.tolist(), color=colour, alpha=0.3)
                axes.hist(
                    array(group),
                    bins.tolist(),
                    histtype="step",
                    color=colour,
                    lw=2,
                    label=f"{label} ({len(group)})",
                )
        if threshold is not None:
            axes.axvline(threshold, color=INK, lw=1.5, ls=":", label="alarm above")
        axes.set(xlabel="score", ylabel="scans")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()

    return draw("histogram", "Scores of benign and concealed scans", paint)


def family_plot(rows: Sequence[tuple[str, Figures]]) -> str | None:
    """Pd per family with its interval; rows of (name, rate) from top to bottom."""
    known = [(name, rate) for name, rate in rows if rate["pd"] is not None]
    if not known:
        return None

    def paint(axes: "Axes") -> None:
        places = np.arange(len(known))[::-1]
        pd = np.array([rate["pd"] for _, rate in known])
        ends = np.array([rate["ci"] for _, rate in known])
        axes.errorbar(
            pd,
            places,
            xerr=np.abs(ends.T - pd),
            fmt="o",
            color=CONCEALED,
            ms=7,
            lw=2,
            capsize=4,
            clip_on=False,
        )
        labels = [f"{plain(name)} ({rate['found']} of {rate['concealed']})" for name, rate in known]
        axes.set_yticks(places, labels)
        axes.set(xlim=(0, 1), ylim=(-0.6, len(known) - 0.4), xlabel="share found (Pd), 95 % interval")
        in_percent(axes.xaxis)

    return draw("family", "Share found per family", paint, height=1.1 + 0.32 * len(known))


def reliability_plot(bins: Sequence[Figures]) -> str | None:
    """Share right against the mean probability of each bin."""

    def paint(axes: "Axes") -> None:
        told, right = [one["probability"] for one in bins], [one["right"] for one in bins]
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1.5, ls="--", label="as promised")
        axes.plot(told, right, "o", color=CONCEALED, ms=7, label=f"bins of about {bins[0]['n']} regions")
        axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), xlabel="probability told", ylabel="share right")
        in_percent(axes.xaxis)
        in_percent(axes.yaxis)
        axes.legend()

    return draw("reliability", "Probability of the likeliest family against the share right", paint)


def binned_plot(
    name: str,
    label: str,
    rows: Sequence[tuple[float, Figures]],
    *,
    curve: Figures | None = None,
    ideal: Callable[[Any], Any] | None = None,
) -> str | None:
    """Pd against mass or detectability, one point per bin at its median.

    curve: a fitted detection curve, drawn with its band and its limit; ideal: a curve over x.
    """
    known = [(x, rate) for x, rate in rows if rate["pd"] is not None and x > 0]
    if not known:
        return None

    def paint(axes: "Axes") -> None:
        x = np.array([value for value, _ in known])
        pd = np.array([rate["pd"] for _, rate in known])
        ends = np.array([rate["ci"] for _, rate in known])
        if ideal is not None:
            span = np.geomspace(x.min() / 4, x.max() * 4, 200)
            axes.plot(span, ideal(span), color=MUTED, lw=1.5, ls="--", label="ideal observer")
        if curve is not None:
            _fitted(axes, curve)
        axes.errorbar(
            x,
            pd,
            yerr=np.abs(ends.T - pd),
            fmt="o" if curve is not None else "o-",
            color=CONCEALED,
            ms=7,
            lw=2,
            capsize=4,
            label="this model",
        )
        for value, rate in known:
            count = f"{rate['found']}/{rate['concealed']}"
            axes.annotate(count, (value, 1.05), ha="center", fontsize=8, color=MUTED, annotation_clip=False)
        axes.set(xscale="log", xlabel=label, ylabel="share found (Pd)", ylim=(0, 1.12))
        reach = MARGIN if x.max() > 4 * x.min() else 4  # so that a power of ten is always in view
        axes.set_xlim(x.min() / reach, x.max() * reach)
        in_percent(axes.yaxis)
        in_plain_numbers(axes.xaxis)
        axes.legend(loc="best")

    return draw(name, f"Share found against {label}", paint)


def _fitted(axes: "Axes", curve: Figures) -> None:
    """The fitted detection curve, its band, and a line at the size of which 90 % are found."""
    axes.fill_between(curve["x"], curve["low"], curve["high"], color=CONCEALED, alpha=0.2, lw=0)
    axes.plot(curve["x"], curve["pd"], color=CONCEALED, lw=2, label="fitted curve, 95 % band")
    if curve["limit"] is not None and curve["limit"] <= MARGIN * curve["x"][-1]:
        axes.axvline(curve["limit"], color=INK, lw=1.5, ls=":", label="90 % are found from here")


def froc_plot(figures: Figures) -> str | None:
    """Recall of concealments against false regions per scan."""
    curve = figures["regions"]["froc"]
    if not curve:
        return None

    def paint(axes: "Axes") -> None:
        false = [0.0, *(point["false_per_scan"] for point in curve)]
        recall = [0.0, *(point["recall"] for point in curve)]
        axes.step(false, recall, where="post", color=CONCEALED, lw=2)
        axes.set(xlabel="false regions per scan", ylabel="share of concealments marked", ylim=(0, 1.02))
        axes.set_xlim(left=0)
        in_percent(axes.yaxis)

    return draw("froc", "Share of concealments marked against false regions per scan", paint)


def difference_plot(rows: Sequence[tuple[str, Figures]]) -> str | None:
    """Differences between two models with their intervals; rows of (name, difference) from top to bottom."""
    if not rows:
        return None

    def paint(axes: "Axes") -> None:
        places = np.arange(len(rows))[::-1]
        middle = np.array([row["difference"] for _, row in rows])
        ends = np.array([row["ci"] for _, row in rows])
        axes.axvline(0, color=MUTED, lw=1, ls="--")
        reach = np.abs(ends.T - middle)
        axes.errorbar(middle, places, xerr=reach, fmt="o", color=CONCEALED, ms=7, lw=2, capsize=4)
        axes.set_yticks(places, [plain(name) for name, _ in rows])
        axes.set(ylim=(-0.6, len(rows) - 0.4), xlabel="b minus a, 95 % interval")

    return draw("difference", "Differences between the two models", paint, height=1.1 + 0.32 * len(rows))


def calibration_plot(results: Sequence[ScanResult]) -> str | None:
    """Observed against promised Pfa: the share of benign scans with p-value <= each budget."""
    values = np.sort([r.p_value for r in usable(results).benign if r.p_value is not None])
    if values.size < 2:
        return None

    def paint(axes: "Axes") -> None:
        axes.plot([0.001, 1], [0.001, 1], color=MUTED, lw=1, ls="--", label="promise")
        observed = np.arange(1, values.size + 1) / values.size
        axes.step(values, observed, where="post", color=BENIGN, lw=2, label="observed")
        axes.set(xscale="log", yscale="log", xlabel="promised Pfa", ylabel="observed Pfa")
        lowest = min(0.5 / values.size, 0.05)
        axes.set(xlim=(min(lowest, values[0]), 1), ylim=(lowest, 1.1))
        in_percent(axes.xaxis, axes.yaxis)
        axes.legend(loc="upper left")

    return draw("calibration", "Observed against promised false-alarm rate", paint)
