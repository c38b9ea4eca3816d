"""Crews: order, memory, and workers that die. The work is arithmetic, so that what counts is the crew."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from nii.errors import UsageError
from nii.workers import AHEAD, dask_cluster, processes

pytestmark = pytest.mark.slow

POISON = 13


def doubled(items):
    """Twice each number; the first chunk takes longest, and one number kills the process."""
    if 0 in items:
        time.sleep(0.3)
    if POISON in items:
        os.kill(os.getpid(), signal.SIGKILL)
    return [2 * item for item in items]


def chunks(n, taken=None):
    for start in range(0, n, 2):
        if taken is not None:
            taken.append(start)
        yield [start, start + 1]


def test_chunks_come_back_in_order_and_few_are_on_the_way():
    taken: list[int] = []
    made = processes(2).map(doubled, chunks(12, taken), str)
    assert next(made) == [0, 2]
    assert len(taken) == 2 * AHEAD  # however many there are
    assert [value for chunk in made for value in chunk] == list(range(4, 24, 2))


def test_an_item_that_kills_its_worker_is_found_and_the_rest_is_done():
    made = [value for chunk in processes(1).map(doubled, chunks(20), lambda item: f"lost {item}") for value in chunk]
    assert made == [f"lost {item}" if item == POISON else 2 * item for item in range(20)]


def test_what_work_raises_comes_out():
    with pytest.raises(TypeError):
        list(processes(1).map(doubled, iter([[None]]), str))


def endless(items):
    """Says which process it is, and never ends."""
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    time.sleep(600)


def test_workers_die_with_the_process_that_started_them(tmp_path):
    program = "from nii.workers import processes; from test_workers import endless; "
    program += "list(processes(1).map(endless, iter([[1]]), str))"
    paths = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=paths) as first:
        worker = psutil.Process(int(first.stdout.readline()))
        first.kill()
        psutil.wait_procs([worker], timeout=20)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_no_scheduler_at_the_address_is_one_line(monkeypatch):
    monkeypatch.setattr("nii.workers.CONNECT", "0.2s")
    expected = pytest.raises(UsageError, match=r"--cluster: expected a Dask scheduler at tcp://127.0.0.1:9, came ")
    with expected, dask_cluster("tcp://127.0.0.1:9", 1):
        pass


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'nii\[cluster\]'"), dask_cluster("local", 1):
        pass
