"""Lists of scans as programs of all systems write them."""

import io
import os

import pytest

from nii.io.lists import read_list

NAMES = ["a.tif", "sub/ä b.tif", "low.png,high.png"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_list_is_read_whatever_system_wrote_it(encoding, end):
    text = end.join(["# scans of today", "", *NAMES, "  "]) + end
    assert list(read_list(io.BytesIO(text.encode(encoding)))) == NAMES
    assert list(read_list(io.BytesIO(end.join(NAMES).encode(encoding)))) == NAMES


def test_an_empty_list_is_empty():
    assert list(read_list(io.BytesIO(b""))) == []


def test_names_between_zeros_and_bytes_that_are_no_utf8_are_names():
    assert list(read_list(io.BytesIO(b"a.tif\0Z\xfc.tif\0"))) == ["a.tif", os.fsdecode(b"Z\xfc.tif")]


def test_blanks_quotes_and_hashes_belong_to_a_name_only_if_a_file_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = ["#1.tif", ' "b c.tif" ', "d.tif ", "'e.tif'"]
    assert list(read_list(io.BytesIO("\n".join(lines).encode()))) == ["b c.tif", "d.tif", "e.tif"]
    for line in lines:
        (tmp_path / line).touch()
    assert list(read_list(io.BytesIO("\n".join(lines).encode()))) == lines
