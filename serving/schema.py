"""What the JSON answers hold, for openapi.json; a test holds real answers against it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
PValue = Annotated[float, Field(gt=0, le=1, description="Share of benign calibration scans that score as high.")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Family(_Strict):
    """A family of concealments and how likely the region is one of it, given that it is a concealment."""

    family: str
    probability: Share


class Similar(_Strict):
    """A known concealment of the library; its picture is at /v1/library/{id}.png."""

    id: Annotated[str, Field(pattern="^[a-z_]+-[0-9]{2}$")]
    family: str
    mass_kg: float
    distance: Annotated[float, Field(ge=0, description="no unit; smaller is more alike")]


class Region(_Strict):
    """An area that may be a concealment. Masses in kg; null where pitch or energies are unknown."""

    box: Annotated[tuple[int, int, int, int], Field(description="x, y, w, h in pixels of the scan")]
    polygon: Annotated[list[tuple[int, int]], Field(description="x, y of each corner, pixels")]
    score: float
    p_value: PValue | None
    family: Annotated[str, Field(description="or 'unknown': unlikely, or like nothing that the model knows")]
    family_probability: Annotated[Share, Field(description="of the likeliest family, named or not")]
    families: Annotated[list[Family], Field(description="the three likeliest")]
    similar: Annotated[list[Similar], Field(description="the three known concealments most like it, nearest first")]
    mass_kg: float | None
    mass_low_kg: Annotated[float | None, Field(description="lower end of the 90 % interval")]
    mass_high_kg: Annotated[float | None, Field(description="upper end of the 90 % interval")]
    material: str
    z_effective: float | None


class Cargo(_Strict):
    """A kind of load and how likely it is."""

    kind: str
    probability: Share


class Quality(_Strict):
    """What limits the answer, in words, and the figures behind it."""

    notes: list[str]
    figures: dict[str, Any]


class UsedCalibration(_Strict):
    """The benign scans that the score was ranked among, and the threshold that keeps the budget."""

    name: str
    scans: int
    smallest_pfa: Share
    threshold: float


class Geometry(_Strict):
    """The scan as it was read."""

    kind: Literal["transmission", "operator-image"]
    rows: int
    columns: int
    energies: list[str]
    pitch_mm: Annotated[tuple[float, float] | None, Field(description="row, column")]
    scanner: str | None


class Section(_Strict):
    """About a metre of the travel, columns of the scan from start to end."""

    start: int
    end: int
    answer: Literal["empty", "loaded", "undetermined"]


class Load(_Strict):
    """Whether there is any load, by a physical test. Masses in kg, of the thing that stands out; null where unknown."""

    answer: Literal["empty", "loaded", "undetermined"]
    p_value: Annotated[PValue | None, Field(description="share of simulated empty conveyances that score as high")]
    score: float | None
    mass_kg: float | None
    mass_low_kg: Annotated[float | None, Field(description="lower end of the 90 % interval")]
    mass_high_kg: Annotated[float | None, Field(description="upper end of the 90 % interval")]
    sections: list[Section]
    boxes: Annotated[list[tuple[int, int, int, int]], Field(description="what stands out: x, y, w, h in pixels")]
    why: Annotated[str, Field(description="why the test says nothing of this scan")]


class SeenSection(_Strict):
    """About a metre of the travel, columns of the scan from start to end, and shares as `Seen` has them."""

    start: int
    end: int
    powder: Share | None
    steel: Share | None


class Shield(_Strict):
    """An opaque thing with sharp edges where its neighbours aren't opaque."""

    box: Annotated[tuple[int, int, int, int], Field(description="x, y, w, h in pixels of the scan")]
    attenuation: Annotated[float, Field(description="median in it; of an operator image, of its brightness")]
    around: Annotated[float, Field(description="median next to it")]
    sharp: Annotated[Share, Field(description="share of its edge that is sharp")]


class Seen(_Strict):
    """What could be seen. Shares of the load's area; null where there is none, or where they can't be told."""

    powder: Annotated[Share | None, Field(description="behind which 1 kg of powder would be seen")]
    steel: Annotated[Share | None, Field(description="behind which 5 kg of steel would be seen")]
    unseen: Annotated[Share | None, Field(description="that is opaque")]
    limit: Annotated[Share, Field(description="the share that may be opaque before there is no clear")]
    sections: list[SeenSection]
    boxes: Annotated[
        list[tuple[int, int, int, int]], Field(description="opaque places, largest first: x, y, w, h in pixels")
    ]
    shields: list[Shield]
    why: Annotated[str, Field(description="why it isn't seen through, or what can't be told")]


class DeclaredGood(_Strict):
    """One of the declared goods; kinds: of load that such goods travel as, as the model names them."""

    text: str
    code: Annotated[str, Field(description="HS code, 2 digits or more")]
    means: str
    kinds: list[str]


class DeclaredSection(_Strict):
    """A section of the travel, columns of the scan from start to end, its likeliest kind of load."""

    start: int
    end: int
    kind: str
    probability: Share
    p_value: Annotated[PValue | None, Field(description="of the declared kinds here; null where it looks empty")]


class DeclaredMass(_Strict):
    """The declared mass beside the estimated one, kg."""

    answer: Literal["as declared", "heavier than declared", "lighter than declared", "undetermined"]
    why: str
    declared_kg: float
    kg: float | None
    low_kg: Annotated[float | None, Field(description="lower end of the 90 % interval")]
    high_kg: Annotated[float | None, Field(description="upper end of the 90 % interval")]
    p_value: PValue | None


class NeededDocuments(_Strict):
    """What one of the declared goods would need."""

    goods: str
    code: str
    documents: str
    why: str


class RegisteredMachine(_Strict):
    """A pill press in the registry."""

    machine: str
    valid_until: str


class Registry(_Strict):
    """What the registry of pill presses says of what the scan shows."""

    answer: Literal[
        "registered for this consignee", "registration expired", "no registration found", "no consignee given"
    ]
    families: list[str]
    consignee: str | None
    machines: list[RegisteredMachine]


class Declared(_Strict):
    """Whether the load is what was declared, at a budget of false alarms."""

    answer: Literal["as declared", "not as declared", "undetermined"]
    why: Annotated[str, Field(description="why it is undetermined")]
    p_value: PValue | None
    budget: Share
    goods: list[DeclaredGood]
    unknown: Annotated[list[str], Field(description="words and codes that no table has")]
    plausible: Annotated[list[str], Field(description="kinds of load that the scan fits, likeliest first")]
    sections: list[DeclaredSection]
    mass: DeclaredMass | None
    documents: list[NeededDocuments]
    registry: Registry | None


class Change(_Strict):
    """An area where the conveyance differs from the reference. Masses in kg; null where unknown."""

    box: Annotated[tuple[int, int, int, int], Field(description="x, y, w, h in pixels of the scan")]
    change: Literal["added", "missing"]
    score: float
    p_value: Annotated[PValue, Field(description="share of unchanged simulated pairs that score as high")]
    mass_kg: float | None
    mass_low_kg: Annotated[float | None, Field(description="lower end of the 90 % interval")]
    mass_high_kg: Annotated[float | None, Field(description="upper end of the 90 % interval")]


class Changes(_Strict):
    """Whether the conveyance itself was changed since the reference, by a physical test; goods may be others."""

    answer: Literal["changed", "unchanged", "undetermined"]
    p_value: Annotated[PValue | None, Field(description="share of unchanged simulated pairs that score as high")]
    pfa: Share
    score: float | None
    regions: list[Change]
    compared: Annotated[Share, Field(description="share of the conveyance that could be compared")]
    mirrored: Annotated[bool, Field(description="the passages ran opposite ways")]
    why: Annotated[str, Field(description="why the test says nothing, or leaves a doubt")]


OfFiles = Annotated[
    Sha256, Field(description="of the file; of a pair, of the two files' SHA-256 (32 bytes each, low energy first)")
]


class Record(_Strict):
    """The row of `nii score`, and the trace of the service."""

    id: str
    time: str
    software: str
    path: Annotated[str, Field(description="file name as the client gave it, without folders")]
    sha256: OfFiles
    status: Literal["ok"]
    error: None
    model: str
    model_sha256: Sha256
    calibration: UsedCalibration | None
    score: Annotated[float, Field(description="larger is more anomalous; never clipped")]
    p_value: PValue | None
    alarm: Annotated[
        bool | None,
        Field(description="null without a calibration, for a scan that shows nothing, and where not_seen_through"),
    ]
    pfa: Share
    regions: Annotated[list[Region], Field(description="regions that alarm by themselves")]
    candidates: Annotated[list[Region], Field(description="regions that alarm at a budget of 0.3, highest first")]
    empty: Annotated[Share | None, Field(description="probability that there is no load; null where nothing is shown")]
    cargo: Annotated[list[Cargo], Field(description="the likeliest kinds of load; none where nothing is shown")]
    quality: Quality
    milliseconds: float
    drift: Annotated[str | None, Field(description="that the scanner no longer looks like its calibration")]
    timing_ms: Annotated[
        dict[str, float],
        Field(description="upload, queue, read, infer, regions, quality, seen, load, declared, report, compare"),
    ]
    scan: Geometry
    load: Load
    declared: Annotated[Declared | None, Field(description="null where nothing was declared")]
    changes: Annotated[Changes | None, Field(description="null without a reference")]
    blank: Annotated[str | None, Field(description="why the scan shows nothing, which leaves it undecided")]
    not_seen_through: Annotated[
        bool, Field(description="no clear: too much of the load is opaque, or there is a shield")
    ]
    seen: Seen


class KeptFinding(_Strict):
    """What an officer found, and when it was said."""

    time: str
    finding: Literal["confirmed", "cleared", "not opened"]
    note: str
    key: Annotated[str | None, Field(description="owner of the API key that it came with")]


class KeptRecord(Record):
    """A record as it was answered, with its findings, oldest first."""

    findings: list[KeptFinding]


class Calibration(_Strict):
    """Benign scans that a model carries; scanner is null for the model's own."""

    name: str
    scanner: str | None
    scans: int
    smallest_pfa: Share


class Model(_Strict):
    """A model in use. sha256: of its file. providers: what ONNX Runtime runs it on, in order."""

    name: str
    loaded_as: str
    version: str
    sha256: Sha256
    license: str
    kind: str
    energies: list[str]
    pitch_mm: Annotated[tuple[float, float], Field(description="smallest and largest pitch that it was trained on")]
    families: list[str]
    cargos: list[str]
    calibrations: list[Calibration]
    smallest_pfa: Share | None
    default_pfa: Share
    providers: list[str]
    software: str


class Models(_Strict):
    """All models of the service. records: whether answers are kept and take findings."""

    models: list[Model]
    records: bool


class ProblemBody(_Strict):
    """An error, RFC 9457. instance: the request id, which is in the logs too."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
