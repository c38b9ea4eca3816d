"""What a record says of a scan: its fields, each with its type, meaning and unit, and nowhere else.

The JSON and the columns of tables (`as_json` and `column_types` of `nii.io.columns`) and the service's openapi.json
(`serving.schema.model_of`) are derived from these dataclasses. In `Annotated`, text is the description, `Limits` are
the range. Unknown is None, never 0. docs/reference/record.md explains them to users; a test holds it against them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from nii.io.columns import Column
from nii.scan import Kind


@dataclass(frozen=True)
class Limits:
    """The range of a number (ge <= x <= le, x > gt), or the pattern of a text."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    pattern: str | None = None


Share = Annotated[float, Limits(ge=0, le=1)]
PValue = Annotated[float, Limits(gt=0, le=1), "Share of benign calibration scans that score as high."]
Sha256 = Annotated[str, Limits(pattern="^[0-9a-f]{64}$")]
Box = tuple[int, int, int, int]
BoxInScan = Annotated[Box, "x, y, w, h in pixels of the scan"]
LowKg = Annotated[float | None, "lower end of the 90 % interval, kg"]
HighKg = Annotated[float | None, "upper end of the 90 % interval, kg"]


class LoadAnswer(StrEnum):
    """Whether there is a load."""

    EMPTY = "empty"
    LOADED = "loaded"
    UNDETERMINED = "undetermined"


class DeclaredAnswer(StrEnum):
    """Whether the load is what was declared."""

    AS_DECLARED = "as declared"
    NOT_AS_DECLARED = "not as declared"
    UNDETERMINED = "undetermined"


class MassAnswer(StrEnum):
    """Whether the load weighs what was declared."""

    AS_DECLARED = "as declared"
    HEAVIER = "heavier than declared"
    LIGHTER = "lighter than declared"
    UNDETERMINED = "undetermined"


class Registration(StrEnum):
    """What the registry of pill presses says."""

    FOUND = "registered for this consignee"
    EXPIRED = "registration expired"
    NONE = "no registration found"
    NO_CONSIGNEE = "no consignee given"


class ChangeAnswer(StrEnum):
    """Whether the conveyance was changed."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, kw_only=True)
class FamilyRecord:
    """A family of concealments and how likely the region is one of it, given that it is a concealment."""

    family: str
    probability: Share


@dataclass(frozen=True, kw_only=True)
class SimilarRecord:
    """A known concealment of the library; its picture is at /v1/library/{id}.png."""

    id: Annotated[str, Limits(pattern="^[a-z_]+-[0-9]{2}$")]
    family: str
    mass_kg: Annotated[float, "its mass, kg"]
    distance: Annotated[float, Limits(ge=0), "no unit; smaller is more alike"]


@dataclass(frozen=True, kw_only=True)
class RegionRecord:
    """An area that may be a concealment. Masses in kg; null where pitch or energies are unknown."""

    box: BoxInScan
    polygon: Annotated[tuple[tuple[int, int], ...], "x, y of each corner, pixels"]
    score: Annotated[float, "on the scale of the scan's score, which is the highest of its regions"]
    p_value: PValue | None
    family: Annotated[str, "or 'unknown': unlikely, or like nothing that the model knows"]
    family_probability: Annotated[Share, "of the likeliest family, named or not"]
    families: Annotated[tuple[FamilyRecord, ...], "the three likeliest"]
    similar: Annotated[tuple[SimilarRecord, ...], "the three known concealments most like it, nearest first"]
    mass_kg: Annotated[float | None, "of the excess over what surrounds it, kg"]
    mass_low_kg: LowKg
    mass_high_kg: HighKg
    material: Annotated[str, "organic, inorganic, metal, heavy metal or undetermined"]
    z_effective: Annotated[float | None, "effective atomic number of the excess"]


@dataclass(frozen=True, kw_only=True)
class CargoRecord:
    """A kind of load and how likely it is."""

    kind: str
    probability: Share


@dataclass(frozen=True, kw_only=True)
class QualityRecord:
    """What limits the answer, in words, and the figures behind it."""

    notes: Annotated[tuple[str, ...], "what the reader should know, a line each"]
    figures: Annotated[
        dict[str, Any],
        "air level, noise, dead rows and columns, saturated share, grey levels, penetration, resolution",
    ]


@dataclass(frozen=True, kw_only=True)
class UsedCalibrationRecord:
    """The benign scans that the score was ranked among, and the threshold that keeps the budget."""

    name: str
    scans: int
    smallest_pfa: Annotated[Share, "smallest budget that they support"]
    threshold: Annotated[float, "score above which a scan alarms"]


@dataclass(frozen=True, kw_only=True)
class GeometryRecord:
    """The scan as it was read."""

    kind: Kind
    rows: int
    columns: int
    energies: Annotated[tuple[str, ...], "low first, such as 4MV"]
    pitch_mm: Annotated[tuple[float, float] | None, "row, column"]
    scanner: str | None


@dataclass(frozen=True, kw_only=True)
class SectionRecord:
    """About a metre of the travel, columns of the scan from start to end."""

    start: int
    end: int
    answer: LoadAnswer


@dataclass(frozen=True, kw_only=True)
class LoadRecord:
    """Whether there is any load, by a physical test. Masses in kg, of the thing that stands out; null where unknown."""

    answer: LoadAnswer
    p_value: Annotated[PValue | None, "share of simulated empty conveyances that score as high"]
    score: float | None
    mass_kg: float | None
    mass_low_kg: LowKg
    mass_high_kg: HighKg
    sections: tuple[SectionRecord, ...]
    boxes: Annotated[tuple[Box, ...], "what stands out: x, y, w, h in pixels"]
    why: Annotated[str, "why the test says nothing of this scan"]


@dataclass(frozen=True, kw_only=True)
class SeenSectionRecord:
    """About a metre of the travel, columns of the scan from start to end, and shares as `Seen` has them."""

    start: int
    end: int
    powder: Share | None
    steel: Share | None


@dataclass(frozen=True, kw_only=True)
class ShieldRecord:
    """An opaque thing with sharp edges where its neighbours aren't opaque."""

    box: BoxInScan
    attenuation: Annotated[float, "median in it; of an operator image, of its brightness"]
    around: Annotated[float, "median next to it"]
    sharp: Annotated[Share, "share of its edge that is sharp"]


@dataclass(frozen=True, kw_only=True)
class SeenRecord:
    """What could be seen. Shares of the load's area; null where there is none, or where they can't be told."""

    powder: Annotated[Share | None, "behind which 1 kg of powder would be seen"]
    steel: Annotated[Share | None, "behind which 5 kg of steel would be seen"]
    unseen: Annotated[Share | None, "that is opaque"]
    limit: Annotated[Share, "the share that may be opaque before there is no clear"]
    sections: tuple[SeenSectionRecord, ...]
    boxes: Annotated[tuple[Box, ...], "opaque places, largest first: x, y, w, h in pixels"]
    shields: tuple[ShieldRecord, ...]
    why: Annotated[str, "why it isn't seen through, or what can't be told"]


@dataclass(frozen=True, kw_only=True)
class DeclaredGoodRecord:
    """One of the declared goods; kinds: of load that such goods travel as, as the model names them."""

    text: str
    code: Annotated[str, "HS code, 2 digits or more"]
    means: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DeclaredSectionRecord:
    """A section of the travel, columns of the scan from start to end, its likeliest kind of load."""

    start: int
    end: int
    kind: str
    probability: Share
    p_value: Annotated[PValue | None, "of the declared kinds here; null where it looks empty"]


@dataclass(frozen=True, kw_only=True)
class DeclaredMassRecord:
    """The declared mass beside the estimated one, kg."""

    answer: MassAnswer
    why: str
    declared_kg: float
    kg: float | None
    low_kg: LowKg
    high_kg: HighKg
    p_value: PValue | None


@dataclass(frozen=True, kw_only=True)
class NeededDocumentsRecord:
    """What one of the declared goods would need."""

    goods: str
    code: str
    documents: str
    why: str


@dataclass(frozen=True, kw_only=True)
class RegisteredMachineRecord:
    """A pill press in the registry."""

    machine: str
    valid_until: str


@dataclass(frozen=True, kw_only=True)
class RegistryRecord:
    """What the registry of pill presses says of what the scan shows."""

    answer: Registration
    families: tuple[str, ...]
    consignee: str | None
    machines: tuple[RegisteredMachineRecord, ...]


@dataclass(frozen=True, kw_only=True)
class DeclaredRecord:
    """Whether the load is what was declared, at a budget of false alarms."""

    answer: DeclaredAnswer
    why: Annotated[str, "why it is undetermined"]
    p_value: PValue | None
    budget: Share
    goods: tuple[DeclaredGoodRecord, ...]
    unknown: Annotated[tuple[str, ...], "words and codes that no table has"]
    plausible: Annotated[tuple[str, ...], "kinds of load that the scan fits, likeliest first"]
    sections: tuple[DeclaredSectionRecord, ...]
    mass: DeclaredMassRecord | None
    documents: tuple[NeededDocumentsRecord, ...]
    registry: RegistryRecord | None


@dataclass(frozen=True, kw_only=True)
class ChangeRecord:
    """An area where the conveyance differs from the reference. Masses in kg; null where unknown."""

    box: BoxInScan
    change: Literal["added", "missing"]
    score: float
    p_value: Annotated[PValue, "share of unchanged simulated pairs that score as high"]
    mass_kg: float | None
    mass_low_kg: LowKg
    mass_high_kg: HighKg


@dataclass(frozen=True, kw_only=True)
class ChangesRecord:
    """Whether the conveyance itself was changed since the reference, by a physical test; goods may be others."""

    answer: ChangeAnswer
    p_value: Annotated[PValue | None, "share of unchanged simulated pairs that score as high"]
    pfa: Share
    score: float | None
    regions: tuple[ChangeRecord, ...]
    compared: Annotated[Share, "share of the conveyance that could be compared"]
    mirrored: Annotated[bool, "the passages ran opposite ways"]
    why: Annotated[str, "why the test says nothing, or leaves a doubt"]


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is said of a scan that was scored: a row of `nii score`."""

    path: str
    sha256: Annotated[Sha256, "of the file; of a pair, of the two files' SHA-256 (32 bytes each, low energy first)"]
    status: Annotated[Literal["ok"], "in a table also 'error'; then only path and error are known"]
    error: Annotated[None, Column("VARCHAR"), "in a table, why a file could not be scored, in one line"]
    model: Annotated[str, "name and version"]
    score: Annotated[float, "larger is more anomalous; never clipped"]
    p_value: PValue | None
    alarm: Annotated[
        bool | None, "null without a calibration, for a scan that shows nothing, and where not_seen_through"
    ]
    pfa: Annotated[Share, "the budget: the share of benign scans that may alarm"]
    regions: Annotated[tuple[RegionRecord, ...], "regions that alarm by themselves"]
    empty: Annotated[Share | None, "probability that there is no load; null where nothing is shown"]
    cargo: Annotated[tuple[CargoRecord, ...], "the likeliest kinds of load; none where nothing is shown"]
    quality: QualityRecord
    milliseconds: Annotated[float, "of reading and all that is said of the scan"]
    model_sha256: Annotated[Sha256, "of the model's file"]
    calibration: UsedCalibrationRecord | None
    drift: Annotated[str | None, "that the scanner no longer looks like its calibration"]
    scan: GeometryRecord
    load: LoadRecord
    declared: Annotated[DeclaredRecord | None, Column("JSON"), "null where nothing was declared"]
    changes: Annotated[ChangesRecord | None, "null without a reference"]
    blank: Annotated[str | None, "why the scan shows nothing, which leaves it undecided"]
    not_seen_through: Annotated[bool, "no clear: too much of the load is opaque, or there is a shield"]
    seen: SeenRecord
