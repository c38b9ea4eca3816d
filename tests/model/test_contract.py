"""Models whose contract is not one of ours: one line each, whatever stands in it."""

import json

from tiny_model import calibrated_model

from nii.analysis.record import analyse, record
from nii.errors import NiiError
from nii.io.read import decode_scan
from nii.model import contract as contracts
from nii.model.contract import KEY, METADATA_FIELD, read_contract
from nii.model.detector import Detector
from nii.model.protobuf import fields, length_delimited
from serving.deploy.hostile import tiff

MODEL = calibrated_model(99)
GOOD = json.loads(read_contract(MODEL, "good").to_json())
VALUES = [
    None,
    5,
    -1,
    1e400,
    True,
    "x",
    "",
    [],
    {},
    ["x"],
    [1],
    [None],
    [[1]],
    {"a": 1},
    "9" * 5000,
    [float("nan")] * 3,
]


def with_text(text: bytes) -> bytes:
    kept = b"".join(
        one.raw
        for one in fields(MODEL, "good")
        if one.number != METADATA_FIELD or contracts._entry_text(one.payload, 1) != KEY
    )
    return kept + length_delimited(METADATA_FIELD, length_delimited(1, KEY.encode()) + length_delimited(2, text))


def changed() -> dict[str, bytes]:
    found = {f"{name}: {value!r:.20}": {**GOOD, name: value} for name in GOOD for value in VALUES}
    for name in ("naming", "loads"):
        inner = GOOD[name] or {}
        found |= {f"{name}.{key}: {v!r:.20}": {**GOOD, name: {**inner, key: v}} for key in inner for v in VALUES}
    first = GOOD["calibrations"][0]
    found |= {
        f"calibrations.{key}: {v!r:.20}": {**GOOD, "calibrations": [{**first, key: v}]} for key in first for v in VALUES
    }
    texts = {name: json.dumps(one).encode() for name, one in found.items()}
    return texts | {"no text": b"", "a list": b"[]", "cut": b"{", "no UTF-8": b"\xff\xfe", "deep": b"[" * 100_000}


def test_a_contract_that_holds_anything_is_one_line_or_a_model_that_scores(tmp_path):
    path = tmp_path / "m.onnx"
    scan = decode_scan(tiff({"pitch_mm": 5, "energies": ["6MV"], "open_beam": 60_000}, (32, 48)), "x")
    cases = changed()
    assert len(cases) > 300
    for name, text in cases.items():
        path.write_bytes(with_text(text))
        said = fault_of(path, scan)
        assert "\n" not in said, name
        assert len(said) < 500, name


def fault_of(path, scan) -> str:
    """The line that a model gets; anything but a line fails the test by itself."""
    try:
        json.dumps(record(analyse(scan, Detector.load(path, threads=1), 0.05)))
    except NiiError as error:
        return str(error)
    return ""
