"""Figures that a set can't give: null with a reason, never 0."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands in a tree of figures where there is none, and says why."""

    reason: str


def split_unknown(tree: Any) -> tuple[Any, dict[str, str]]:
    """Replace every Unknown in nested dicts and lists by None; reasons by dotted path.

    Example: {"pixel": {"ap": Unknown("no masks")}} gives {"pixel": {"ap": None}} and
    {"pixel.ap": "no masks"}.
    """
    reasons: dict[str, str] = {}
    return _replace(tree, "", reasons), reasons


def _replace(tree: Any, path: str, reasons: dict[str, str]) -> Any:
    if isinstance(tree, Unknown):
        reasons[path.removeprefix(".")] = tree.reason
        return None
    if isinstance(tree, dict):
        return {key: _replace(value, f"{path}.{key}", reasons) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_replace(value, f"{path}.{index}", reasons) for index, value in enumerate(tree)]
    return tree
