import io
import json
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from types import SimpleNamespace

import cv2
import httpx2
import numpy as np
import pytest
from dx_files import dx
from pydicom import dcmread
from serving_tools import PATIENCE, block_tiff, model_file, running, settings_for, wait_ready
from starlette.testclient import TestClient

import serving.app
import serving.scoring
from nii.analysis.record import COLUMNS
from nii.io.dicos import read_reference
from nii.io.dx import read_dicos
from nii.io.read import read_scan
from nii.run.batch import ModelPool, score_files
from serving.app import create_app
from serving.schema import Record

pytestmark = pytest.mark.slow

ONLY_HTTP = {"id", "software", "time", "candidates", "timing_ms"}
MOVING = {"path", "milliseconds"}


@pytest.fixture
def scan(tmp_path):
    return block_tiff(tmp_path)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with TestClient(create_app(settings_for(tmp_path_factory.mktemp("service")))) as client:
        wait_ready(client)
        yield client


def post(client, path, accept="application/json", **options):
    with path.open("rb") as file:
        return client.post("/v1/scans", files={"file": (path.name, file)}, data=options, headers={"Accept": accept})


def library_record(path, model, pfa=0.01):
    (scored,) = score_files([str(path)], ModelPool(str(model), 1), pfa)
    return json.loads(json.dumps(scored.record))


def test_the_answer_is_the_record_of_the_library_and_little_more(client, scan, tmp_path):
    answer = post(client, scan).json()
    expected = library_record(scan, model_file(tmp_path))
    assert set(answer) - set(expected) == ONLY_HTTP
    assert set(expected) == set(COLUMNS)
    assert {k: v for k, v in answer.items() if k in expected and k not in MOVING} == {
        k: v for k, v in expected.items() if k not in MOVING
    }
    assert answer["path"] == "block.tif"
    assert answer["alarm"] is True
    assert answer["scan"]["pitch_mm"] == [6.0, 6.0]


def test_the_same_score_from_a_real_server_over_loopback(scan, tmp_path):
    with running(model_file(tmp_path)) as (address, _), httpx2.Client(base_url=address) as real:
        answer = post(real, scan).json()
    assert answer["score"] == pytest.approx(library_record(scan, tmp_path / "tiny.onnx")["score"], abs=1e-5)
    assert set(answer["timing_ms"]) >= {"upload", "queue", "read", "infer", "regions", "report"}


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_ends_cleanly(tmp_path, sent):
    with running(model_file(tmp_path)) as (_, process):
        process.send_signal(sent)
        _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in stderr


def test_a_pair_is_scored_as_the_two_energies(client, scan, tmp_path):
    import tifffile

    pages = tifffile.imread(scan)
    files = {
        name: (f"{name}.png", cv2.imencode(".png", page)[1].tobytes())
        for name, page in zip(("high", "low"), pages[::-1], strict=True)
    }
    answer = client.post("/v1/scans", files=files)
    assert answer.status_code == 200
    assert answer.json()["path"] == "low.png + high.png"
    assert answer.json()["score"] == pytest.approx(post(client, scan).json()["score"], abs=0.01)


@pytest.mark.parametrize("accept", ["application/json", "image/png", "application/dicom", "multipart/form-data"])
def test_every_answer_carries_the_trace_of_its_decision(client, scan, accept):
    trace = json.loads(post(client, scan, accept).headers["x-nii-trace"])
    expected = post(client, scan).json()
    for own in (trace, expected):
        del own["id"], own["time"]
    assert set(trace) >= {"software", "sha256", "model_sha256", "calibration", "pfa", "alarm"}
    assert trace == {name: expected[name] for name in trace}


def test_regions_of_a_single_pixel_are_answered_too(client, rng):
    buffer = io.BytesIO()
    noise = rng.normal(1.85, 0.5, (2, 150, 201)).repeat(2, axis=1).repeat(2, axis=2)  # peaks of all sizes
    np.save(buffer, np.exp(-np.abs(noise)).astype(np.float32))
    answer = client.post("/v1/scans", files={"file": buffer.getvalue()})
    assert answer.status_code == 200
    assert answer.json()["candidates"]


def test_accept_png_gives_the_overlay(client, scan):
    answer = post(client, scan, "image/png")
    assert answer.headers["content-type"] == "image/png"
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (128 + 26, 192, 3)


def test_a_region_names_known_concealments_whose_pictures_can_be_fetched(client, scan):
    region = post(client, scan).json()["regions"][0]
    assert region["family_probability"] == region["families"][0]["probability"]
    assert len(region["similar"]) == 3
    for one in region["similar"]:
        answer = client.get(f"/v1/library/{one['id']}.png")
        assert answer.headers["content-type"] == "image/png"
        assert cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_GRAYSCALE).shape == (64, 64)


@pytest.mark.parametrize(("entry", "status"), [("bricks-99", 404), ("..", 400), ("Bricks-1", 400)])
def test_other_pictures_are_refused(client, entry, status):
    answer = client.get(f"/v1/library/{entry}.png")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_accept_dicom_gives_the_threat_report(client, scan):
    answer = post(client, scan, "application/dicom")
    assert answer.headers["content-type"] == "application/dicom"
    report = read_dicos(answer.content, "answer")
    assert report.AlarmDecision == "ALARM"
    assert report.NumberOfAlarmObjects >= 1
    assert read_reference(answer.content, "answer").sop_class_uid.endswith("501.3")


def test_a_report_received_over_http_is_read_by_the_reference_toolkit(client, scan, tmp_path):
    pydicos = pytest.importorskip("pydicos", reason="need pydicos, the reference toolkit (closed, Linux only)")
    record = post(client, scan).json()
    path = tmp_path / "report.dcs"
    path.write_bytes(post(client, scan, "application/dicom").content)
    data = pydicos.TDRLoader(str(path)).get_data()
    assert data["AlarmDecision"].name == "enumAlarm"
    assert len(data["PTOs"]) == len(record["regions"])
    threat, region = data["PTOs"][0], record["regions"][0]
    x, y, w, h = region["box"]
    assert (threat["Base"]["x"], threat["Base"]["y"]) == (x, y)
    assert (threat["Extent"]["x"], threat["Extent"]["y"]) == (w, h)
    assert [[point["x"], point["y"]] for point in threat["Polygon"]] == region["polygon"]
    assert threat["Bitmap"].shape == (1, h, w)
    assert threat["Assessment"]["probability"] == pytest.approx(1 - region["p_value"])
    assert threat["Assessment"]["description"] == f"{region['family']} ({region['family_probability']:.0%})"
    in_grams = read_dicos(path.read_bytes(), "report").ThreatSequence[0].PTORepresentationSequence[0].Mass
    assert in_grams == pytest.approx(1000 * region["mass_kg"])  # the toolkit's reader passes over it


def test_a_dicos_image_is_scored_and_its_report_refers_to_it(client):
    pixels = np.full((128, 192), 60000, np.uint16)
    pixels[20:40, 30:54] = 1000
    files = {"file": ("image.dcs", dx(pixels))}
    answer = client.post("/v1/scans", files=files)
    assert (answer.json()["alarm"], answer.json()["scan"]["rows"]) == (True, 128)
    report = client.post("/v1/scans", files=files, headers={"Accept": "application/dicom"}).content
    assert read_dicos(report, "report").StudyInstanceUID == "2.25.7"


def parts_of(answer):
    """The parts of a multipart answer by name."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message_from_bytes(head + answer.content).get_payload()
    }


def test_accept_multipart_gives_the_record_with_its_layers(client, scan):
    parts = parts_of(post(client, scan, "multipart/form-data"))
    assert json.loads(parts["record"])["alarm"] is True
    pixels = np.load(io.BytesIO(parts["transmission"]))
    assert (pixels.shape, pixels.dtype) == ((2, 128, 192), np.float16)
    exact = read_scan(scan).transmission[0, 30, 40]
    assert pixels[0, 30, 40] == pytest.approx(exact, rel=5e-4)  # float16 has 11 bits
    assert np.load(io.BytesIO(parts["heat"])).shape == (128, 192)
    assert np.load(io.BytesIO(parts["excess"]))[0, 30, 40] == pytest.approx(-np.log(exact) / 2, rel=5e-4)
    assert dcmread(io.BytesIO(parts["tdr"])).AlarmDecision == "ALARM"
    assert "reference" not in parts


def scored(client):
    """Scans that the service has scored so far."""
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("nii_scans_total{"))


def test_accept_multipart_gives_the_reference_without_scoring_it(client, scan, tmp_path):
    files = {"file": scan.read_bytes(), "reference": ("before.tif", block_tiff(tmp_path, 1.0, (64, 96)).read_bytes())}
    before = scored(client)
    parts = parts_of(client.post("/v1/scans", files=files, headers={"Accept": "multipart/form-data"}))
    assert scored(client) == before + 1
    assert np.load(io.BytesIO(parts["reference"])).shape == (2, 64, 96)
    said = json.loads(parts["reference_scan"])
    assert (said["path"], said["pitch_mm"], said["columns"]) == ("reference before.tif", [6.0, 6.0], 96)


def test_the_budget_of_the_request_decides(client, tmp_path):
    scan = block_tiff(tmp_path, attenuation=1.955)  # score -0.045: p-value 0.03
    lax, strict = post(client, scan, pfa="0.05").json(), post(client, scan).json()
    assert (lax["pfa"], lax["alarm"], strict["pfa"], strict["alarm"]) == (0.05, True, 0.01, False)
    assert lax["p_value"] == strict["p_value"] == pytest.approx(0.03)


def problem(answer, status):
    body = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "instance"}
    assert body["status"] == status
    assert "\n" not in body["detail"]
    return body["detail"]


@pytest.mark.parametrize("value", ["0", "1", "nan", "-1", "lots", ""])
def test_a_budget_that_is_none_is_refused(client, scan, value):
    assert problem(post(client, scan, pfa=value), 400).startswith("pfa: expected a number above 0 and below 1")


@pytest.mark.parametrize("name", ["references", "colour"])
def test_what_the_service_cannot_use_is_refused_not_ignored(client, scan, name):
    assert name in problem(post(client, scan, **{name: "teddy bears"}), 400)


def test_a_declaration_is_answered_and_one_that_says_nothing_is_refused(client, scan):
    declared = post(client, scan, declared="medicines 3 t; widgets").json()["declared"]
    assert declared["answer"] == "undetermined"
    assert (declared["goods"][0]["code"], declared["unknown"]) == ("30", ["widgets"])
    assert declared["documents"][0]["goods"] == "medicines"
    assert problem(post(client, scan, declared=" "), 400).startswith("declared goods: expected 1 to 4000 characters")


def post_with_reference(client, path, *references):
    files = [
        ("file", (path.name, path.read_bytes())),
        *(("reference", (path.name, reference)) for reference in references),
    ]
    return client.post("/v1/scans", files=files)


def test_a_scan_is_compared_with_its_reference(client, scan):
    assert post(client, scan).json()["changes"] is None
    answer = post_with_reference(client, scan, scan.read_bytes()).json()
    assert answer["changes"]["answer"] == "unchanged"
    assert answer["changes"]["compared"] > 0.9
    assert answer["timing_ms"]["compare"] > 0
    Record.model_validate(answer)


@pytest.mark.parametrize(
    ("references", "status", "said"),
    [
        ((b"hello",), 415, "reference block.tif: expected"),
        ((b"one", b"two"), 400, "reference: expected it once, came it 2 times"),
    ],
)
def test_a_reference_that_is_none_is_refused_by_its_name(client, scan, references, status, said):
    assert problem(post_with_reference(client, scan, *references), status).startswith(said)


def test_a_reference_without_a_filename_is_refused(client, scan):
    assert problem(post(client, scan, reference="a.tif"), 400).startswith("reference: expected a part with a filename")


def test_options_in_the_query_are_refused_not_ignored(client, scan):
    answer = client.post("/v1/scans", files={"file": scan.read_bytes()}, params={"pfa": "0.05"})
    assert problem(answer, 400) == "query: expected none, since options are form fields, came 'pfa'"


def test_candidates_are_the_regions_within_reach_of_the_viewers_slider():
    found = [SimpleNamespace(p_value=p) for p in (0.01, 0.3, 0.31, 0.5, None)]
    for pfa, within in ((0.01, [0.01, 0.3, None]), (0.4, [0.01, 0.3, 0.31, None])):
        result = SimpleNamespace(pfa=pfa, candidates=found)
        assert [one.p_value for one in serving.scoring.within_reach(result)] == within


def test_a_budget_below_what_the_calibration_supports_is_refused(client, scan):
    assert "expected at least 999 benign calibration scans" in problem(post(client, scan, pfa="0.001"), 422)


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"", 415, "an empty file"),
        (b"hello, this is no scan", 415, "text"),
        (b"PK\x03\x04" + b"\0" * 200, 415, "a zip archive"),
        (b"II*\0" + b"\xff" * 200, 422, "TIFF"),
        (b"\x93NUMPY\x01\x00", 422, ".npy"),
    ],
)
def test_bytes_that_are_no_scan_get_their_status(client, content, status, said):
    answer = client.post("/v1/scans", files={"file": ("x.tif", content)})
    assert said in problem(answer, status)


def test_a_header_with_too_many_pixels_is_refused_before_decoding(tmp_path, scan):
    with TestClient(create_app(settings_for(tmp_path, max_pixels=1000))) as client:
        wait_ready(client)
        assert "expected at most 1000 pixels, came 192x128" in problem(post(client, scan), 413)


def test_a_body_larger_than_the_limit_is_refused(tmp_path):
    with TestClient(create_app(settings_for(tmp_path, max_upload_bytes=2048))) as client:
        wait_ready(client)
        assert "at most 2048 bytes" in problem(client.post("/v1/scans", files={"file": b"x" * 4096}), 413)
        chunks = iter([b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'] + [b"x" * 999] * 4)
        streamed = client.post("/v1/scans", content=chunks, headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert "at most 2048 bytes" in problem(streamed, 413)


def test_requests_of_another_shape_are_malformed(client, scan):
    assert "files: expected" in problem(client.post("/v1/scans", files={"low": scan.read_bytes()}), 400)
    assert "filename" in problem(client.post("/v1/scans", files={"file": (None, b"plain")}), 400)
    problem(client.post("/v1/scans", content=b"{}", headers={"Content-Type": "application/json"}), 415)
    problem(client.post("/v1/scans", content=b"x", headers={"Content-Type": "multipart/form-data"}), 400)
    assert "Accept" in problem(post(client, scan, "text/html"), 406)
    problem(client.get("/v1/scans"), 405)
    problem(client.get("/nowhere"), 404)


def test_the_model_is_described_with_its_hash_and_calibration(client):
    (model,) = client.get("/v1/model").json()["models"]
    assert (model["name"], model["energies"], model["providers"]) == ("tiny", ["4MV", "6MV"], ["CPUExecutionProvider"])
    assert len(model["sha256"]) == 64
    assert model["calibrations"][0]["scans"] == 199
    assert model["smallest_pfa"] == pytest.approx(0.005)


def figures(client, names):
    """Values of figures; one that isn't there yet is 0."""
    lines = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if not line.startswith("#"))
    return [float(lines.get(name, 0)) for name in names]


def test_health_readiness_and_figures(client, scan):
    assert client.get("/healthz").json() == {"status": "alive"}
    names = [
        'nii_scans_total{decision="alarm",scanner="others"}',
        'nii_stage_seconds_count{stage="infer"}',
        'nii_requests_total{method="POST",route="/v1/scans",status="200"}',
    ]
    before = figures(client, names)
    post(client, scan)
    assert figures(client, names) == [one + 1 for one in before]


def test_not_ready_before_the_models_are_warm(tmp_path, scan, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(serving.app, "warm", lambda *_: go.wait(10))
    with TestClient(create_app(settings_for(tmp_path))) as client:
        assert client.get("/healthz").status_code == 200
        problem(client.get("/readyz"), 503)
        problem(post(client, scan), 503)
        go.set()
        wait_ready(client)


@pytest.fixture
def held_up(monkeypatch):
    """Scoring that waits until it may go on, and counts."""
    real = serving.app.score
    held_up = SimpleNamespace(started=threading.Event(), go=threading.Event(), scored=0)

    def score(*given, **options):
        held_up.scored += 1
        held_up.started.set()
        held_up.go.wait(PATIENCE)
        return real(*given, **options)

    monkeypatch.setattr(serving.app, "score", score)
    yield held_up
    held_up.go.set()


def test_a_full_queue_is_told_when_to_come_again_and_then_serves(tmp_path, scan, held_up):
    app = create_app(settings_for(tmp_path, workers=1, waiting=0))
    with TestClient(app) as client, ThreadPoolExecutor(1) as pool:
        wait_ready(client)
        first = pool.submit(post, client, scan)
        assert held_up.started.wait(PATIENCE)
        refused = post(client, scan)
        held_up.go.set()
        assert first.result(PATIENCE).status_code == 200
        assert problem(refused, 429) == "queue: expected at most 1 scans at a time, came more"
        assert int(refused.headers["retry-after"]) >= 1
        assert post(client, scan).status_code == 200


def test_the_scan_of_a_client_that_leaves_while_it_waits_is_never_scored(tmp_path, scan, held_up):
    app = create_app(settings_for(tmp_path, workers=1, waiting=1))
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        + scan.read_bytes()
        + b"\r\n--b--\r\n"
    )
    scope = {"type": "http", "method": "POST", "path": "/v1/scans", "query_string": b"", "root_path": ""}
    scope["headers"] = [(b"content-type", b"multipart/form-data; boundary=b")]
    sent = []

    async def send(message):
        sent.append(message)

    async def leaves():
        messages = iter([{"type": "http.request", "body": body}, {"type": "http.disconnect"}])

        async def receive():
            return next(messages)

        await app(scope, receive, send)

    with TestClient(app) as client, ThreadPoolExecutor(1) as pool:
        wait_ready(client)
        first = pool.submit(post, client, scan)
        assert held_up.started.wait(PATIENCE)
        client.portal.call(leaves)
        held_up.go.set()
        assert first.result(PATIENCE).status_code == 200
        assert post(client, scan).status_code == 200
        (gone,) = figures(client, ['nii_requests_total{method="POST",route="/v1/scans",status="499"}'])
    assert (gone, held_up.scored) == (1, 2)
