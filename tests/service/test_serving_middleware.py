import json
import logging

import pytest
from serving_tools import block_tiff, settings_for, wait_ready
from starlette.testclient import TestClient

from serving.app import create_app
from serving.log import JsonLines
from serving.middleware import SECURITY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with TestClient(
        create_app(settings_for(tmp_path_factory.mktemp("service"))), raise_server_exceptions=False
    ) as client:
        wait_ready(client)
        yield client


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/openapi.json", "/main.js"])
def test_every_answer_has_the_security_headers_and_a_request_id(client, path):
    headers = client.get(path).headers
    assert {name: headers[name] for name in SECURITY} == SECURITY
    assert len(headers["x-request-id"]) == 36


def test_a_harmless_request_id_is_kept_and_another_is_replaced(client):
    assert client.get("/healthz", headers={"X-Request-ID": "gate-7.42"}).headers["x-request-id"] == "gate-7.42"
    assert client.get("/healthz", headers={"X-Request-ID": "a b\t<c>"}).headers["x-request-id"] != "a b\t<c>"


def lines(caplog):
    return [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "nii.serving"]


def test_the_log_tells_of_a_request_but_not_of_its_content(client, tmp_path, caplog):
    caplog.set_level(logging.INFO, "nii.serving")
    scan = block_tiff(tmp_path).rename(tmp_path / "MSCU1234567.tif")
    answer = client.post(
        "/v1/scans", files={"file": ("MSCU1234567.tif", scan.read_bytes())}, headers={"X-Request-ID": "r1"}
    )
    (line,) = [one for one in lines(caplog) if one["event"] == "request"]
    assert (line["request"], line["route"], line["status"]) == ("r1", "/v1/scans", 200)
    assert line["scan"] == answer.json()["id"]
    assert "MSCU1234567" not in json.dumps(lines(caplog))


def test_an_internal_error_tells_the_log_everything_and_the_client_nothing(client, tmp_path, caplog, monkeypatch):
    import serving.scoring

    def broken(*_, **__):
        raise RuntimeError("secret inner state")

    monkeypatch.setattr(serving.scoring, "analyse", broken)
    answer = client.post("/v1/scans", files={"file": block_tiff(tmp_path).read_bytes()})
    assert answer.status_code == 500
    assert answer.json()["detail"] == "internal error"
    assert "secret" not in answer.text
    (line,) = [one for one in lines(caplog) if one["level"] == "error"]
    assert "secret inner state" in line["traceback"]
    assert line["request"] == answer.headers["x-request-id"]


def test_the_page_loads_nothing_from_elsewhere(client):
    for path in ("/", "/main.js", "/scan.js", "/pane.js", "/words.js", "/viewer.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "http://" not in answer.text
        assert "https://" not in answer.text
