"""openapi.json tells the truth: real answers fit its schemas, and requests drawn from it never break the service."""

import json
import re

import httpx2
import pytest
import schemathesis
from conftest import ROOT
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import CHECKS
from serving_tools import PATIENCE, block_tiff, model_file, running
from test_serving import post

from nii.analysis.record import COLUMNS
from serving.openapi import scan_responses
from serving.schema import KeptRecord, Models, ProblemBody, Record

pytestmark = pytest.mark.slow

OPERATIONS = [
    "GET /healthz",
    "GET /metrics",
    "GET /readyz",
    "GET /v1/library/{entry}.png",
    "GET /v1/model",
    "GET /v1/scans/{scan}",
    "POST /v1/scans",
    "POST /v1/scans/{scan}/finding",
]
NOTHING_SENT = {"GET /healthz", "GET /metrics", "GET /readyz", "GET /v1/model"}
EXAMPLES = 8  # per operation and kind of request; docs/guide/service.md names the command for more
ALL = sorted(set(CHECKS.get_all_names()) - {"positive_data_acceptance"})  # bytes of the right type are still no scan


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with running(model_file(folder), NII_STORE=f"sqlite:///{folder}/records.db") as (address, _):
        yield address


@pytest.fixture
def client(service):
    with httpx2.Client(base_url=service, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def operations(service):
    found = schemathesis.openapi.from_url(f"{service}/openapi.json").get_all_operations()
    return {f"{one.method.upper()} {one.path}": one for one in (result.ok() for result in found)}


def test_every_operation_is_described(operations):
    assert sorted(operations) == OPERATIONS


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        (name, mode)
        for name in OPERATIONS
        for mode in schemathesis.GenerationMode
        if mode is not schemathesis.GenerationMode.NEGATIVE or name not in NOTHING_SENT  # nothing in these can be wrong
    ],
)
def test_no_drawn_request_breaks_the_service_or_gets_an_answer_that_is_not_described(operations, name, mode):
    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operations[name].as_strategy(generation_mode=mode))
    def answered_as_described(case):
        case.call_and_validate(checks=[CHECKS.get_one(one) for one in ALL])

    answered_as_described()


def test_real_answers_are_as_described(client, tmp_path):
    answer = post(client, block_tiff(tmp_path)).json()
    assert set(COLUMNS) < set(Record.model_fields)
    Record.model_validate(answer)
    Record.model_validate(post(client, block_tiff(tmp_path), declared="medicines 3 t; widgets").json())
    assert answer["candidates"]
    Models.model_validate(client.get("/v1/model").json())
    where = f"/v1/scans/{answer['id']}"
    assert client.post(f"{where}/finding", json={"finding": "cleared"}).status_code == 201
    assert KeptRecord.model_validate(client.get(where).json()).findings[0].finding == "cleared"
    ProblemBody.model_validate(client.get("/nowhere").json())


def test_the_client_in_the_docs_runs(service, tmp_path):
    page = (ROOT / "docs" / "guide" / "service.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {}
    exec(code, names)  # noqa: S102 - our own
    assert names["score"](block_tiff(tmp_path), service)["alarm"] is True
    (tmp_path / "notes.tif").write_text("hello")
    with pytest.raises(RuntimeError, match="came text"):
        names["score"](tmp_path / "notes.tif", service)


def test_the_examples_are_as_described():
    for status, response in scan_responses(kept=True).items():
        for kind, content in response["content"].items():
            if kind == "application/json":
                Record.model_validate_json(json.dumps(content["example"]))
            for example in content.get("examples", {}).values():
                assert ProblemBody.model_validate(example["value"]).status == status


def test_the_schema_asks_for_a_key_only_where_the_service_does(client):
    assert "security" not in json.dumps(client.get("/openapi.json").json())
