"""Files and requests that cost a careless service seconds or gigabytes, against the real server."""

import json
import os
import resource
import signal
import threading
import time
from pathlib import Path

import httpx2
import pytest
from serving_tools import PATIENCE, block_tiff, model_file, running
from test_serving import post, problem
from test_serving_bad_input import connected

from serving.deploy.hostile import DECLARED, FILES, chunk_extension

# as measured on two busy cores before these were bounded: 0.7 to 65 s and up to 8.6 GB
SECONDS = 40.0  # of an answer; 0.1 to 3 where the machine has nothing else to do
MEGABYTES = 600.0  # that the server and its decoders grow by; the largest of the files has 24
BLOCKED = 10.0  # seconds; a busy machine keeps everybody waiting, a blocked event loop for 20 and more
KEY = "a key of more than 16 letters"[:16].replace(" ", "-")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "keys").write_text(f"gate {KEY}\n")
    settings = {"NII_STORE": f"sqlite:///{folder}/r.db", "NII_KEYS_FILE": str(folder / "keys"), "NII_WORKERS": "2"}
    with (
        running(model_file(folder), **settings) as (address, process),
        httpx2.Client(base_url=address, timeout=PATIENCE, headers={"X-API-Key": KEY}) as client,
    ):
        client.good, client.pid = block_tiff(folder), process.pid
        assert post(client, client.good).status_code == 200
        yield client


def megabytes(pid):
    """Resident memory of a process and its children."""
    pids, total = [pid], 0.0
    for child in Path(f"/proc/{pid}/task").glob("*/children"):
        pids += map(int, child.read_text().split())
    for one in pids:
        try:
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
        except (OSError, StopIteration):
            continue
    return total


class Watched:
    """The most memory of a server, and how long its loop let anybody wait, while a block runs."""

    def __init__(self, client):
        self.client, self.most, self.blocked, self.on = client, 0.0, 0.0, True
        self.threads = [threading.Thread(target=self.weigh), threading.Thread(target=self.ask)]

    def weigh(self):
        while self.on:
            self.most = max(self.most, megabytes(self.client.pid))
            time.sleep(0.02)

    def ask(self):
        with httpx2.Client(base_url=self.client.base_url, timeout=PATIENCE) as http:
            while self.on:
                started = time.monotonic()
                http.get("/healthz")
                self.blocked = max(self.blocked, time.monotonic() - started)
                time.sleep(0.02)

    def __enter__(self):
        self.before, self.started = megabytes(self.client.pid), time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.seconds, self.on = time.monotonic() - self.started, False
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_costs_little(service, name):
    data = FILES[name]()
    with Watched(service) as watched:
        answer = service.post("/v1/scans", files={"file": ("x", data)})
    if answer.status_code != 200:
        problem(answer, 422)
    assert watched.seconds < SECONDS
    assert watched.most - watched.before < MEGABYTES
    assert watched.blocked < BLOCKED


@pytest.mark.parametrize("name", DECLARED)
def test_a_hostile_declaration_costs_little(service, name):
    with Watched(service) as watched:
        answer = post(service, service.good, declared=DECLARED[name])
    assert answer.status_code == (422 if "400 digits" in name else 200)
    assert watched.seconds < SECONDS
    assert watched.blocked < BLOCKED


def test_a_long_chunk_extension_holds_nobody_up(service):
    with Watched(service) as watched, connected(str(service.base_url).rstrip("/")) as client:
        client.sendall(chunk_extension().replace(b"Host: x\r\n", f"Host: x\r\nX-API-Key: {KEY}\r\n".encode()))
        assert client.recv(4096).startswith(b"HTTP/1.1 400")
    assert watched.blocked < BLOCKED


@pytest.mark.parametrize("piece", [b"1;" + b"a" * 60_000 + b"\r\nx\r\n", b"1\r\nx\r\n" * 30_000])
def test_what_frames_a_body_may_not_be_longer_than_the_body(service, piece):
    head = b"POST /v1/scans HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    with connected(str(service.base_url).rstrip("/")) as client:
        client.sendall(head + f"X-API-Key: {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        with pytest.raises(ConnectionError):
            send_again_and_again(client, piece)


def send_again_and_again(connection, piece):
    for _ in range(200):
        connection.sendall(piece)
        time.sleep(0.01)


def test_a_finding_is_refused_without_a_key_before_its_body_is_read(service):
    where = f"/v1/scans/{post(service, service.good).json()['id']}/finding"
    with connected(str(service.base_url).rstrip("/")) as client:
        client.sendall(f"POST {where} HTTP/1.1\r\nHost: x\r\nContent-Length: 300000000\r\n\r\n{{".encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 401")
    body = b'{"finding": "cleared", "note": "' + b"x" * 100_000
    problem(service.post(where, content=body, headers={"Content-Type": "application/json"}), 413)
    problem(service.post(where, content=body[:200]), 400)
    assert service.post(where, json={"finding": "cleared"}).status_code == 201


def test_a_full_temporary_folder_is_told_in_one_line(tmp_path):
    limits = {resource.RLIMIT_FSIZE: 1 << 20}  # a file beyond this is refused, as on a full disk
    with running(model_file(tmp_path), limits=limits) as (address, process):
        with httpx2.Client(base_url=address, timeout=PATIENCE) as client:
            answer = client.post("/v1/scans", files={"file": b"x" * 4_000_000})
            assert problem(answer, 507).startswith("temporary folder: expected room")
            assert post(client, block_tiff(tmp_path)).status_code == 200
        process.terminate()
        assert "Traceback" not in process.communicate(timeout=PATIENCE)[1]


def test_connections_up_to_the_last_descriptor_are_refused_and_the_log_stays_json(tmp_path):
    limits = {resource.RLIMIT_NOFILE: 256}
    with running(model_file(tmp_path), limits=limits, NII_WORKERS="1") as (address, process):
        crowd = []
        for _ in range(400):
            crowd.append(connected(address))
        answers = [read_some(one) for one in crowd]
        assert sum(b"503" in answer and b"Retry-After" in answer for answer in answers) > 300
        for one in crowd:
            one.close()
        with httpx2.Client(base_url=address, timeout=PATIENCE) as client:
            assert post_again(client, block_tiff(tmp_path)).status_code == 200
        process.terminate()
        lines = process.communicate(timeout=PATIENCE)[1].splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


def read_some(connection):
    connection.settimeout(0.01)
    try:
        return connection.recv(4096)
    except OSError:
        return b""


def post_again(client, scan):
    """A good client comes again after 503."""
    for _ in range(100):
        answer = post(client, scan)
        if answer.status_code != 503:
            break
        time.sleep(0.1)
    return answer


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_scan_in_flight_is_answered_when_the_terminal_hangs_up(tmp_path, number):
    scan = block_tiff(tmp_path, shape=(1500, 3000))
    with running(model_file(tmp_path), NII_WORKERS="1") as (address, process):
        with httpx2.Client(base_url=address, timeout=PATIENCE) as client:
            answers = []
            thread = threading.Thread(target=lambda: answers.append(post(client, scan)))
            thread.start()
            wait_until_accepted(address)
            os.kill(process.pid, number)
            thread.join(PATIENCE)
        process.communicate(timeout=PATIENCE)
    assert [answer.status_code for answer in answers] == [200]
    assert process.returncode == 0


def wait_until_accepted(address):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and "nii_scans_accepted 1.0" not in httpx2.get(f"{address}/metrics").text:
        time.sleep(0.005)


def test_the_log_has_the_clients_address_and_a_trusted_proxys_word_for_it(tmp_path):
    for settings, told in (({}, "127.0.0.1"), ({"NII_PROXIES": "127.0.0.1"}, "203.0.113.7")):
        with running(model_file(tmp_path), **settings) as (address, process):
            httpx2.get(f"{address}/healthz", headers={"X-Forwarded-For": "203.0.113.7"})
            process.terminate()
            lines = [json.loads(line) for line in process.communicate(timeout=PATIENCE)[1].splitlines()]
        assert {line["client"] for line in lines if line.get("route") == "/healthz"} == {told}
