import hashlib
import json
import time
import uuid

import cv2
import pytest
import tifffile
from serving_tools import PATIENCE, block_tiff, settings_for, wait_ready
from starlette.testclient import TestClient
from test_serving import problem

import serving.app
from nii.errors import UsageError
from nii.io.scanset import read_entry, read_set
from serving.app import create_app
from serving.export import export_scan_set
from serving.store import RecordStore

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    return settings_for(folder, store=f"sqlite:///{folder}/records.db", keep_scans=folder / "kept")


@pytest.fixture(scope="module")
def client(settings):
    with TestClient(create_app(settings)) as client:
        wait_ready(client)
        yield client


@pytest.fixture
def store(settings):
    store = RecordStore(settings.store, settings.keep_scans)
    yield store
    store.close()


def scored(client, tmp_path, attenuation=4.0):
    return client.post("/v1/scans", files={"file": block_tiff(tmp_path, attenuation).read_bytes()}).json()


def test_an_answer_can_be_read_again_with_its_findings(client, tmp_path):
    answer = scored(client, tmp_path)
    where = f"/v1/scans/{answer['id']}"
    assert client.get(where).json() == {**answer, "findings": []}
    for finding in ("not opened", "confirmed"):
        assert client.post(f"{where}/finding", json={"finding": finding, "note": "seal 7"}).status_code == 201
    findings = client.get(where).json()["findings"]
    assert [(one["finding"], one["note"]) for one in findings] == [("not opened", "seal 7"), ("confirmed", "seal 7")]


def test_findings_that_are_none_are_refused(client, tmp_path):
    where = f"/v1/scans/{scored(client, tmp_path)['id']}/finding"
    for body in (
        {"finding": "maybe"},
        {},
        {"finding": "cleared", "note": "x" * 5000},
        {"finding": "cleared", "who": 1},
        {"finding": "cleared", "note": "a\0b"},
    ):
        problem(client.post(where, json=body), 400)
    for unknown, status in ((uuid.uuid4(), 404), ("nonesuch", 400), ("%00", 400)):
        problem(client.post(f"/v1/scans/{unknown}/finding", json={"finding": "cleared"}), status)
        problem(client.get(f"/v1/scans/{unknown}"), status)


def test_without_a_store_there_are_no_record_routes(tmp_path):
    with TestClient(create_app(settings_for(tmp_path))) as client:
        problem(client.get("/v1/scans/some"), 404)
        assert "/v1/scans/{scan}" not in client.get("/openapi.json").json()["paths"]


def test_scans_with_a_finding_are_exported_as_a_scan_set(client, store, tmp_path):
    found, cleared, _ = (scored(client, tmp_path, attenuation) for attenuation in (4.0, 1.0, 3.0))
    client.post(f"/v1/scans/{found['id']}/finding", json={"finding": "confirmed"})
    client.post(f"/v1/scans/{cleared['id']}/finding", json={"finding": "cleared"})
    assert export_scan_set(store, tmp_path / "set") >= 2
    entries = {entry.name: entry for entry in read_set(tmp_path / "set").entries}
    assert entries[found["id"]].annotations[0].box == tuple(found["regions"][0]["box"])
    assert not entries[cleared["id"]].concealed
    assert read_entry(entries[found["id"]]).sha256 == found["sha256"]


def test_a_pair_is_exported_as_one_scan_of_two_energies(client, store, tmp_path):
    low, high = (cv2.imencode(".png", page)[1].tobytes() for page in tifffile.imread(block_tiff(tmp_path)))
    answer = client.post("/v1/scans", files={"low": low, "high": high}).json()
    client.post(f"/v1/scans/{answer['id']}/finding", json={"finding": "cleared"})
    export_scan_set(store, tmp_path / "set")
    (entry,) = [one for one in read_set(tmp_path / "set").entries if one.name == answer["id"]]
    assert read_entry(entry).transmission.shape == (2, 128, 192)


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////nowhere/at/all.db", "nonesuch://host/db"])
def test_a_store_that_cannot_be_used_stops_the_start(url):
    with pytest.raises(UsageError, match=r"^NII_STORE: expected"):
        RecordStore(url, None)


def test_export_needs_kept_scans(tmp_path):
    store = RecordStore(f"sqlite:///{tmp_path}/r.db", None)
    with pytest.raises(UsageError, match="NII_KEEP_SCANS"):
        export_scan_set(store, tmp_path / "set")
    store.close()


def test_records_are_kept_as_json_with_their_trace(client, store, tmp_path):
    answer = scored(client, tmp_path)
    *_, kept = store.everything()
    assert kept.record == json.loads(json.dumps(answer))
    for name in ("model_sha256", "calibration", "sha256", "software", "time", "id"):
        assert kept.record[name]


def test_a_kept_scan_that_was_cut_is_written_again(client, settings, tmp_path):
    answer = scored(client, tmp_path, 2.5)
    (kept,) = settings.keep_scans.glob(f"{answer['sha256']}*")
    whole = kept.read_bytes()
    for damaged in (whole[:100], b"", whole[:-1] + b"x"):
        kept.write_bytes(damaged)
        scored(client, tmp_path, 2.5)
        assert kept.read_bytes() == whole


def test_two_pairs_of_the_same_bytes_joined_are_two_scans(client, settings, tmp_path):
    low, high = (cv2.imencode(".png", page)[1].tobytes() for page in tifffile.imread(block_tiff(tmp_path)))
    first = client.post("/v1/scans", files={"low": low, "high": high}).json()
    second = client.post("/v1/scans", files={"low": high, "high": low}).json()
    assert first["sha256"] != second["sha256"]
    for answer in (first, second):
        assert len(list(settings.keep_scans.glob(f"{answer['sha256']}*"))) == 2
    joined = b"".join(hashlib.sha256(one).digest() for one in (low, high))
    assert first["sha256"] == hashlib.sha256(joined).hexdigest()


def test_a_deleted_database_is_told_and_takes_no_record_until_it_is_back(tmp_path, monkeypatch):
    monkeypatch.setattr(serving.app, "STORE_SECONDS", 0.1)
    file = tmp_path / "records.db"
    with TestClient(create_app(settings_for(tmp_path, store=f"sqlite:///{file}"))) as client:
        wait_ready(client)
        assert client.post("/v1/scans", files={"file": block_tiff(tmp_path).read_bytes()}).status_code == 200
        file.rename(tmp_path / "moved.db")
        answer = client.post("/v1/scans", files={"file": block_tiff(tmp_path).read_bytes()})
        assert problem(answer, 503).startswith("record store")
        assert answer.headers["retry-after"]
        wait_for(client, 503)
        assert not file.exists()  # an empty one would hide the loss
        (tmp_path / "moved.db").rename(file)
        wait_for(client, 200)
        assert client.post("/v1/scans", files={"file": block_tiff(tmp_path).read_bytes()}).status_code == 200


def wait_for(client, status):
    end = time.monotonic() + PATIENCE
    while client.get("/readyz").status_code != status:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_known_of_scanners_survives_a_restart_and_strangers_share_one_pool(tmp_path):
    settings = settings_for(tmp_path, store=f"sqlite:///{tmp_path}/r.db", scanners="gate-1, gate-2")
    scans = [block_tiff(tmp_path, 0.5 + n / 50).read_bytes() for n in range(6)]
    strange = [scan.replace(b'"gate-1"', b'"%06d"' % n) for n, scan in enumerate(scans)]
    with TestClient(create_app(settings)) as client:
        wait_ready(client)
        for scan in (*scans, *strange):
            assert client.post("/v1/scans", files={"file": scan}).status_code == 200
        before = evidence(client)
    assert {name.split("scanner=")[1] for name in before} == {'"gate-1"}', '"others"}'}
    assert any(float(value) != 1 for value in before.values())
    with TestClient(create_app(settings)) as client:
        wait_ready(client)
        assert evidence(client) == before
        client.post("/v1/scans", files={"file": scans[0]})  # seen before: no news
        assert evidence(client) == before


def evidence(client):
    lines = client.get("/metrics").text.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line.startswith("nii_scanner_drift_evidence{"))


def test_an_answer_that_cannot_be_kept_is_not_given_and_the_log_says_why(client, settings, tmp_path, caplog):
    import sqlite3

    with sqlite3.connect(settings.store.removeprefix("sqlite:///")) as connection:
        connection.execute("DROP TABLE findings")
        connection.execute("DROP TABLE answers")
    connection.close()
    answer = client.post("/v1/scans", files={"file": block_tiff(tmp_path).read_bytes()})
    assert problem(answer, 503).startswith("record store")
    problem(client.get(f"/v1/scans/{uuid.uuid4()}"), 503)
    assert "no such table: answers" in caplog.text
    assert "sha256" not in caplog.text.partition("VALUES")[2]  # the statement, not the record
