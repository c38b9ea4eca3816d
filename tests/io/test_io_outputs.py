"""What can't be written is said before the work."""

from collections import namedtuple
from pathlib import Path

import pytest

from nii.errors import UsageError
from nii.io import outputs
from nii.io.outputs import check_apart, prepare_file, prepare_folder


def test_missing_folders_are_made_and_nothing_is_left_in_them(tmp_path):
    prepare_file(tmp_path / "a" / "b" / "m.onnx")
    prepare_folder(tmp_path / "c" / "d")
    assert list((tmp_path / "a" / "b").iterdir()) == list((tmp_path / "c" / "d").iterdir()) == []


def wrong_places(folder: Path) -> dict[str, Path]:
    (folder / "file").write_text("mine")
    (folder / "folder").mkdir()
    return {
        "came: Not a directory": folder / "file" / "x",
        "came a folder": folder / "folder",
        "came a device or pipe": Path("/dev/full"),
        "came: File name too long": folder / ("a" * 300),
    }


def test_a_place_where_no_file_can_be_is_one_line(tmp_path):
    for came, path in wrong_places(tmp_path).items():
        with pytest.raises(UsageError, match=f"expected a f.*{came}$"):
            prepare_file(path)


def test_a_place_where_no_folder_can_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path, came in ((tmp_path / "file", "File exists"), (tmp_path / "file" / "x", "Not a directory")):
        with pytest.raises(UsageError, match=f"expected a folder to write in, came: {came}"):
            prepare_folder(path)


def test_a_folder_that_may_not_be_written_is_one_line(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")  # file permissions don't stop root

    monkeypatch.setattr(outputs.tempfile, "NamedTemporaryFile", refuse)
    with pytest.raises(UsageError, match="expected a folder to write in, came: Permission denied"):
        prepare_file(tmp_path / "x")


def test_a_disk_that_is_nearly_full_is_one_line_and_one_that_does_not_say_is_none(tmp_path, monkeypatch):
    Disk = namedtuple("Disk", "total free")
    monkeypatch.setattr(outputs.shutil, "disk_usage", lambda _: Disk(10**9, 16384))
    with pytest.raises(UsageError, match="expected at least 1048576 bytes free, came 16384"):
        prepare_folder(tmp_path)
    monkeypatch.setattr(outputs.shutil, "disk_usage", lambda _: Disk(0, 0))
    prepare_folder(tmp_path)


def test_two_outputs_are_no_one_file_and_no_output_is_an_input(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(UsageError, match=r"--overlay: expected another path than that of --out, came .*link"):
        check_apart({"--out": tmp_path / "a", "--overlay": tmp_path / "link"})
    with pytest.raises(UsageError, match=r"--out: expected another path than that of an input, came .*/a"):
        check_apart({"--out": tmp_path / "." / "a"}, [f"low.png,{tmp_path}/a"])
    check_apart({"--out": tmp_path / "a", "--overlay": None}, [tmp_path / "b", "cargo"])
