"""A small page over a folder of overlays: what was found, scan by scan, for people."""

import os
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nii.analysis.record import decision
from nii.io.write import write_atomically
from nii.run.batch import PICTURE, WITHOUT
from nii.show.overlay import kilograms

HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Scored scans</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif; }
body { max-width: 1200px; margin: 1.5rem auto; padding: 0 1rem; }
article { border-top: 1px solid #8886; padding: .8rem 0; }
h2 { font-size: 1.05rem; margin: .2rem 0; }
.alarm { color: #d32f2f; } .clear { color: #2e7d32; } .error, .none { color: #b26a00; }
img { max-width: 100%; height: auto; background: #fff; }
table { border-collapse: collapse; margin: .5rem 0; } td, th { padding: .15rem .7rem .15rem 0; text-align: left; }
</style></head><body>
<h1>Scored scans</h1>
"""


def write_page(folder: Path, rows: list[tuple[str, dict[str, Any]]], warnings: Sequence[str] = ()) -> None:
    """Write index.html.

    rows: (name of the pictures, record) in the order shown; alarms come first, then what nobody decided on: scans
    without a decision, and failed ones. warnings: of all scans together, such as a scanner that has changed.
    """
    places = {True: 0, None: 1, False: 2}
    order = sorted(rows, key=lambda row: (places[row[1]["alarm"]], row[1]["p_value"] or 1.0))
    alarms = sum(bool(record["alarm"]) for _, record in rows)
    said = Counter(decision(record) for _, record in rows if record["status"] == "ok")
    without = f", {said['not seen through']} not seen through" if said["not seen through"] else ""
    without += f", {said['no decision']} undecided" if said["no decision"] else ""
    intro = f"<p>{len(rows)} scans, {alarms} alarms{without}. Red: evidence and regions. An officer decides.</p>\n"
    intro += "".join(f'<p class="error">{escape(line)}</p>\n' for line in warnings)
    text = HEAD + intro + "".join(_article(*row) for row in order) + "</body></html>\n"
    write_atomically(folder / "index.html", text.encode("utf-8", "backslashreplace"))


def _article(name: str, record: dict[str, Any]) -> str:
    if record["status"] == "error":
        return f'<article><h2 class="error">{escape(record["path"])}</h2><p>{escape(record["error"])}</p></article>\n'
    word = decision(record)
    kind = word if word in ("alarm", "clear") else "none"
    p_value = "" if record["p_value"] is None else f", p-value {record['p_value']:.3g} (budget {record['pfa']:g})"
    head = f'<h2><span class="{kind}">{"ALARM" if kind == "alarm" else word}</span> {escape(record["path"])}</h2>'
    said = f"<p>Score {record['score']:.2f}{p_value}; model {escape(record['model'])}.</p>"
    notes = "".join(f"<li>{escape(note)}</li>" for note in [*record["quality"]["notes"], *_unseen(record)])
    overlay = f'<img src="{_link(name, PICTURE)}" alt="Scan with evidence and regions marked" loading="lazy">'
    without = (
        f'<details><summary>Without the layer</summary><img src="{_link(name, WITHOUT)}" '
        'alt="The scan with the excess layer taken away" loading="lazy"></details>'
    )
    return f"<article>{head}{said}{_regions(record)}{overlay}{without}<ul>{notes}</ul></article>\n"


def _unseen(record: dict[str, Any]) -> list[str]:
    """Why it isn't seen through, or what can't be told."""
    return [record["seen"]["why"]] if record["seen"]["why"] and record["blank"] is None else []


def _link(name: str, ending: str) -> str:
    """A relative address of a file, whatever characters and bytes its name has."""
    return quote(os.fsencode(f"{name}{ending}"))


def _regions(record: dict[str, Any]) -> str:
    if not record["regions"]:
        return ""
    cells = "".join(
        f"<tr><td>{_name(r)}</td><td>{_mass(r)}</td>"
        f"<td>{escape(r['material'])}</td><td>{r['p_value']:.3g}</td><td>{r['box']}</td></tr>"
        for r in record["regions"]
    )
    head = "<tr><th>Family</th><th>Mass, 90 % interval</th><th>Material</th><th>p-value</th><th>Box</th></tr>"
    return f"<table>{head}{cells}</table>"


def _name(region: dict[str, Any]) -> str:
    """The family, or unknown with the likeliest one."""
    likeliest = region["families"][0]["family"]
    words = "" if region["family"] == likeliest else f"likeliest {likeliest} "
    return escape(f"{region['family']} ({words}{region['family_probability']:.0%})")


def _mass(region: dict[str, Any]) -> str:
    if region["mass_kg"] is None:
        return "unknown"
    low, high = kilograms(region["mass_low_kg"]), kilograms(region["mass_high_kg"])
    return f"{kilograms(region['mass_kg'])} ({low} to {high})"
