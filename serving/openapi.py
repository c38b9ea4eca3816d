"""What openapi.json says beyond what the signatures tell: form fields, answers, errors, with examples."""

from dataclasses import fields
from typing import Any

from nii.analysis.fields import RegionRecord
from serving.problems import MEDIA_TYPE, problem_body
from serving.schema import ProblemBody, Record, ServiceRecord

Responses = dict[int | str, dict[str, Any]]

_BINARY = {"type": "string", "format": "binary"}
_PFA = {
    "type": "number",
    "exclusiveMinimum": 0,
    "exclusiveMaximum": 1,
    "description": "False-alarm budget: the share of benign scans that may alarm.",
}

_DECLARED = {
    "type": "string",
    "minLength": 1,
    "description": "Declared goods: HS codes or words, mass, consignee. Example: 4819.10; shoes, 12 400 kg",
}
_REFERENCE = _BINARY | {"description": "An earlier passage of the same conveyance; the answer says whether it changed."}


def _form(*files: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(files),
        "properties": {**dict.fromkeys(files, _BINARY), "pfa": _PFA, "declared": _DECLARED, "reference": _REFERENCE},
        "additionalProperties": False,
    }


REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"oneOf": [_form("file"), _form("low", "high")]},
                "encoding": {name: {"contentType": "text/plain"} for name in ("pfa", "declared")},
            }
        },
    },
}

_SAID: dict[int, dict[str, str]] = {
    400: {
        "no file": "files: expected file, or low and high, came none",
        "nothing declared": "declared goods: expected 1 to 4000 characters of text, came none",
        "budget": "pfa: expected a number above 0 and below 1, came '7'",
        "cut off": "body: expected multipart/form-data, came a body without its closing boundary",
    },
    401: {"key": "X-API-Key: expected a valid key, came none or another"},
    404: {
        "unknown id": "scan: expected the id of an answer in the store, came another",
        "unknown picture": "entry: expected the id of a known concealment, came another",
    },
    406: {
        "accept": "Accept: expected one of application/json, image/png, application/dicom, multipart/form-data, "
        "came text/html"
    },
    408: {"slow": "body: expected within 30 s, came 4096 bytes of it"},
    413: {
        "bytes": "body: expected at most 128000000 bytes, came more",
        "pixels": "scan.png: expected at most 10000000 pixels, came 60000x60000",
    },
    415: {
        "no form": "Content-Type: expected multipart/form-data, came application/json",
        "no scan": "notes.tif: expected TIFF, PNG, JPEG, NPY or DICOS, came text",
    },
    422: {
        "cut off": "scan.tif: expected a complete TIFF, came one cut at byte 2048",
        "budget": "pfa: expected at least 999 benign calibration scans for 0.001, came 130",
    },
    429: {
        "queue": "queue: expected at most 66 scans at a time, came more",
        "memory": "uploads: expected at most 1000000000 bytes of all requests together, came more",
    },
    500: {"bug": "internal error"},
    503: {
        "not ready": "service: expected to be ready, came still loading",
        "deadline": "scan: expected an answer within 60 s, came none",
        "store": "record store: expected to work, came a failure",
    },
    507: {"room": "temporary folder: expected room for an upload, came none"},
}
_EXAMPLE_ID = "3f0c2f5e-6f0e-4a4e-9a53-0a8f6f1f9c55"


def _problem(status: int, said: dict[str, str]) -> dict[str, Any]:
    examples = {name: {"value": problem_body(status, detail, _EXAMPLE_ID)} for name, detail in said.items()}
    schema = ProblemBody.model_json_schema()
    headers = (
        {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}} if status in (429, 503, 507) else {}
    )
    return {
        "description": problem_body(status, "", _EXAMPLE_ID)["title"],
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }


def problems(*statuses: int) -> Responses:
    """The error answers of a route, each with examples; 500 is always among them."""
    return {status: _problem(status, _SAID[status]) for status in (*statuses, 500)}


def _unknown(record: type) -> dict[str, Any]:
    """An example in which nothing is known yet."""
    return {field.name: None for field in fields(record)}


_REGION = _unknown(RegionRecord) | {
    "box": [484, 200, 70, 14],
    "polygon": [[484, 200], [484, 213], [553, 213], [553, 200]],
    "score": 2.61,
    "p_value": 0.0076,
    "family": "die_moulds",
    "family_probability": 0.71,
    "families": [{"family": "die_moulds", "probability": 0.71}, {"family": "press_parts", "probability": 0.2}],
    "similar": [{"id": "die_moulds-07", "family": "die_moulds", "mass_kg": 11.9, "distance": 0.62}],
    "mass_kg": 13.2,
    "mass_low_kg": 9.8,
    "mass_high_kg": 16.9,
    "material": "metal",
    "z_effective": 25.4,
}
_RECORD = _unknown(ServiceRecord) | {
    "id": _EXAMPLE_ID,
    "time": "2026-11-24T13:23:20.050+00:00",
    "software": "nii 0.1.0",
    "path": "scan.tif",
    "sha256": "1b028b308bb54fc72b163515e438dd7a5a2d9680172e2476875b3be3edc066a8",
    "status": "ok",
    "model": "cargo 0.1.0",
    "model_sha256": "85e483618c71e6d54df91e43d634cd03790fd3bac1a44d876d9481caf2d35b1f",
    "calibration": {"name": "default", "scans": 130, "smallest_pfa": 0.0076, "threshold": 2.206},
    "score": 2.61,
    "p_value": 0.0076,
    "alarm": True,
    "pfa": 0.01,
    "regions": [_REGION],
    "candidates": [_REGION],
    "empty": 0.003,
    "cargo": [{"kind": "produce", "probability": 0.81}],
    "quality": {"notes": [], "figures": {"steel_mm": [211.0, 247.0]}},
    "milliseconds": 212.0,
    "timing_ms": {"upload": 1.2, "queue": 0.1, "infer": 125.0, "regions": 60.0, "read": 25.0, "report": 2.0},
    "scan": {
        "kind": "transmission",
        "rows": 328,
        "columns": 778,
        "energies": ["4MV", "6MV"],
        "pitch_mm": [8.2, 8.2],
        "scanner": "sample-portal",
    },
    "load": {
        "answer": "loaded",
        "p_value": 0.0034,
        "score": 12.6,
        "mass_kg": None,
        "mass_low_kg": None,
        "mass_high_kg": None,
        "sections": [{"start": 60, "end": 180, "answer": "loaded"}],
        "boxes": [],
        "why": "",
    },
    "not_seen_through": False,
    "seen": {
        "powder": 0.97,
        "steel": 1.0,
        "unseen": 0.03,
        "limit": 0.1,
        "sections": [{"start": 0, "end": 122, "powder": 0.97, "steel": 1.0}],
        "boxes": [[410, 250, 60, 12]],
        "shields": [],
        "why": "",
    },
}


def scan_responses(*, kept: bool) -> Responses:
    """Answers of POST /v1/scans. kept: whether an answer can be read again, and takes a finding."""
    to_record = {"parameters": {"scan": "$response.body#/id"}}
    links = {
        "answer": {"operationId": "read_record", **to_record},
        "finding": {"operationId": "add_finding", **to_record},
    }
    good = {
        "model": Record,
        "description": "The record, the overlay, the DICOS report, or the record with its layers, by Accept.",
        "headers": {
            "X-Nii-Trace": {
                "schema": {"type": "string"},
                "description": "Decision, hashes, calibration, software and time as JSON, also beside pictures.",
            }
        },
        "content": {
            "application/json": {"example": _RECORD},
            "image/png": {"schema": _BINARY},
            "application/dicom": {"schema": _BINARY},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "record": {"type": "string", "contentMediaType": "application/json"},
                        **dict.fromkeys(("transmission", "heat", "excess", "tdr", "reference"), _BINARY),
                        "reference_scan": {"type": "string", "contentMediaType": "application/json"},
                    },
                }
            },
        },
        **({"links": links} if kept else {}),
    }
    return {200: good, **problems(400, 401, 406, 408, 413, 415, 422, 429, 503, 507)}


LIBRARY_PICTURE: Responses = {200: {"description": "A PNG file.", "content": {"image/png": {"schema": _BINARY}}}}
METRICS_RESPONSES: Responses = {
    200: {"description": "The text format of Prometheus.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **problems(401),
}
