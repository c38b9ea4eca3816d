"""The tables of the report, from the figures of `nii.evaluate.metrics.collect`."""

from collections.abc import Sequence

from nii.evaluate.metrics.detection import Figures
from nii.evaluate.metrics.headline import Headline
from nii.evaluate.metrics.regions import NOT_FOUND, NOT_NAMED
from nii.evaluate.metrics.results import KnownConcealment, ScanResult
from nii.evaluate.report import page
from nii.evaluate.report.text import area, area_span, budget, number, of, percent, plain, span

ANSWERS = ("alarm", "not_seen_through", "clear")
PD_HEAD = ("found", "Pd", "95 % interval")
PFA_HEAD = ("false alarms", "Pfa", "95 % interval")


def _pd(rates: Figures) -> list[str]:
    if not rates["concealed"]:
        return ["no scan", "", ""]
    return [of(rates["found"], rates["concealed"]), percent(rates["pd"]), span(rates["ci"])]


def _pfa(rates: Figures) -> list[str]:
    if not rates["benign"]:
        return ["no scan", "", ""]
    counts = of(rates["alarms_benign"], rates["benign"])
    return [counts, percent(rates["pfa_observed"]), span(rates["pfa_ci"])]


def _area(row: Figures) -> list[str]:
    return [area(row["auroc"]), area_span(row["auroc_ci"]) if row["auroc_ci"] else ""]


def budgets_table(figures: Figures) -> str:
    """Pd and observed Pfa at every threshold."""
    point = figures["operating_point"]
    rows = [["model's own", percent(point["pfa"]), _thresholds(point), *_pd(point), *_pfa(point)]]
    for pfa, row in figures["pd_at_pfa"].items():
        rows.append(["this set", percent(float(pfa)), number(row["threshold"]), *_pd(row), *_pfa(row)])
    head = ["Threshold from", "budget", "threshold", *PD_HEAD, *PFA_HEAD]
    return page.table("Detection at false-alarm budgets", head, rows)


def _thresholds(point: Figures) -> str:
    if point["threshold"] is None and point["thresholds"]:
        return ", ".join(f"{name} {value:.3g}" for name, value in point["thresholds"].items())
    return number(point["threshold"])


def families_table(figures: Figures, rule: Headline) -> str:
    """Per family of concealment, against all benign scans."""
    families = figures["families"].items()
    rows = [[plain(name), *_area(row), *_pd(rule.rates(row))] for name, row in families]
    head = ["Family", "AUROC", "95 % interval", *PD_HEAD]
    return page.table(f"Families of concealment, at {budget(rule.pfa)}", head, rows)


def parts_table(kind: str, parts: Figures, rule: Headline) -> str:
    """Per load or scanner: benign and concealed scans of the same kind."""
    rows = [[plain(name), *_area(row), *_pd(rule.rates(row)), *_pfa(rule.rates(row))] for name, row in parts.items()]
    head = [kind, "AUROC", "95 % interval", *PD_HEAD, *PFA_HEAD]
    return page.table(f"{kind}, at {budget(rule.pfa)}", head, rows)


def bins_table(caption: str, unit: str, bins: Sequence[Figures], rule: Headline) -> str:
    """Pd per bin of mass or detectability."""
    rows = [[_bin(row, unit), *_pd(rule.rates(row))] for row in bins]
    return page.table(caption, ["From, to", *PD_HEAD], rows)


def _bin(row: Figures, unit: str) -> str:
    end = f"{row['low']:g} to {row['high']:g}" if "high" in row else f"{row['low']:g} or more"
    return f"{end} {unit}".strip()


def cover_table(bins: Sequence[Figures], rule: Headline) -> str:
    """Pd per thickness of the cargo around the concealment."""
    rows = [[_bin(row, ""), number(row.get("steel_mm"), "mm"), *_pd(rule.rates(row))] for row in bins]
    head = ["Attenuation, from, to", "as steel, median", *PD_HEAD]
    return page.table(f"Cargo around the concealment, at {budget(rule.pfa)}", head, rows)


def places_table(figures: Figures) -> str:
    """Where the regions and heat maps lie."""
    regions, pixel = figures["regions"], figures["pixel"]
    first = percent(regions["recall_at_1_per_scan"])
    rows = [
        ["concealments marked by the first region", first, span(regions["recall_at_1_ci"])],
        ["pixel AUROC", area(pixel["auroc"]), ""],
        ["pixel average precision", area(pixel["ap"]), ""],
        [f"AUPRO, up to {percent(pixel['aupro_limit'])} of benign pixels", area(pixel["aupro"]), ""],
    ]
    return page.table("Places", ["Figure", "value", "95 % interval"], rows)


def mass_table(figures: Figures) -> str:
    """Errors of the estimated masses."""
    mass = figures["mass"]
    if mass["median_relative_error"] is None:
        return ""
    covered = percent(mass["ci90_coverage"])
    rows = [
        ["concealments found and weighed", of(mass["n"], mass["n_truth"]), ""],
        ["median relative error", percent(mass["median_relative_error"]), ""],
        ["median bias", percent(mass["median_bias"]), ""],
        ["true mass inside the 90 % interval", covered, span(mass["ci90_coverage_ci"])],
    ]
    return page.table("Mass of found concealments", ["Figure", "value", "95 % interval"], rows)


def mass_families_table(figures: Figures) -> str:
    """Mass errors per family; families of which nothing was weighed are left out."""
    rows = [
        [plain(name), of(row["n"], row["n_truth"]), percent(row["median_relative_error"]),
         percent(row["median_bias"]), percent(row["ci90_coverage"])]
        for name, row in figures["mass"]["families"].items()
        if row["n"]
    ]  # fmt: skip
    head = ["Family", "weighed", "error, median", "bias, median", "inside the interval"]
    return page.table("Mass of found concealments by family", head, rows)


def material_line(figures: Figures) -> str:
    """How many of the named materials are right, as a sentence; nothing where no truth says the material."""
    material = figures["material"]
    if material["right"] is None:
        return ""
    right = f"{of(material['right'], material['named'])} named materials are right ({span(material['ci'])})"
    return page.paragraph(f"{right}; {material['found'] - material['named']} found concealments got none.")


def confusion_table(caption: str, truth: str, table: dict[str, dict[str, int]]) -> str:
    """The truth in rows, what it was called in columns."""
    names = {name for row in table.values() for name in row}
    called = sorted(names - {NOT_NAMED, NOT_FOUND})
    called += [name for name in (NOT_NAMED, NOT_FOUND) if name in names]
    rows = [[plain(true), *(row.get(name, 0) for name in called)] for true, row in table.items()]
    return page.table(caption, [truth, *map(plain, called)], rows)


def load_tables(figures: Figures) -> str:
    """What was said of empty and loaded scans, and how often the kind of load is right; nothing where none is known."""
    found = figures["load"]
    if found is None:
        return ""
    rows = [
        [plain(name), of(row["count"], row["n"]), percent(row["share"]), span(row["ci"])]
        for name, row in found["kinds"].items()
    ]
    kinds = page.table("Kind of load, of loads of one kind", ["The kind is", "count", "share", "95 % interval"], rows)
    return confusion_table("Is there any load?", "Truth", found["any_load"]) + kinds


def what_table(what: Figures) -> str:
    """How many found concealments are named, how many rightly, and how many unknown ones stay unknown."""
    said = {
        "named": "found concealments that are named",
        "right_of_named": "of the named, right",
        "unknown_of_known": "of known families, called unknown",
        "unknown_of_truly_unknown": "of no known family, called unknown",
        "likeliest_right_of_known": "of known families, likeliest family right, named or not",
        "similar_of_the_family": "of known families, one of the similar ones is of the family",
        "false_regions": "regions without a concealment that are named",
    }
    rows = [
        [text, of(what[key]["count"], what[key]["n"]), percent(what[key]["share"]), span(what[key]["ci"])]
        for key, text in said.items()
    ]
    error = what["ece"]
    rows.append(
        [
            f"expected calibration error, {len(error['bins'])} bins",
            f"n {error['n']}",
            number(error["value"]),
            f"{number(error['if_right'])} if all were right",
        ]
    )
    caption = f"What is it, by the {what['regions_of_a_scan']} highest regions of a scan"
    return page.table(caption, ["Figure", "count", "share", "95 % interval"], rows)


def calibration_table(figures: Figures) -> str:
    """Do these benign scans look like those of the calibration?"""
    checks = (figures["calibration"] or {}).items()
    rows = [[name, *_checked(row)] for name, row in checks]
    head = ["Calibration", "its scans", "benign here", "smallest Pfa", "KS distance", "KS p-value"]
    return page.table("Agreement with the calibration in the model file", head, rows)


def _checked(row: Figures) -> list[object]:
    test = [number(row["ks"]), number(row["ks_p_value"])]
    return [row["n"], row["benign"], percent(row["smallest_pfa"]), *test]


def failed_table(figures: Figures) -> str:
    """Scans that could not be scored; they count in no rate."""
    rows = [[row["name"], "concealed" if row["concealed"] else "benign", row["error"]] for row in figures["failed"]]
    return page.table("Scans that could not be scored", ["Scan", "truth", "reason"], rows, texts=(1, 2))


def seen_table(figures: Figures) -> str:
    """Scans by answer, and Pd with and without concealments that nobody could see."""
    seen = figures["seen"]
    if seen["benign"] is None:
        return ""
    rows = [[truth, *(str(seen[truth][answer]) for answer in ANSWERS)] for truth in ("benign", "concealed")]
    rows += [
        [f"benign, {plain(load)}", *(str(row[a]) for a in ANSWERS)] for load, row in seen["benign_by_load"].items()
    ]
    by_answer = page.table("Answers at the model's own threshold", ["Scans", *map(plain, ANSWERS)], rows)
    rates = [["all", *_pd(seen["pd"])], ["that can be seen", *_pd(seen["pd_of_visible"])]]
    return by_answer + page.table("Share found", ["Concealments", *PD_HEAD], rates)


def about_table(figures: Figures) -> str:
    """What was evaluated, as the caller named it."""
    entries = {**{f"model {k}": v for k, v in figures["model"].items()}, **figures["about"]}
    rows = [[key, value] for key, value in entries.items() if isinstance(value, str | int | float)]
    return page.table("Model and set", ["What", "value"], rows, texts=(1,))


def describe(result: ScanResult, rule: Headline) -> str:
    """One line under the pictures of a scan."""
    undecided = "no decision" if result.seen_enough else "not seen through"
    decision = {True: "alarm", False: "no alarm", None: undecided}[rule.alarm(result)]
    rank = f", p-value {result.p_value:.3g}" if result.p_value is not None else ""
    nameless = "unnamed" if result.concealed else "nothing"
    hidden = ", ".join(map(_thing, result.truth)) or nameless
    load = f" Load: {plain(result.cargo)}." if result.cargo else ""
    return f"{result.name}: {decision}, score {number(result.score)}{rank}. Concealed: {hidden}.{load}"


def _thing(truth: KnownConcealment) -> str:
    known = [plain(truth.family)]
    if truth.mass_kg is not None:
        known.append(number(truth.mass_kg, "kg"))
    if truth.dprime is not None:
        known.append(f"(d' {number(truth.dprime)})")
    return " ".join(known)


def reading(figures: Figures) -> str:
    """The words of the report, for who reads such a page for the first time."""
    return page.bullets(
        [
            "Pd: concealed scans that alarm, of all concealed scans. "
            "Pfa: benign scans that alarm, of all benign scans.",
            "Model's own threshold: from benign calibration scans in the model file, fixed before "
            "this set was opened. Threshold from this set: read off these very scans; it describes "
            "the model and promises nothing.",
            "AUROC: how often a concealed scan scores higher than a benign one; 0.5 is chance, 1 is perfect.",
            f"A region is in the right place if {figures['regions']['rule']}.",
            "d': how well an ideal observer could see the concealment; below 1 nobody can.",
            "Cargo around the concealment: attenuation of a ring around it at the highest energy, "
            "and the thickness of steel that attenuates as much.",
            "Fitted curve: log-odds of being found against the logarithm of mass or d', with a bootstrap band.",
            "Intervals hold the true value with 95 % confidence: Clopper-Pearson for shares, "
            "bootstrap over scans for AUROC. Unknown is never counted as zero.",
        ]
    )
