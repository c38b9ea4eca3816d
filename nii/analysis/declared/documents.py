"""Which declared goods would need more documents, and why. What a country asks for is its own law: a reminder only.

`documents.csv`: HS code, the documents, the reason. Sources: tables of the 1988 UN Convention against Illicit Traffic,
as the International Narcotics Control Board lists them; 21 CFR 1310 and 21 U.S.C. 843 (USA); HS 2022.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from nii.analysis.declared.words import Good


@dataclass(frozen=True)
class Needed:
    """What goods of an HS code that begins like this need."""

    code: str
    documents: str
    why: str


def documents_for(goods: Sequence[Good]) -> list[tuple[Good, Needed]]:
    """Those of the goods that need more documents; the row of the longest code that fits counts."""
    found = []
    for good in goods:
        fitting = [one for one in _table() if good.code.startswith(one.code)]
        if fitting:
            found.append((good, max(fitting, key=lambda one: len(one.code))))
    return found


@cache
def _table() -> tuple[Needed, ...]:
    rows = csv.DictReader((files("nii.analysis.declared") / "documents.csv").read_text("utf-8").splitlines())
    return tuple(Needed(**row) for row in rows)
