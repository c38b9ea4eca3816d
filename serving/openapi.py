"""What openapi.json says of POST /v1/scans beyond what its signature tells."""

from typing import Any

from serving.problems import MEDIA_TYPE, problem_body

_BINARY = {"type": "string", "format": "binary"}
_PFA = {
    "type": "number",
    "exclusiveMinimum": 0,
    "exclusiveMaximum": 1,
    "description": "False-alarm budget: the share of benign scans that may alarm.",
}
REQUEST_BODY: dict[str, Any] = {
    "parameters": [{"name": "pfa", "in": "query", "required": False, "schema": _PFA}],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "oneOf": [
                        {
                            "type": "object",
                            "required": ["file"],
                            "properties": {"file": _BINARY, "pfa": _PFA},
                            "additionalProperties": False,
                        },
                        {
                            "type": "object",
                            "required": ["low", "high"],
                            "properties": {"low": _BINARY, "high": _BINARY, "pfa": _PFA},
                            "additionalProperties": False,
                        },
                    ]
                }
            }
        },
    },
}
_SAID = {
    400: "files: expected file, or low and high, came none",
    401: "X-API-Key: expected a valid key, came none or another",
    406: "Accept: expected one of application/json, image/png, application/dicom, multipart/form-data, came text/html",
    404: "scan: expected the id of an answer in the store, came another",
    408: "body: expected within 30 s, came 4096 bytes of it",
    413: "body: expected at most 256000000 bytes, came more",
    415: "notes.tif: expected TIFF, PNG, JPEG, NPY or DICOS, came text",
    422: "scan.tif: expected a complete TIFF, came one cut at byte 2048",
    429: "queue: expected at most 66 scans at a time, came more",
    503: "service: expected to be ready, came still loading",
}
_EXAMPLE_ID = "3f0c2f5e-6f0e-4a4e-9a53-0a8f6f1f9c55"


def _problem(status: int, detail: str) -> dict[str, Any]:
    example = problem_body(status, detail, _EXAMPLE_ID)
    schema = {
        "type": "object",
        "required": sorted(example),
        "properties": {key: {"type": "integer" if key == "status" else "string"} for key in example},
    }
    return {"description": example["title"], "content": {MEDIA_TYPE: {"schema": schema, "example": example}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, each with an example."""
    return {status: _problem(status, _SAID[status]) for status in statuses}


RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The record, the overlay, the DICOS report, or the record with its layers, by Accept.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "image/png": {"schema": _BINARY},
            "application/dicom": {"schema": _BINARY},
            "multipart/form-data": {"schema": {"type": "object"}},
        },
    },
    **problems(400, 401, 406, 408, 413, 415, 422, 429, 503),
}
