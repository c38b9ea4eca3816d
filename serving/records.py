"""Routes of the record store: read an answer again, add an officer's finding. There only if a store is configured."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from fastapi import FastAPI, Path, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from nii.errors import UsageError
from serving.openapi import problems
from serving.problems import Problem
from serving.schema import KeptRecord
from serving.settings import Settings
from serving.upload import read_small

if TYPE_CHECKING:
    from serving.store import RecordStore  # SQLAlchemy is needed only where a store is configured

LARGEST_FINDING = 1 << 16  # bytes
ScanId = Annotated[UUID, Path(description="`id` of an answer")]


class FindingBody(BaseModel):
    """What an officer found."""

    model_config = ConfigDict(extra="forbid")

    finding: Literal["confirmed", "cleared", "not opened"]
    note: Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")] = ""  # PostgreSQL keeps no zero characters


_FINDING = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": FindingBody.model_json_schema()}}}
}


def open_store(settings: Settings) -> "RecordStore | None":
    """The store of these settings. Raises UsageError if it can't be used."""
    if settings.store is None:
        return None
    try:
        from serving.store import RecordStore
    except ModuleNotFoundError:
        raise UsageError("NII_STORE: expected the package sqlalchemy, came none; pip install sqlalchemy") from None
    return RecordStore(settings.store, settings.keep_scans)


def add_record_routes(app: FastAPI, store: "RecordStore", settings: Settings, guards: Sequence[Any]) -> None:
    """Add the routes."""
    answers = problems(400, 401, 404, 503)
    finding = {**answers, **problems(408, 413)}

    # no response_model: a record that an older version kept is given as it was answered
    @app.get("/v1/scans/{scan}", dependencies=guards, responses={200: {"model": KeptRecord}, **answers})
    def read_record(scan: ScanId) -> dict[str, Any]:
        """A record as it was answered, with its findings."""
        found = store.read(str(scan))
        if found is None:
            raise Problem(404, "scan: expected the id of an answer in the store, came another")
        return found

    # the body is no parameter: FastAPI would read it, whatever its size, before it asks for the key
    @app.post(
        "/v1/scans/{scan}/finding", dependencies=guards, status_code=201, responses=finding, openapi_extra=_FINDING
    )
    async def add_finding(scan: ScanId, request: Request) -> FindingBody:
        """Add what an officer found; the latest finding of a scan counts."""
        body = _finding(await read_small(request, LARGEST_FINDING, settings.upload_seconds))
        owner = getattr(request.state, "key_owner", None)
        if not await run_in_threadpool(store.add_finding, str(scan), body.finding, body.note, owner):
            raise Problem(404, "scan: expected the id of an answer in the store, came another")
        return body


def _finding(body: bytes) -> FindingBody:
    try:
        return FindingBody.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in ("body", *first["loc"]))
        raise Problem(400, f"{where}: {first['msg']}") from None
