import asyncio
import threading

import pytest

from serving.problems import CLIENT_GONE, Problem
from serving.work import WorkerPool


async def never():
    await asyncio.Event().wait()


async def at_once():
    return None


@pytest.fixture
def pool():
    pool = WorkerPool(workers=1, waiting=1)
    yield pool
    pool.close()


def occupied(pool, release):
    """A job that keeps the only worker busy until released."""
    return asyncio.ensure_future(pool.run(lambda: release.wait(10), seconds=10, gone=never))


def test_a_job_gives_its_result_or_its_error(pool):
    async def main():
        assert await pool.run(lambda: 6 * 7, seconds=5, gone=never) == 42
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 // 0, seconds=5, gone=never)
        assert pool.accepted == 0

    asyncio.run(main())


def test_one_more_than_the_queue_holds_is_refused_with_the_time_to_retry(pool):
    async def main():
        release = threading.Event()
        running, waiting = occupied(pool, release), occupied(pool, release)
        await asyncio.sleep(0.01)
        assert (pool.accepted, pool.waiting) == (2, 1)
        with pytest.raises(Problem) as refused:
            await pool.run(lambda: None, seconds=5, gone=never)
        assert refused.value.status == 429
        assert 1 <= int(refused.value.headers["Retry-After"]) <= 60
        release.set()
        await asyncio.gather(running, waiting)

    asyncio.run(main())


@pytest.mark.parametrize(("gone", "seconds", "status"), [(never, 0.02, 503), (at_once, 5, CLIENT_GONE)])
def test_a_waiting_job_never_starts_once_its_client_left_or_its_deadline_passed(pool, gone, seconds, status):
    async def main():
        release, started = threading.Event(), []
        running = occupied(pool, release)
        await asyncio.sleep(0.01)
        with pytest.raises(Problem) as refused:
            await pool.run(lambda: started.append(1), seconds=seconds, gone=gone)
        assert refused.value.status == status
        assert pool.accepted == 1  # its place in the queue is free again
        release.set()
        await running
        await pool.run(lambda: None, seconds=5, gone=never)
        assert started == []

    asyncio.run(main())


def test_a_running_job_keeps_its_place_until_it_ends_although_its_client_left(pool):
    async def main():
        release, started = threading.Event(), threading.Event()

        def job():
            started.set()
            release.wait(10)

        async def leaves():
            while not started.is_set():
                await asyncio.sleep(0.005)

        with pytest.raises(Problem):
            await pool.run(job, seconds=5, gone=leaves)
        assert pool.accepted == 1
        release.set()
        await pool.run(lambda: None, seconds=5, gone=never)
        assert pool.accepted == 0

    asyncio.run(main())
