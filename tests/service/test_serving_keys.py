import hmac
import os

import pytest
from serving_tools import settings_for
from starlette.testclient import TestClient

from nii.errors import UsageError
from serving.app import create_app
from serving.keys import Keys, read_keys

ALICE, BOB = "a" * 20, "b" * 24


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# gate keys\nalice {ALICE}\n\n{BOB}  # no name\n")
    return path


def rewrite(path, text):
    path.write_text(text)
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1_000_000))


def test_each_key_has_its_owner_and_others_have_none(file):
    keys = Keys(file)
    assert [keys.owner(key) for key in (ALICE, BOB, "", "c" * 20, ALICE[:-1])] == ["alice", "line 4", None, None, None]


def test_every_key_is_compared_in_constant_time_whichever_matches(file, monkeypatch):
    calls = []
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: calls.append(1) or a == b)
    Keys(file).owner(ALICE)
    assert len(calls) == 2


def test_keys_are_rotated_through_the_file(file):
    keys = Keys(file)
    rewrite(file, f"alice {'n' * 20}\n")
    assert keys.owner(ALICE) is None
    assert keys.owner("n" * 20) == "alice"


def test_a_changed_file_that_is_wrong_leaves_the_old_keys_in_force(file):
    keys = Keys(file)
    rewrite(file, "short\n")
    assert keys.owner(ALICE) == "alice"
    file.unlink()
    assert keys.owner(ALICE) == "alice"


@pytest.mark.parametrize("text", ["", "# nothing\n", "alice short\n", "one two three\n"])
def test_a_keys_file_that_is_wrong_stops_the_start(tmp_path, text):
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(UsageError, match="keys"):
        read_keys(path)


def test_no_key_is_401_and_a_key_in_either_header_is_enough(file, tmp_path):
    with TestClient(create_app(settings_for(tmp_path, keys_file=file))) as client:
        for path in ("/v1/model", "/metrics"):
            refused = client.get(path)
            assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
            assert refused.headers["www-authenticate"] == "Bearer"
            assert client.get(path, headers={"X-API-Key": "x" * 20}).status_code == 401
            assert client.get(path, headers={"X-API-Key": ALICE}).status_code == 200
            assert client.get(path, headers={"Authorization": f"Bearer {BOB}"}).status_code == 200
        assert client.post("/v1/scans", files={"file": b"x"}).status_code == 401
        assert client.get("/healthz").status_code == 200
        assert client.get("/").status_code == 200
