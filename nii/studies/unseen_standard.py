"""How much of an ordinary scan is opaque: `nii study unseen_standard CARGO VEHICLES PARCELS`.

Makes the limits that ship, from benign simulated scans: mean and two standard deviations of the share, of each kind of
cargo, of vehicles and of parcels, at least LEAST and at most GREATEST, so that a few per cent of ordinary scans exceed
theirs.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev

from nii.analysis.seen.answer import see
from nii.io.scanset import read_entry, read_set
from nii.run.progress import watched

LEAST, GREATEST = 0.10, 0.50
SPREADS = 2.0
FEWEST = 5  # scans of a kind, for its own limit
STANDARD = Path(__file__).parent.parent / "analysis" / "seen" / "standard.json"


def shares(path: Path) -> Iterator[tuple[str, float]]:
    """Kind of load and opaque share of each benign scan of a set."""
    entries = [entry for entry in read_set(path).entries if not entry.concealed]
    for entry in watched(entries, len(entries), "scans"):
        share = see(read_entry(entry), {}).unseen
        if share is not None:
            yield entry.cargo or "", share


def limit(values: Sequence[float]) -> float:
    """The share that a few per cent of scans with these shares exceed."""
    return round(min(max(fmean(values) + SPREADS * stdev(values), LEAST), GREATEST), 3)


def by_kind(path: Path) -> dict[str, float]:
    """The limit of each kind of cargo, by scans that hold one kind alone."""
    found = defaultdict(list)
    for kind, share in shares(path):
        if "+" not in kind:
            found[kind.partition(":")[0]].append(share)
    return {kind: limit(values) for kind, values in sorted(found.items()) if len(values) >= FEWEST}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the limits."""
    parser = argparse.ArgumentParser(
        prog="nii study unseen_standard", description="Limits of what may be opaque, by kind of load."
    )
    for name in ("cargo", "vehicles", "parcels"):
        parser.add_argument(name, type=Path, help="benign simulated scans")
    parser.add_argument("--made-by", default="", help="the commands that made the sets, for the record")
    asked = parser.parse_args(arguments)
    found = {
        "command": asked.made_by,
        "cargo": by_kind(asked.cargo),
        "vehicle": limit([share for _, share in shares(asked.vehicles)]),
        "parcel": limit([share for _, share in shares(asked.parcels)]),
    }
    STANDARD.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
