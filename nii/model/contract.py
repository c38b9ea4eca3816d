"""What a model artefact says of itself, as JSON in the metadata of its .onnx file.

Nothing that is needed to use a model lies elsewhere. The metadata is read and replaced on the level
of the file's protobuf fields (ONNX ModelProto), so that neither needs the network to be parsed.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from nii.errors import CalibrationError, ModelError
from nii.model.load_calibration import LoadCalibration
from nii.model.naming import Naming
from nii.model.protobuf import fields, length_delimited
from nii.scan import Kind
from nii.stats.operating_point import Calibration

FORMAT = 1
KEY = "nii"  # of the metadata entry
WRONG = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)  # of JSON from anywhere
LONGEST_WHY = 160  # characters of what is wrong with one
METADATA_FIELD = 14  # ModelProto.metadata_props, repeated StringStringEntryProto {key = 1, value = 2}


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Everything about a model but its weights.

    kind: of scans it takes. energies: names, low first. pitch_mm: pitches of the scanners it was trained on, lowest and
    highest. working_pitch_mm: at which the network looks; every scan that says its pitch is resampled to it (None, in
    models up to 0.7: only scans outside of pitch_mm are, to the middle of these). families, cargos: names of the
    classes in the order of the outputs. recipe, data: what it was trained by and on (data: SHA-256 over the
    annotations of the sets). minutes: of training.
    calibrations: scores of benign scans; empty until calibrated. mass_ratios: true over estimated mass of
    concealments that the model found in validation scans, ascending; they make its masses right on average
    and give their intervals. naming: how its regions get the name of a family; loads: of loads whose kind and mass
    are known; None until `nii.fit.naming` and `nii.fit.loads` have fitted them.
    """

    name: str
    version: str
    kind: Kind
    energies: tuple[str, ...]
    pitch_mm: tuple[float, float]
    families: tuple[str, ...]
    cargos: tuple[str, ...]
    license: str
    recipe: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    minutes: float = 0.0
    calibrations: tuple[Calibration, ...] = ()
    mass_ratios: tuple[float, ...] = ()
    naming: Naming | None = None
    loads: LoadCalibration | None = None
    working_pitch_mm: float | None = None

    def __post_init__(self) -> None:
        """Raises TypeError or ValueError for a field that can't be what it stands for: a file may hold anything."""
        texts = (self.name, self.version, self.license, self.data)
        names = (*self.energies, *self.families, *self.cargos)
        pitches = (*self.pitch_mm, *(() if self.working_pitch_mm is None else (self.working_pitch_mm,)))
        wrong = {
            "name, version, license and data": not all(isinstance(text, str) for text in texts),
            "energies": not 1 <= len(self.energies) <= 3,
            "names of energies, families and cargos": not all(isinstance(name, str) and name for name in names),
            "pitch_mm and working_pitch_mm": len(self.pitch_mm) != 2 or not all(map(_is_positive, pitches)),
            "recipe": not isinstance(self.recipe, dict),
            "minutes": not _is_number(self.minutes),
            "mass_ratios": not all(map(_is_positive, self.mass_ratios)),
            "families of its naming": self.naming is not None and self.naming.families != self.families,
        }
        for what, so in wrong.items():
            if so:
                raise ValueError(f"a wrong value of {what}")

    def to_json(self) -> str:
        """One line of JSON."""
        record = {name: getattr(self, name) for name in self.__dataclass_fields__}
        record["calibrations"] = [calibration.to_json() for calibration in self.calibrations]
        record["naming"] = self.naming.to_json() if self.naming else None
        record["loads"] = self.loads.to_json() if self.loads else None
        return json.dumps({"format": FORMAT, **record})

    @classmethod
    def from_json(cls, text: str, name: str) -> "Contract":
        """Raises ModelError, naming the file, for anything that to_json doesn't write."""
        try:
            record = json.loads(text)
            found = record.pop("format")
            if found != FORMAT:
                raise ValueError(f"format {found!r:.20} in place of {FORMAT}")
            record["kind"] = Kind(record["kind"])
            record["calibrations"] = tuple(Calibration.from_json(one) for one in record["calibrations"])
            naming = record.get("naming")
            record["naming"] = Naming.from_json(naming) if naming else None
            for key in ("energies", "pitch_mm", "families", "cargos", "mass_ratios"):
                record[key] = _listed(record.get(key, []))
            record["loads"] = LoadCalibration.from_json(record["loads"]) if record.get("loads") else None
            return cls(**record)
        except (*WRONG, CalibrationError) as error:
            why = f"{type(error).__name__}: {error}"[:LONGEST_WHY]
            raise ModelError(f"{name}: expected a model contract in its metadata, came {why}") from error


def _listed(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{type(value).__name__} in place of a list")
    return tuple(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def read_contract(model: bytes, name: str) -> Contract:
    """The contract in the bytes of a model file. Raises ModelError for a file without one."""
    for one in fields(model, name):
        if one.number == METADATA_FIELD and _entry_text(one.payload, 1) == KEY:
            return Contract.from_json(_entry_text(one.payload, 2), name)
    raise ModelError(f"{name}: expected an ONNX model with the metadata entry '{KEY}', came one without")


def with_contract(model: bytes, contract: Contract, name: str) -> bytes:
    """The same model with this contract in place of the one it has. Raises ModelError for other files."""
    kept = b"".join(
        one.raw for one in fields(model, name) if one.number != METADATA_FIELD or _entry_text(one.payload, 1) != KEY
    )
    entry = length_delimited(1, KEY.encode()) + length_delimited(2, contract.to_json().encode())
    return kept + length_delimited(METADATA_FIELD, entry)


def _entry_text(entry: bytes, field_number: int) -> str:
    """Key (1) or value (2) of a metadata entry."""
    return next(
        (one.payload.decode("utf-8", "replace") for one in fields(entry, "metadata") if one.number == field_number), ""
    )
