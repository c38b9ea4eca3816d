"""What the JSON answers hold, for openapi.json; a test holds real answers against it."""

from collections.abc import Sequence
from dataclasses import dataclass, is_dataclass
from enum import Enum
from functools import cache
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from nii.analysis import fields
from nii.analysis.fields import Limits, RegionRecord, Sha256, Share


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


@cache
def model_of(record: type, name: str | None = None) -> type[BaseModel]:
    """The pydantic model of a record's dataclass: text in its `Annotated` becomes the description, `Limits` the range.

    name: None: the dataclass's without the ending Record.
    """
    hints = get_type_hints(record, include_extras=True)
    parts: dict[str, Any] = {field: (_described(hint), ...) for field, hint in hints.items()}
    return create_model(
        name or record.__name__.removesuffix("Record"), __base__=_Strict, __doc__=record.__doc__, **parts
    )


def _described(hint: Any) -> Any:
    """A field's type as pydantic takes it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[_described(arguments[0]), _field(arguments[1:])]
    if origin in (Union, UnionType):
        return Union[tuple(map(_described, arguments))]  # noqa: UP007 - of as many as there are
    if origin is tuple:
        return GenericAlias(tuple, tuple(map(_described, arguments)))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Literal[tuple(one.value for one in hint)]
    return model_of(hint) if isinstance(hint, type) and is_dataclass(hint) else hint


def _field(notes: Sequence[Any]) -> Any:
    """The last text, which is the most special one, and the limits."""
    limits = next((vars(note) for note in notes if isinstance(note, Limits)), {})
    description = next((note for note in reversed(notes) if isinstance(note, str)), None)
    return Field(description=description, **limits)


@dataclass(frozen=True, kw_only=True)
class ServiceRecord(fields.Record):
    """The row of `nii score`, and the trace of the service."""

    id: str
    time: str
    software: str
    path: Annotated[str, "file name as the client gave it, without folders"]
    status: Literal["ok"]
    error: None
    candidates: Annotated[tuple[RegionRecord, ...], "regions that alarm at a budget of 0.3, highest first"]
    timing_ms: Annotated[
        dict[str, float], "upload, queue, read, infer, regions, quality, seen, load, declared, report, compare"
    ]


@dataclass(frozen=True, kw_only=True)
class KeptFindingRecord:
    """What an officer found, and when it was said."""

    time: str
    finding: Literal["confirmed", "cleared", "not opened"]
    note: str
    key: Annotated[str | None, "owner of the API key that it came with"]


@dataclass(frozen=True, kw_only=True)
class KeptServiceRecord(ServiceRecord):
    """A record as it was answered, with its findings, oldest first."""

    findings: tuple[KeptFindingRecord, ...]


@dataclass(frozen=True, kw_only=True)
class CalibrationRecord:
    """Benign scans that a model carries; scanner is null for the model's own."""

    name: str
    scanner: str | None
    scans: int
    smallest_pfa: Share


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """A model in use. sha256: of its file. providers: what ONNX Runtime runs it on, in order."""

    name: str
    loaded_as: str
    version: str
    sha256: Sha256
    license: str
    kind: str
    energies: tuple[str, ...]
    pitch_mm: Annotated[tuple[float, float], "smallest and largest pitch that it was trained on"]
    families: tuple[str, ...]
    cargos: tuple[str, ...]
    calibrations: tuple[CalibrationRecord, ...]
    smallest_pfa: Share | None
    default_pfa: Share
    providers: tuple[str, ...]
    software: str


@dataclass(frozen=True, kw_only=True)
class ModelsRecord:
    """All models of the service. records: whether answers are kept and take findings."""

    models: tuple[ModelRecord, ...]
    records: bool


@dataclass(frozen=True, kw_only=True)
class ProblemRecord:
    """An error, RFC 9457. instance: the request id, which is in the logs too."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


Record = model_of(ServiceRecord, "Record")
KeptRecord = model_of(KeptServiceRecord, "KeptRecord")
Models = model_of(ModelsRecord)
ProblemBody = model_of(ProblemRecord, "ProblemBody")
