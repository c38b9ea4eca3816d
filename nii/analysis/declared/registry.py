"""Registered pill presses by consignee: a CSV file of the customs, asked when a scan shows a press or parts of one."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from nii.analysis.declared.words import plain
from nii.analysis.fields import RegisteredMachineRecord, Registration, RegistryRecord
from nii.errors import UsageError

COLUMNS = ("consignee", "machine", "valid_until")
PRESSES = ("die_moulds", "pill_press", "press_parts")  # families of concealments that the registry is asked about


@dataclass(frozen=True)
class Entry:
    """A registered machine: serial number or model, and the last day of the registration."""

    consignee: str
    machine: str
    valid_until: date


def read_registry(path: Path) -> tuple[Entry, ...]:
    """The entries of a CSV file with the columns consignee, machine, valid_until (such as 2027-06-30).

    Raises UsageError for anything else.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if set(COLUMNS) - set(rows.fieldnames or ()):
                came = ", ".join(rows.fieldnames or ("none",))[:200]
                raise UsageError(f"{path}: expected the columns {', '.join(COLUMNS)}, came {came}")
            return tuple(_entry(path, rows.line_num, row) for row in rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path}: expected a registry as CSV, came {reason}") from error


def _entry(path: Path, line: int, row: dict[str, str]) -> Entry:
    try:
        return Entry(row["consignee"].strip(), row["machine"].strip(), date.fromisoformat(row["valid_until"].strip()))
    except (ValueError, AttributeError):
        came = str(row["valid_until"])[:40]
        raise UsageError(f"{path}, line {line}: expected a date like 2027-06-30 in valid_until, came {came}") from None


def ask(
    registry: Sequence[Entry], families: Iterable[str], consignee: str | None, today: date
) -> RegistryRecord | None:
    """What the registry says of the presses that a scan shows; None where it shows none.

    families: of the regions that alarm. Names count as the same whatever their case, accents and marks.
    """
    seen = sorted(set(families) & set(PRESSES))
    if not seen:
        return None
    own = [entry for entry in registry if consignee is not None and plain(entry.consignee) == plain(consignee)]
    valid = [one for one in own if one.valid_until >= today]
    if consignee is None:
        answer = Registration.NO_CONSIGNEE
    else:
        answer = Registration.FOUND if valid else Registration.EXPIRED if own else Registration.NONE
    machines = tuple(
        RegisteredMachineRecord(machine=one.machine, valid_until=one.valid_until.isoformat()) for one in valid or own
    )
    return RegistryRecord(answer=answer, families=tuple(seen), consignee=consignee, machines=machines)
