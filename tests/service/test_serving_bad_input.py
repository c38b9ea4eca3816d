"""A corpus of bad requests: each gets its status as a problem, and the next good request is right."""

import io
import json
import socket
import struct
import zipfile
import zlib

import cv2
import httpx2
import numpy as np
import pytest
import tifffile
from serving_tools import PATIENCE, block_tiff, model_file, running, settings_for, wait_ready
from starlette.testclient import TestClient
from test_serving import post, problem

from serving.app import create_app

pytestmark = pytest.mark.slow

MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.tif"\r\n\r\n'


def npy(array, **given):
    buffer = io.BytesIO()
    np.save(buffer, array, **given)
    return buffer.getvalue()


def tiff(array, **given):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **given)
    return buffer.getvalue()


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, data=b"", depth=16, colour=0):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", head) + (png_chunk(b"IDAT", data) if data else b"") + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def npy_header(shape, descr="<f4"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def zipped(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scan.tif", data)
    return buffer.getvalue()


GREY = np.full((40, 60), 30000, np.uint16)
GOOD_TIFF = tiff(GREY)
GOOD_PNG = cv2.imencode(".png", GREY)[1].tobytes()
GOOD_JPEG = cv2.imencode(".jpg", (GREY >> 8).astype(np.uint8))[1].tobytes()
FLOATS = np.full((2, 40, 60), 0.5, np.float32)

CONTENTS = {
    # no scan at all
    "empty": (b"", 415),
    "one byte": (b"I", 415),
    "text": (b"this is no scan\n", 415),
    "json": (b'{"scan": true}', 415),
    "html": (b"<html><script>alert(1)</script>", 415),
    "pdf": (b"%PDF-1.7 nothing", 415),
    "zip": (zipped(GOOD_TIFF), 415),
    "zip bomb": (zipped(b"\0" * 10_000_000), 415),
    "gzip": (b"\x1f\x8b\x08" + b"\0" * 50, 415),
    "gif": (b"GIF89a" + b"\0" * 50, 415),
    "bmp": (b"BM" + b"\0" * 50, 415),
    "zeros": (b"\0" * 1000, 415),
    "random": (np.random.default_rng(1).bytes(4096), 415),
    "pickle": (b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.", 415),
    "elf": (b"\x7fELF" + b"\0" * 200, 415),
    "shell": (b"#!/bin/sh\nrm -rf /\n", 415),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415),
    "utf-16": ("text".encode("utf-16"), 415),
    # cut off
    "TIFF magic alone": (b"II*\0", 422),
    "TIFF without pages": (b"II*\0\0\0\0\0", 422),
    "TIFF chain outside": (b"II*\0\xff\xff\xff\x7f" + b"\0" * 100, 422),
    "TIFF cut in half": (GOOD_TIFF[: len(GOOD_TIFF) // 2], 422),
    "TIFF without its last byte": (GOOD_TIFF[:-1], 422),
    "PNG magic alone": (b"\x89PNG\r\n\x1a\n", 422),
    "PNG cut": (GOOD_PNG[:-20], 422),
    "PNG wrong checksum": (GOOD_PNG[:40] + b"\x55" + GOOD_PNG[41:], 422),
    "PNG without pixels": (png(60, 40), 422),
    "JPEG magic alone": (b"\xff\xd8\xff", 422),
    "JPEG cut": (GOOD_JPEG[: len(GOOD_JPEG) // 2], 422),
    "NPY magic alone": (b"\x93NUMPY", 422),
    "NPY cut": (npy(FLOATS)[:-4], 422),
    "NPY with a tail": (npy(FLOATS) + b"tail", 422),
    "DICOS magic alone": (b"\0" * 128 + b"DICM", 422),
    "DICOS then noise": (b"\0" * 128 + b"DICM" + np.random.default_rng(2).bytes(600), 422),
    # bombs and huge dimensions
    "PNG header 60000x60000": (png(60000, 60000, zlib.compress(b"\0" * 1000)), 413),
    "PNG header 2^31": (png(2**31 - 1, 2**31 - 1), 413),
    "PNG text bomb": (
        GOOD_PNG[:33] + png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * 20_000_000)) + GOOD_PNG[33:-12],
        422,
    ),
    "PNG deflate bomb": (png(60, 40, zlib.compress(b"\0" * 20_000_000)), None),
    "NPY header 60000x60000": (npy_header((2, 60000, 60000)), 413),
    "NPY shape overflow": (npy_header((1, 2**62, 2**62)), 413),
    "TIFF deflate bomb": (
        tiff(np.zeros((64, 64), np.uint16), compression="zlib", rowsperstrip=64).replace(b"@\0", b"\x10\0", 1),
        None,
    ),
    # wrong kind
    "TIFF of three pages": (tiff(np.stack([GREY] * 3), photometric="minisblack"), 422),
    "TIFF of 8 bits": (tiff(GREY.astype(np.uint8)), 422),
    "TIFF of floats": (tiff(GREY.astype(np.float32)), 422),
    "TIFF in colour": (tiff(np.zeros((40, 60, 3), np.uint16), photometric="rgb"), 422),
    "PNG with palette": (png(60, 40, zlib.compress(b"\0" * 2440), 8, 3), 422),
    "NPY of integers": (npy(FLOATS.astype(np.int32)), 422),
    "NPY of objects": (npy(np.array([[{}]], object), allow_pickle=True), 422),
    "NPY of text": (npy(np.array([["a"] * 40] * 40)), 422),
    "NPY of one dimension": (npy(FLOATS.ravel()), 422),
    "NPY of four energies": (npy(np.concatenate([FLOATS, FLOATS])), 422),
    # wrong values
    "NaN": (npy(np.full_like(FLOATS, np.nan)), 422),
    "one NaN": (npy(np.where(np.arange(4800).reshape(2, 40, 60) == 77, np.nan, FLOATS).astype(np.float32)), 422),
    "infinite": (npy(np.full_like(FLOATS, np.inf)), 422),
    "too large for float32": (npy(np.full((2, 40, 60), 1e300)), 422),
    "negative": (npy(-FLOATS), 422),
    "counts given as transmission": (npy(FLOATS * 60000), 422),
    "black": (tiff(np.zeros((40, 60), np.uint16)), 422),
    "1x1": (npy(np.ones((1, 1, 1), np.float32)), 422),
    "0x0": (npy(np.ones((1, 0, 0), np.float32)), 422),
    "10000x1": (npy(np.ones((1, 10000, 1), np.float32)), 422),
    "open beam of zero": (tiff(GREY, description=json.dumps({"open_beam": 0})), 422),
    "open beam is text": (tiff(GREY, description=json.dumps({"open_beam": "much"})), 422),
    "pitch is negative": (tiff(GREY, description=json.dumps({"pitch_mm": [-1, 2]})), 422),
    "scanner named by half a character": (tiff(GREY, description='{"scanner": "\\ud800"}'), 422),
    "scanner with a zero character": (tiff(GREY, description='{"scanner": "a\\u0000b"}'), 422),
    "scanner with a long name": (tiff(GREY, description=json.dumps({"scanner": "x" * 100_000})), 422),
    "energy on two lines": (tiff(GREY, description=json.dumps({"energies": ["4MV\n"]})), 422),
    "energies nested": (tiff(GREY, description=json.dumps({"energies": [["4MV"]]})), 422),
}

REQUESTS = {
    # malformed multipart and other shapes of requests
    "no body": (b"", MULTIPART, 400),
    "no boundary": (PART + GOOD_TIFF, "multipart/form-data", 400),
    "other boundary": (PART + GOOD_TIFF + b"\r\n--b--\r\n", "multipart/form-data; boundary=other", 400),
    "unclosed": (PART + GOOD_TIFF, MULTIPART, 400),
    "no headers of the part": (b"--b\r\n\r\nx\r\n--b--\r\n", MULTIPART, 400),
    "no name": (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", MULTIPART, 400),
    "noise": (np.random.default_rng(3).bytes(2000), MULTIPART, 400),
    "unknown charset": (PART.replace(b"file", b"fi\xff") + b"x\r\n--b--\r\n", MULTIPART + "; charset=klingon", 400),
    "json": (b"{}", "application/json", 415),
    "raw scan": (GOOD_TIFF, "image/tiff", 415),
    "url-encoded": (b"file=x", "application/x-www-form-urlencoded", 415),
    "no content type": (GOOD_TIFF, "", 415),
    "two files": ((PART + b"x\r\n") * 2 + b"--b--\r\n", MULTIPART, 400),
    "a thousand parts": ((PART + b"x\r\n") * 1000 + b"--b--\r\n", MULTIPART, 400),
    "a huge header": (b"--b\r\nX: " + b"y" * 100_000 + b"\r\n\r\nx\r\n--b--\r\n", MULTIPART, 400),
    "a huge option": (
        b'--b\r\nContent-Disposition: form-data; name="pfa"\r\n\r\n' + b"0" * 100_000 + b"\r\n--b--\r\n",
        MULTIPART,
        400,
    ),
    "path as a name": (
        PART.replace(b"x.tif", b"../../../etc/passwd") + b"root\r\n--b--\r\n",
        MULTIPART,
        415,
    ),
    "zero byte in a name": (PART.replace(b"x.tif", b"a\0b.tif") + b"x\r\n--b--\r\n", MULTIPART, (400, 415)),
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with TestClient(create_app(settings_for(folder)), raise_server_exceptions=False) as client:
        wait_ready(client)
        client.good = block_tiff(folder)
        client.score = post(client, client.good).json()["score"]
        yield client


def assert_alive(client):
    assert post(client, client.good).json()["score"] == client.score


def test_the_corpus_is_large_enough():
    assert len(CONTENTS) + len(REQUESTS) >= 60


@pytest.mark.parametrize("name", CONTENTS)
def test_bad_content_gets_its_status(client, name):
    content, status = CONTENTS[name]
    answer = client.post("/v1/scans", files={"file": ("x.tif", content)})
    if status is None:  # harmless: the decoder reads as much as the header says, and scores or refuses it
        assert answer.status_code in (200, 422)
    else:
        problem(answer, status)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_bad_request_gets_its_status(client, name):
    body, kind, status = REQUESTS[name]
    answer = client.post("/v1/scans", content=body, headers={"Content-Type": kind} if kind else {})
    expected = status if isinstance(status, tuple) else (status,)
    assert answer.status_code in expected
    problem(answer, answer.status_code)


def test_the_service_is_as_before_after_all_that(client):
    assert_alive(client)
    assert client.get("/metrics").status_code == 200


def test_a_name_from_a_request_never_touches_the_file_system(client, monkeypatch):
    import os
    import pathlib

    touched = []
    for module, name in ((os.path, "lexists"), (os, "stat"), (pathlib.Path, "open"), (pathlib.Path, "stat")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, real=real, **k: touched.append(str(a)) or real(*a, **k))
    files = {"low": ("../secret,low.png", GOOD_PNG), "high": ("/etc/secret,high.png", GOOD_PNG)}
    assert client.post("/v1/scans", files=files).status_code == 200
    assert not [one for one in touched if "secret" in one]


def connected(address):
    host, port = address.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)))
    client.settimeout(PATIENCE)
    return client


def test_slow_and_broken_clients_are_cut_off_and_the_service_lives(tmp_path):
    head = b"POST /v1/scans HTTP/1.1\r\nHost: x\r\nContent-Type: " + MULTIPART.encode() + b"\r\n"
    scan = block_tiff(tmp_path)
    limits = {"NII_UPLOAD_SECONDS": "3", "NII_MAX_UPLOAD_BYTES": "150000", "NII_MAX_HELD_BYTES": "150000"}
    with running(model_file(tmp_path), **limits) as (address, process):
        with connected(address) as silent, connected(address) as half_a_head, connected(address) as slow:
            half_a_head.sendall(head)
            slow.sendall(head + b"Content-Length: 149999\r\n\r\n" + PART + b"x" * 100_000)
            with httpx2.Client(base_url=address, timeout=PATIENCE) as client:
                answer = post(client, scan)  # does not fit beside the slow one
            assert problem(answer, 429).startswith("uploads: expected at most 150000 bytes of all requests together")
            assert answer.headers["retry-after"] == "2"
            assert slow.recv(4096).startswith(b"HTTP/1.1 408")
            for closed in (silent, half_a_head):
                assert end_of(closed) == b""
        for rude in (b"NONSENSE\r\n\r\n", head + b"Content-Length: x\r\n\r\n", head + b"Content-Length: 99\r\n\r\n--b"):
            with connected(address) as client:
                client.sendall(rude)
        with httpx2.Client(base_url=address, timeout=PATIENCE) as client:
            assert post(client, scan).status_code == 200
        process.terminate()
        assert "Traceback" not in process.communicate(timeout=PATIENCE)[1]


def end_of(connection):
    """What still comes; nothing from a connection that was closed or reset."""
    try:
        return connection.recv(4096)
    except ConnectionResetError:
        return b""
