"""What a declaration says: goods by HS code or by name, their mass, the consignee. Offline, by two tables.

`hs.csv`: HS code (2 to 6 digits, the longest that fits counts), the kinds of load that such goods travel as in cargo,
parcels and vehicles, and what they are. `words.csv`: names of goods in English, Spanish, German and French, and their
HS code; no code where a word names no goods by itself.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from nii.errors import PhysicsError, UsageError

SCENES = ("cargo", "parcel", "vehicle")
LONGEST = 4000  # characters of a declaration
KG = {"kg": 1.0, "kgs": 1.0, "kilo": 1.0, "kilos": 1.0, "g": 1e-3, "t": 1000.0, "to": 1000.0, "ton": 1000.0,
      "tons": 1000.0, "tonne": 1000.0, "tonnes": 1000.0, "lb": 0.45359237, "lbs": 0.45359237}  # fmt: skip
WHOLE = ("total", "gross", "gesamt", "brutto", "bruto", "brut")  # said of the mass of all goods together
MOST_KG = 1e9  # declared; the largest ships carry half of it
_BLANKS = " \u00a0\u202f"
_NUMBER = re.compile(rf"\d+(?:[.,]\d+|['{_BLANKS}]\d{{3}}(?!\d))*")  # blanks divide groups of three digits alone
_UNIT = re.compile(rf"(?<!\s)\s*({'|'.join(sorted(KG, key=len, reverse=True))})(?![a-z])", re.IGNORECASE)
_CONSIGNEE = re.compile(r"\b(?:consignee|consignatario|empf[aä]nger|destinataire)\s*[:=]\s*([^;\n]*)", re.IGNORECASE)
_CODE = re.compile(
    r"\b(?:(?:hs|hts|taric|chapter)[ .:]*(?:code[ .:]*)?(\d{2}(?:[. ]?\d{2}){0,4})"
    r"|(\d{4}\.\d{2}(?:[. ]?\d{2}){0,2})|(\d{6}(?:\d{2}){0,2}))\b"
    r"|^\s*(\d{4})\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Good:
    """One kind of goods: as it was written, and its HS code of 2 digits or more."""

    text: str
    code: str


@dataclass(frozen=True)
class Declaration:
    """What was declared. unknown: words and codes that no table has. mass_kg: of all goods together."""

    goods: tuple[Good, ...]
    unknown: tuple[str, ...] = ()
    mass_kg: float | None = None
    consignee: str | None = None


def read_declaration(text: str) -> Declaration:
    """Read a declaration: several goods are separated by ; or , or line ends.

    Raises UsageError for an empty or too long one, PhysicsError for a mass that nothing has. Takes time in
    proportion to the text. Example: "4819.10; Schuhe, 12 400 kg; consignee: Acme" has two goods of the codes 4819.10
    and 64, 12400 kg and the consignee Acme.
    """
    if not text.strip() or len(text) > LONGEST:
        came = f"{len(text)} characters" if text.strip() else "none"
        raise UsageError(f"declared goods: expected 1 to {LONGEST} characters of text, came {came}")
    consignee = next((found[1].strip() for found in _CONSIGNEE.finditer(text)), "") or None
    rest = _CONSIGNEE.sub(";", text)
    masses = _masses(rest)
    pieces = re.split(r"[;,\n]", _without(rest, masses))
    goods: dict[str, Good] = {}
    unknown: dict[str, None] = {}
    for piece in pieces:
        named, strange = _read_piece(piece)
        goods |= {one.code: one for one in named if one.code not in goods}
        unknown |= dict.fromkeys(strange)
    return Declaration(tuple(goods.values()), tuple(unknown), _mass(masses), consignee)


def kinds_of(goods: Sequence[Good], cargos: Sequence[str]) -> dict[Good, tuple[str, ...]]:
    """The kinds of load, among those that a model knows, that each of the goods travels as; empty where none."""
    known = set(cargos)
    scene = max(SCENES, key=lambda name: len(known & _names()[name]))
    return {good: tuple(kind for kind in _entry(good.code)[scene] if kind in known) for good in goods}


def meaning(code: str) -> str:
    """What goods of an HS code are. Example: 6403.99 are shoes."""
    return _entry(code)["goods"][0]


def plain(text: str) -> str:
    """Lower case, without accents and marks, words divided by one space."""
    bare = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9]+", bare))


def _read_piece(piece: str) -> tuple[list[Good], list[str]]:
    """Goods of one part of a declaration, and what in it is unknown. A code says more than the words beside it."""
    codes = [re.sub(r"\D", "", "".join(found.groups(""))) for found in _CODE.finditer(piece)]
    if codes:
        known = [Good(piece.strip(), code) for code in codes if code[:2] in hs_table()]
        return known, [code for code in codes if code[:2] not in hs_table()]
    goods, unknown = [], []
    for name, code in _names_in(plain(piece).split()):
        if code:
            goods.append(Good(name, code))
        elif code is None and not name.isdecimal():
            unknown.append(name)
    return goods, unknown


def _names_in(words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """The words from left to right as (name, HS code), the longest names first; None where a word is unknown."""
    table, at = word_table(), 0
    while at < len(words):
        for length in range(min(_longest_name(), len(words) - at), 0, -1):
            name = " ".join(words[at : at + length])
            code = next((table[form] for form in _forms(name) if form in table), None)
            if code is not None or length == 1:
                yield name, code
                at += length
                break


def _forms(name: str) -> tuple[str, ...]:
    """A name, and as it may stand in the table in singular or plural."""
    return (name, name.removesuffix("s"), name.removesuffix("es"), f"{name}s", f"{name}es")


class _Mass(NamedTuple):
    """A mass in a text: from its first to behind its last character; whole: of all goods together."""

    start: int
    end: int
    kg: float
    whole: bool


def _masses(text: str) -> list[_Mass]:
    """Numbers with a unit of mass behind them, with the words before them that say that they are of the whole."""
    found, before = [], 0
    for number in _NUMBER.finditer(text):
        if unit := _UNIT.match(text, number.end()):
            start = _start_of_whole(text[before : number.start()])
            kg = _value(number[0], unit[1]) * KG[unit[1].lower()]
            whole = start is not None
            found.append(_Mass(before + start if start is not None else number.start(), unit.end(), kg, whole))
        before = unit.end() if unit else number.end()
    return found


def _start_of_whole(text: str) -> int | None:
    """Where a word such as "gross" stands in a text that leads to a number by words alone; None where none does."""
    words = text.rstrip().removesuffix(":").removesuffix("=").lower()
    last = max((at for at, letter in enumerate(words) if not (letter.isalpha() or letter == " ")), default=-1) + 1
    return min((last + at for word in WHOLE if (at := words[last:].find(word)) >= 0), default=None)


def _without(text: str, masses: Sequence[_Mass]) -> str:
    """A text with a blank in place of each mass."""
    ends = [0, *(one.end for one in masses)]
    starts = [*(one.start for one in masses), len(text)]
    return " ".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def _mass(masses: Sequence[_Mass]) -> float | None:
    """Mass in kg: what is said of the whole, or else the sum. Raises PhysicsError for one that nothing has."""
    kg = next((one.kg for one in masses if one.whole), sum(one.kg for one in masses))
    if not kg <= MOST_KG:
        raise PhysicsError(f"declared mass: expected at most {MOST_KG:g} kg, came {kg:.3g} kg")
    return kg or None


def _value(text: str, unit: str) -> float:
    """A number with whatever divides it; before kg, g and lb a group of three digits after a mark is thousands.

    Example: 12 400 kg, 12,400 kg and 12.400 kg are 12400 kg; 12.400 t are 12400 kg too.
    """
    bare = re.sub(rf"['{_BLANKS}]", "", text)
    groups = re.fullmatch(r"\d{1,3}([.,]\d{3})+", bare)
    if groups and (KG[unit.lower()] < 1000 or bare.count(groups[1][0]) > 1):
        return float(re.sub(r"[.,]", "", bare))
    whole, mark, part = bare.replace(",", ".").rpartition(".")
    return float(f"{whole.replace('.', '')}.{part}") if mark else float(bare)


def _entry(code: str) -> Mapping[str, tuple[str, ...]]:
    """The row of the longest known beginning of an HS code. Raises UsageError for a chapter that isn't there."""
    table = hs_table()
    for length in range(len(code), 1, -1):
        if code[:length] in table:
            return table[code[:length]]
    raise UsageError(f"HS code: expected one of a chapter from 00 to 97 or 99, came {code}")


@cache
def hs_table() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """HS code to the kinds of each of SCENES, and (one text) what the goods are."""
    return {
        row["code"]: {**{scene: tuple(row[scene].split()) for scene in SCENES}, "goods": (row["goods"],)}
        for row in _rows("hs.csv")
    }


@cache
def word_table() -> Mapping[str, str]:
    """Name of goods, as `plain` writes it, to HS code; "" for a word that names none."""
    return {plain(row["words"]): row["code"] for row in _rows("words.csv")}


@cache
def _longest_name() -> int:
    return max(len(name.split()) for name in word_table())


@cache
def _names() -> Mapping[str, frozenset[str]]:
    """All kinds of each of SCENES."""
    return {scene: frozenset(kind for row in hs_table().values() for kind in row[scene]) for scene in SCENES}


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((files("nii.analysis.declared") / name).read_text("utf-8").splitlines()))
