"""The record store in a real PostgreSQL: as it works, frozen, down, and back again."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx2
import pytest
from serving_tools import PATIENCE, block_tiff, free_port, model_file, running
from test_serving import post, problem

from serving import store as stores
from serving.problems import StoreError
from serving.store import RecordStore

pytest.importorskip("psycopg", reason="need psycopg, the driver of PostgreSQL")
LONGEST = 4 * stores.PATIENCE + 20.0  # seconds until a request is answered: connection, statement, and a busy machine


class Server:
    """One that can be frozen, stopped and started."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        if self.user:
            shutil.chown(folder, self.user)
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"
        self.call("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync")
        self.start()

    def call(self, *command):
        subprocess.run(command, check=True, user=self.user, cwd="/", stdout=subprocess.DEVNULL)

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self.call(
            "pg_ctl", "-D", str(self.folder / "data"), "-o", options, "-w", "-l", str(self.folder / "log"), "start"
        )

    def stop(self):
        self.call("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def send(self, number):
        """To the server and all that serve its connections."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True).stdout  # noqa: S607
        for pid in (first, *map(int, children.split())):
            os.kill(pid, number)


@pytest.fixture(scope="module")
def database():
    if shutil.which("initdb") is None:
        pytest.skip("need PostgreSQL: apt-get install postgresql")
    if os.geteuid() == 0 and "postgres" not in {one.pw_name for one in pwd.getpwall()}:
        pytest.skip("need PostgreSQL: apt-get install postgresql")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own can be entered by its user alone
        server = Server(Path(folder))
        yield server
        server.send(signal.SIGCONT)
        server.stop()


@pytest.fixture
def service(database, tmp_path):
    with (
        running(model_file(tmp_path), NII_STORE=database.url, NII_WORKERS="2") as (address, process),
        httpx2.Client(base_url=address, timeout=PATIENCE) as client,
    ):
        client.good, client.process = block_tiff(tmp_path), process
        yield client


def wait_for(client, status):
    """Until /readyz answers so; it looks every few seconds."""
    end = time.monotonic() + LONGEST
    while (answer := client.get("/readyz")).status_code != status and time.monotonic() < end:
        time.sleep(0.1)
    return answer


def test_answers_are_kept_and_read_again_and_none_is_lost_by_a_restart(database, service):
    answer = post(service, service.good).json()
    where = f"/v1/scans/{answer['id']}"
    assert service.post(f"{where}/finding", json={"finding": "cleared"}).status_code == 201
    database.stop()
    database.start()
    assert post(service, service.good).status_code in (200, 503)  # 503 where /readyz has seen it down
    wait_for(service, 200)
    assert post(service, service.good).status_code == 200
    assert service.get(where).json()["findings"][0]["finding"] == "cleared"


def test_a_database_that_is_down_is_told_by_readyz_and_when_to_come_again(database, service):
    database.stop()
    started = time.monotonic()
    answers = [post(service, service.good), wait_for(service, 503)]
    assert time.monotonic() - started < LONGEST
    database.start()
    for answer in answers:
        assert problem(answer, 503).startswith("record store")
        assert answer.headers["retry-after"] == "5"
    assert wait_for(service, 200).status_code == 200
    assert post(service, service.good).status_code == 200


def test_a_frozen_database_holds_no_worker_and_the_service_ends_when_it_is_told(database, service):
    database.send(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert problem(post(service, service.good), 503).startswith("record store")
        assert time.monotonic() - started < LONGEST
        assert wait_for(service, 503).status_code == 503
        service.process.terminate()
        service.process.communicate(timeout=LONGEST)
        assert service.process.returncode == 0
    finally:
        database.send(signal.SIGCONT)


def test_a_database_that_freezes_within_a_transaction_is_given_up(database, monkeypatch):
    store = RecordStore(database.url, None)
    monkeypatch.setattr(stores, "PATIENCE", 1)
    started = time.monotonic()
    with pytest.raises(StoreError):
        freeze_within(store, database)
    assert time.monotonic() - started < LONGEST
    store.check()
    store.close()


def freeze_within(store, database):
    with store._in_use() as connection:
        connection.exec_driver_sql("SELECT 1")
        database.send(signal.SIGSTOP)
        try:
            connection.exec_driver_sql("SELECT 2")
        finally:
            database.send(signal.SIGCONT)


def test_a_server_that_accepts_and_never_answers_stops_the_start_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{silent.getsockname()[1]}/postgres"
        started = time.monotonic()
        with pytest.raises(stores.UsageError, match=r"^NII_STORE: expected a usable database URL"):
            RecordStore(url, None)
        assert time.monotonic() - started < LONGEST
