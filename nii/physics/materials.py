"""What things are made of: about 140 materials of cargo, conveyances and contraband.

The table lies in `tables/materials.tsv` (name, density, composition, group, source); a density is
that of the thing as it travels: bulk for powders, packed for goods.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from nii.errors import PhysicsError

STEEL_G_CM3 = 7.85  # of sheets and sections of structural steel
STEEL = ("steel", STEEL_G_CM3)
"""What most that is built is built of: material and density, as parts of scenes take them."""
FRACTION_SLACK = 0.02  # mass fractions as printed in data sheets add up to 1 within their rounding
_TOKEN = re.compile(r"([A-Z][a-z]?)|(\()|(\))|(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Material:
    """A material of the table.

    density_g_cm3: as it travels (bulk for powders). composition: mass fractions by element symbol,
    summing to 1. group: organic, inorganic, metal or heavy metal, as a dual-energy scan would
    show it. source: where density and composition come from.
    Example: MATERIALS["water"].composition is {"H": 0.112, "O": 0.888}.
    """

    name: str
    density_g_cm3: float
    composition: Mapping[str, float]
    source: str
    group: str


def mass_fractions(substance: str | Mapping[str, float]) -> dict[str, float]:
    """Mass fractions by element symbol, summing to 1.

    substance: a formula ("C22H29ClN2O", "Ca3(PO4)2"), mass fractions as text ("O:0.53,Si:0.47"), or a
    mapping; the parts of a mixture may be formulas ("C6H10O5:0.9,H2O:0.1"). Raises PhysicsError for
    unknown elements and fractions that miss 1 by more than 2 %.
    Example: "H2O" gives H 0.1119, O 0.8881.
    """
    parts = substance if isinstance(substance, Mapping) else _split(substance)
    total = sum(parts.values())
    if not (abs(total - 1) <= FRACTION_SLACK and all(part >= 0 for part in parts.values())):
        raise PhysicsError(f"mass fractions of {substance}: expected a sum of 1, came {total:.4g}")
    mixed: dict[str, float] = {}
    for formula, part in parts.items():
        for symbol, fraction in _formula_fractions(formula).items():
            mixed[symbol] = mixed.get(symbol, 0.0) + part / total * fraction
    return mixed


def _split(text: str) -> dict[str, float]:
    if ":" not in text:
        return {text: 1.0}
    parts: dict[str, float] = {}
    for item in text.split(","):
        formula, _, fraction = item.partition(":")
        try:
            parts[formula.strip()] = parts.get(formula.strip(), 0.0) + float(fraction)
        except ValueError:
            raise PhysicsError(f"mass fractions {text}: expected SYMBOL:FRACTION, came {item}") from None
    return parts


@cache
def _formula_fractions(formula: str) -> dict[str, float]:
    weights = atomic_weights()
    masses = {symbol: count * weights[symbol] for symbol, count in atoms(formula).items()}
    whole = sum(masses.values())
    return {symbol: mass / whole for symbol, mass in masses.items()}


def atoms(formula: str) -> dict[str, float]:
    """Atoms by element symbol. Example: "Ca3(PO4)2" gives Ca 3, P 2, O 8."""
    if "".join(match.group() for match in _TOKEN.finditer(formula)) != formula or not formula:
        raise PhysicsError(f"material {formula!r}: expected a name of the table or a formula")
    counts = _group(_TOKEN.finditer(formula), formula, depth=0)
    unknown = sorted(set(counts) - set(atomic_weights()))
    if unknown or not all(count > 0 for count in counts.values()):
        raise PhysicsError(f"formula {formula}: expected elements up to Cf, came {unknown or counts}")
    return counts


def _group(tokens: Iterator[re.Match[str]], formula: str, *, depth: int) -> dict[str, float]:
    """Atoms up to the end of the text, or up to the closing bracket of this depth."""
    counts: dict[str, float] = {}
    last: dict[str, float] = {}  # what a number that follows multiplies
    for token in tokens:
        symbol, opens, closes, number = token.groups()
        if closes and depth:
            return _add(counts, last, 1.0)
        if closes or (number and not last):
            raise PhysicsError(f"formula {formula}: unexpected {token.group()}")
        if number:
            counts, last = _add(counts, last, float(number)), {}
            continue
        counts = _add(counts, last, 1.0)
        last = _group(tokens, formula, depth=depth + 1) if opens else {symbol: 1.0}
    if depth:
        raise PhysicsError(f"formula {formula}: expected a closing bracket")
    return _add(counts, last, 1.0)


def _add(counts: dict[str, float], extra: dict[str, float], times: float) -> dict[str, float]:
    return counts | {symbol: counts.get(symbol, 0.0) + times * count for symbol, count in extra.items()}


@cache
def atomic_weights() -> dict[str, float]:
    """Standard atomic weights by symbol, H to Cf, as NIST XCOM uses them. Example: "Fe" 55.847."""
    return {row["symbol"]: float(row["atomic_weight"]) for row in _rows("elements.tsv")}


@cache
def atomic_numbers() -> dict[str, int]:
    """Z by symbol, H to Cf. Example: "Fe" 26."""
    return {row["symbol"]: int(row["Z"]) for row in _rows("elements.tsv")}


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("nii.physics") / "tables" / name).read_text()
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def _material(row: dict[str, str]) -> Material:
    return Material(
        name=row["name"],
        density_g_cm3=float(row["density_g_cm3"]),
        composition=mass_fractions(row["composition"]),
        source=row["source"],
        group=row["group"],
    )


MATERIALS: dict[str, Material] = {row["name"]: _material(row) for row in _rows("materials.tsv")}
