"""How much of an ordinary load is opaque, by kind: `nii study unseen_standard SET`.

Makes the limits that ship, from benign simulated scans: mean and two standard deviations of the share of each kind,
at least LEAST and at most GREATEST, so that a few per cent of ordinary loads exceed theirs.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev

from nii.analysis.seen.answer import see
from nii.io.scanset import read_entry, read_set
from nii.run.progress import bar

LEAST, GREATEST = 0.10, 0.50
OTHER = 0.25  # kinds that the set lacks
SPREADS = 2.0
FEWEST = 5  # scans of a kind, for its own limit
STANDARD = Path(__file__).parent.parent / "analysis" / "seen" / "standard.json"


def shares(path: Path) -> Iterator[tuple[str, float]]:
    """Kind of load and opaque share of each benign scan of a set with one kind of load."""
    entries = [entry for entry in read_set(path).entries if not entry.concealed and "+" not in (entry.cargo or "+")]
    with bar("scans", len(entries)) as progress:
        for number, entry in enumerate(entries, start=1):
            share = see(read_entry(entry), {}).unseen
            if share is not None and entry.cargo is not None:
                yield entry.cargo.partition(":")[0], share
            progress(number)


def limits(path: Path) -> dict[str, float]:
    """The limit of each kind."""
    by_kind = defaultdict(list)
    for kind, share in shares(path):
        by_kind[kind].append(share)
    found = {
        kind: round(min(max(fmean(values) + SPREADS * stdev(values), LEAST), GREATEST), 3)
        for kind, values in sorted(by_kind.items())
        if len(values) >= FEWEST
    }
    return {**found, "other": OTHER}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the limits."""
    parser = argparse.ArgumentParser(
        prog="nii study unseen_standard", description="Limits of what may be opaque, by kind of load."
    )
    parser.add_argument("set", type=Path, help="benign simulated scans")
    parser.add_argument("--made-by", default="", help="the command that made the set, for the record")
    asked = parser.parse_args(arguments)
    found = {"command": asked.made_by, "limits": limits(asked.set)}
    STANDARD.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
