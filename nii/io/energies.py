"""Names of the energies that a scan's images were taken with: what they mean and which one is low."""

import re
from collections.abc import Sequence
from typing import NamedTuple

LOWEST_KV, HIGHEST_KV = 20.0, 30_000.0  # tubes of parcel scanners begin at 40 kV, linacs end at 15 MV
MEGA = 1000.0  # kV from which on a beam is that of a linac, named in MV
NAME = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?([kM])e?Vp?(?:[-_ ]?(low|high)|(\+\w+))?", re.IGNORECASE)
WORDS = {"low": 0, "le": 0, "high": 2, "he": 2}  # layers of a detector, and whole names without a voltage
PLAIN, FILTERED = 1, 2  # between the layers; a filter hardens as much as the front layer does


class _Known(NamedTuple):
    """A name that is understood; these sort from low to high."""

    voltage: float  # kV
    rank: int
    suffix: str  # such as -low or +Cu


def read_energies(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...]]:
    """Names as the beams have them, the order that puts the low energy first, and notes on what was done.

    A name is the voltage of the tube or linac: "6 MV" and "6000kV" give "6MV"; "0.16MV" gives "160kV"; "6MeV", the
    energy of the electrons, gives "6MV"; "160kV-low" is the front layer of a sandwich detector. Other names stay as
    they are. Example: ("6MV", "4MV") gives ("4MV", "6MV"), order (1, 0) and a note.
    """
    understood = [_parsed(name) for name in names]
    told = [name if known is None else _spelt(known) for name, known in zip(names, understood, strict=True)]
    order = _low_first(names, understood)
    notes = [*_meanings(names, told), *_doubts(names, understood)]
    if order != tuple(range(len(names))):
        notes.append(f"energies told as {', '.join(names)}: images exchanged, low energy first")
    return tuple(told[at] for at in order), order, tuple(notes)


def kilovolts(names: Sequence[str]) -> tuple[float, ...]:
    """Voltages in kV of energies by their names; empty unless every name tells one."""
    found = [known.voltage for known in map(_parsed, names) if known is not None]
    return tuple(found) if len(found) == len(names) else ()


def _parsed(name: str) -> _Known | None:
    """What a name tells; None if it isn't understood."""
    match = NAME.fullmatch(name.strip(" "))
    if match is None:
        return None
    voltage = float(match[1]) * (MEGA if match[2] in "mM" else 1)
    if not LOWEST_KV <= voltage <= HIGHEST_KV:
        return None
    if match[3]:
        return _Known(voltage, WORDS[match[3].lower()], f"-{match[3].lower()}")
    return _Known(voltage, FILTERED if match[4] else PLAIN, match[4] or "")


def _spelt(known: _Known) -> str:
    return (f"{known.voltage / MEGA:g}MV" if known.voltage >= MEGA else f"{known.voltage:g}kV") + known.suffix


def _low_first(names: Sequence[str], understood: Sequence[_Known | None]) -> tuple[int, ...]:
    """Order by voltage and layer, or by the words low and high; as it came where that can't be told."""
    keys: list[tuple[float, int]] = [known[:2] for known in understood if known is not None]
    if not keys:
        keys = [(0.0, WORDS[name.lower()]) for name in names if name.lower() in WORDS]
    if len(keys) != len(names):
        return tuple(range(len(names)))
    return tuple(sorted(range(len(names)), key=lambda at: keys[at]))


def _meanings(names: Sequence[str], told: Sequence[str]) -> list[str]:
    """A note where a name was taken for more than another spelling."""
    changed = [pair for pair in zip(names, told, strict=True) if _bare(pair[0]) != _bare(pair[1])]
    if not changed:
        return []
    came, taken = (", ".join(side) for side in zip(*changed, strict=True))
    return [f"energies {came} taken for {taken}"]


def _bare(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()


def _doubts(names: Sequence[str], understood: Sequence[_Known | None]) -> list[str]:
    notes = []
    strange = [name for name, known in zip(names, understood, strict=True) if known is None]
    if strange:
        notes.append(f"energies {', '.join(strange)} not understood (4MV or 160kV would be): taken as unknown")
    voltages = [known.voltage for known in understood if known is not None]
    if len({known for known in understood if known is not None}) < len(voltages):
        notes.append(f"energies {', '.join(names)}: one twice, so that the order of the images tells which is low")
    if voltages and min(voltages) < MEGA <= max(voltages):
        notes.append(f"energies {', '.join(names)} are those of a tube and of a linac: no scanner has both")
    return notes
