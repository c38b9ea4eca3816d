"""The DICOS Threat Detection Report of a result."""

from pathlib import Path
from typing import BinaryIO

from nii.analysis.record import Result
from nii.analysis.regions import Region
from nii.io.dicos import Threat, read_reference, write_tdr
from nii.io.read import DICOS, SNIFFED, sniff

CATEGORIES = {
    **dict.fromkeys(("firearm", "pill_press", "die_moulds", "press_parts"), "PI"),  # prohibited items
    **dict.fromkeys(("bricks", "bulk_bag", "contraband", "jerrycans"), "CONTRABAND"),
    "pills": "PHARMACEUTICAL",
}
"""Category of the standard by family; the others, changes to the conveyance and what is unknown, are anomalies."""


def write_report(target: Path | BinaryIO, result: Result, source: bytes) -> None:
    """Write the report of a scored scan: its decision, unknown where there is none, and an object per alarming region.

    Where it isn't seen through, the opaque places are objects with the flag UNKNOWN. source: the bytes of the scan's
    file, of the first one of a pair; the report refers to the image in it if it is DICOS. The probability of an object
    is 1 - p-value: the share of benign scans that score lower.
    """
    threats = []
    for region in result.regions:
        said = region.to_record()
        threats.append(
            Threat(
                box=region.box,
                polygon=[(float(x), float(y)) for x, y in region.polygon],
                bitmap=region.mask,
                probability=None if region.p_value is None else 1 - region.p_value,
                mass_kg=said.mass_kg,
                z_effective=said.z_effective,
                category=CATEGORIES.get(region.family, "ANOMALY"),
                description=describe(region),
            )
        )
    threats.extend(_unseen(result))
    is_dicos = sniff(source[:SNIFFED]) == DICOS
    write_tdr(
        target,
        result.scan,
        threats,
        alarm=result.alarm,
        algorithm=result.contract.name,
        version=result.contract.version,
        milliseconds=sum(result.milliseconds.values()),
        reference=read_reference(source, result.scan.path) if is_dicos else None,
    )


def _unseen(result: Result) -> list[Threat]:
    """Where nothing can be said of what lies behind: shields, and opaque places where there are too many of them."""
    shields = [
        Threat(box=one.box, flag="UNKNOWN", description="shield: opaque, sharp edges") for one in result.seen.shields
    ]
    places = result.seen.boxes() if result.not_seen_through else []
    return shields + [Threat(box=box, flag="UNKNOWN", description="not seen through") for box in places]


def describe(region: Region) -> str:
    """The name with its probability. Example: "die_moulds (71%)", "unknown (likeliest die_moulds, 31%)"."""
    (likeliest, probability), *_ = region.identity.families
    if region.family == likeliest:
        return f"{region.family} ({probability:.0%})"
    return f"{region.family} (likeliest {likeliest}, {probability:.0%})"
