"""What happens to accepted requests when the process is told to stop, and when it is killed."""

import json
import signal
import threading
import time

import httpx2
import pytest
import sqlalchemy as sql
from serving_tools import PATIENCE, block_tiff, model_file, running

from serving.store import ANSWERS, RecordStore

pytestmark = pytest.mark.slow

CLIENTS = 8


class Crowd:
    """Clients that post one scan after the other until the server is gone."""

    def __init__(self, address, scan):
        self.address, self.scan = address, scan
        self.answers, self.refused = [], []
        self.threads = [threading.Thread(target=self.client) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def client(self):
        with httpx2.Client(base_url=self.address, timeout=PATIENCE) as http:
            while True:
                try:
                    answer = http.post("/v1/scans", files={"file": self.scan})
                except httpx2.HTTPError as error:
                    return self.refused.append(type(error).__name__)
                self.answers.append((answer.status_code, answer.json()))

    def wait_for(self, n):
        end = time.monotonic() + PATIENCE
        while len(self.answers) < n and time.monotonic() < end:
            time.sleep(0.01)

    def join(self):
        for thread in self.threads:
            thread.join(PATIENCE)
        return [status for status, _ in self.answers]


@pytest.fixture
def scan(tmp_path):
    return block_tiff(tmp_path).read_bytes()


def test_no_accepted_request_is_lost_when_the_server_is_told_to_stop(tmp_path, scan):
    with running(model_file(tmp_path), NII_WORKERS="1") as (address, process):
        crowd = Crowd(address, scan)
        crowd.wait_for(3 * CLIENTS)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=PATIENCE)
        statuses = crowd.join()
    assert process.returncode == 0
    assert set(statuses) == {200}
    logged = [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
    accepted = [line["status"] for line in logged if line.get("route") == "/v1/scans"]
    assert accepted == [200] * len(statuses)
    assert len(crowd.refused) == CLIENTS  # each client's last request found the port closed


def test_every_answered_request_is_in_the_store_after_a_kill(tmp_path, scan):
    url = f"sqlite:///{tmp_path}/records.db"
    with running(model_file(tmp_path), NII_STORE=url, NII_KEEP_SCANS=str(tmp_path / "kept")) as (address, process):
        crowd = Crowd(address, scan)
        crowd.wait_for(3 * CLIENTS)
        process.kill()
        statuses = crowd.join()
    assert set(statuses) == {200}
    store = RecordStore(url, None)
    with store.engine.connect() as connection:
        assert connection.execute(sql.text("PRAGMA integrity_check")).scalar() == "ok"
        kept = {row.id: json.loads(row.record) for row in connection.execute(sql.select(ANSWERS))}
    store.close()
    assert {answer["id"] for _, answer in crowd.answers} <= set(kept)
    for _, answer in crowd.answers:
        assert kept[answer["id"]] == answer
    assert [path.read_bytes() for path in (tmp_path / "kept").glob("[!.]*")] == [scan]
