"""The building blocks of the report page: tables, figures and pictures as escaped HTML.

Everything that comes from outside (names, errors, families) passes `text`, so no scan name
can break the page. The page loads nothing: its policy forbids it, pictures are inlined.
"""

import base64
from collections.abc import Iterable, Sequence
from html import escape

from nii.evaluate.report.style import STYLE

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def text(value: object) -> str:
    """Escaped text; a per cent sign stays on the line of its number."""
    return escape(str(value)).replace(" %", "\u00a0%")


def page(title: str, header: str, sections: Sequence[tuple[str, str, str]], footer: str) -> str:
    """A whole page; sections are (id, heading, html), and empty ones are left out."""
    shown = [section for section in sections if section[2]]
    links = "".join(f'<li><a href="#{name}">{text(heading)}</a></li>' for name, heading, _ in shown)
    body = "".join(
        f'<section aria-labelledby="{name}"><h2 id="{name}">{text(heading)}</h2>{html}</section>'
        for name, heading, html in shown
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{text(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{STYLE}</style></head>\n'
        '<body><a class="skip" href="#main">Skip to the figures</a>'
        f"<header><h1>{text(title)}</h1>{header}"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>\n'
        f'<main id="main">{body}</main>\n<footer>{footer}</footer></body></html>\n'
    )


def paragraph(sentence: str, kind: str = "") -> str:
    """A paragraph; kind is a class of the style sheet."""
    return f'<p class="{kind}">{text(sentence)}</p>' if kind else f"<p>{text(sentence)}</p>"


def bullets(lines: Iterable[str]) -> str:
    """A list; nothing for no lines."""
    items = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def cards(entries: Iterable[tuple[str, str, str]]) -> str:
    """The figures at a glance: (what, value, note)."""
    return f'<dl class="cards">{"".join(_card(*entry) for entry in entries)}</dl>'


def _card(what: str, value: str, note: str) -> str:
    return f'<div><dt>{text(what)}</dt><dd class="value">{text(value)}</dd><dd>{text(note)}</dd></div>'


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]], *, texts: Iterable[int] = ()) -> str:
    """A table whose first column names the row; `texts` are columns of prose. Nothing for no rows.

    It scrolls sideways by keyboard where it is wider than the screen.
    """
    if not rows:
        return ""
    prose = set(texts)
    top = "".join(_cell("th", cell, scope="col", prose=i in prose) for i, cell in enumerate(head))
    lines = (
        _cell("th", row[0], scope="row")
        + "".join(_cell("td", cell, prose=i in prose) for i, cell in enumerate(row[1:], start=1))
        for row in rows
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="{text(caption)}"><table>'
        f"<caption>{text(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(tag: str, value: object, *, scope: str = "", prose: bool = False) -> str:
    attributes = (f' scope="{scope}"' if scope else "") + (' class="text"' if prose else "")
    return f"<{tag}{attributes}>{text(value)}</{tag}>"


def plot(svg: str | None, caption: str) -> str:
    """A figure with its caption; nothing without a plot."""
    return f"<figure>{svg}<figcaption>{text(caption)}</figcaption></figure>" if svg else ""


def grid(parts: Iterable[str]) -> str:
    """Plots and tables side by side where there is room; empty ones are left out."""
    inside = "".join(f"<div>{part}</div>" for part in parts if part)
    return f'<div class="grid">{inside}</div>' if inside else ""


def picture(image: bytes, name: str, view: str) -> str:
    """An inlined picture of a scan with the view as its title; a screen reader hears the name too."""
    title = f'<span aria-hidden="true">{text(view)}</span>'
    return f'<div><img src="{data_url(image)}" alt="{text(name)} {text(view)}">{title}</div>'


def data_url(image: bytes) -> str:
    """PNG or JPEG bytes as an address that needs no network."""
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
