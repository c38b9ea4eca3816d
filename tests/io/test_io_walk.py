"""What lies in a folder: nothing that may be a scan is passed over, nothing that `nii` wrote is one."""

import glob
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from nii.errors import ScanError, ScanSetError
from nii.io.dicos import write_tdr
from nii.io.marks import marked_png
from nii.io.read import read_scan
from nii.io.scanset import list_scans, read_listed
from nii.io.walk import matched, scans_in
from nii.io.write import write_tiff


def scan_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tiff(path, np.full((1, 20, 30), 0.5, np.float32), open_beam=60000)
    return path


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in scans_in(folder)]


def test_linked_folders_are_entered_and_each_folder_once(tmp_path: Path) -> None:
    day, elsewhere = tmp_path / "day", tmp_path / "elsewhere"
    scan_file(day / "z" / "a.tif")
    scan_file(elsewhere / "b.tif")
    (day / "a linked").symlink_to(elsewhere)
    (day / "again").symlink_to(elsewhere)
    (day / "round").symlink_to(day)
    (day / "to z").symlink_to(day / "z")
    (elsewhere / "back").symlink_to(day)
    assert names(day) == ["a linked/b.tif", "z/a.tif"]
    assert [Path(name).name for name in list_scans(f"{day}/**/*.tif")] == ["b.tif", "a.tif"]


@pytest.mark.parametrize("pattern", ["**", "**/*", "*/**/*.tif", "**/**/*.tif", "**/b*/*.tif", "**/[ab]"])
def test_without_links_a_glob_matches_what_glob_does(
    tmp_path: Path, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.tif", "b/c.tif", "b/d/e.tif", "b/d/f", "a[1]/g.tif"):
        scan_file(tmp_path / name)
    wanted = {one.rstrip("/") for one in glob.glob(pattern, recursive=True)}  # noqa: PTH207 - what users know
    found = {one.rstrip("/") for one in matched(pattern)}
    assert {one for one in wanted if Path(one).is_file()} <= found <= wanted | {"."}
    assert matched(f"{tmp_path}/**/e.tif") == [f"{tmp_path}/b/d/e.tif"]


def test_links_to_nothing_and_to_themselves_are_listed_if_they_may_be_scans(tmp_path: Path) -> None:
    for name in ("annexed.tif", "IM0001", "README.md"):
        (tmp_path / name).symlink_to("../.git/annex/objects/gone")
    (tmp_path / "self.png").symlink_to("self.png")
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    os.mkfifo(tmp_path / "pipe.tif")
    assert names(tmp_path) == ["IM0001", "annexed.tif", "pipe.tif", "self.png"]
    assert list_scans(f"{tmp_path}/*.tif") == [str(tmp_path / "annexed.tif"), str(tmp_path / "pipe.tif")]
    with pytest.raises(ScanError, match=r"annexed\.tif: expected a readable file, came: No such file"):
        read_listed(str(tmp_path / "annexed.tif"))


def test_a_locked_folder_is_listed_itself_and_its_reader_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_file(tmp_path / "a.tif")
    locked = tmp_path / "locked"
    scan_file(locked / "b.tif")
    iterdir = Path.iterdir

    def refuse(self: Path) -> object:  # permissions don't stop root
        if self == locked:
            raise PermissionError(13, "Permission denied")
        return iterdir(self)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert names(tmp_path) == ["a.tif", "locked"]
    assert list_scans(f"{tmp_path}/**/*.tif") == [str(tmp_path / "a.tif"), str(locked)]
    for read in (read_listed, list_scans):
        with pytest.raises(
            (ScanError, ScanSetError), match="locked: expected a readable folder, came: Permission denied"
        ):
            read(str(locked))


def test_hidden_folders_and_those_of_storage_systems_hold_no_scans(tmp_path: Path) -> None:
    for name in (".ipynb_checkpoints", "@eaDir", "__MACOSX", "sub/.trash", "sub/$RECYCLE.BIN"):
        scan_file(tmp_path / name / "x.tif")
    for name in ("._a.tif", ".DS_Store", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"none")
    scan_file(tmp_path / "a.tif")
    assert names(tmp_path) == ["a.tif"]
    assert names(tmp_path / "@eaDir") == ["x.tif"]  # named itself


def test_pictures_and_reports_of_ours_are_no_scans_and_their_pixels_stay(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (20, 30, 3), np.uint8)
    plain = cv2.imencode(".png", picture)[1].tobytes()
    (tmp_path / "picture.png").write_bytes(marked_png(plain))
    (tmp_path / "plain.png").write_bytes(plain)
    scan = read_scan(scan_file(tmp_path / "a.tif"))
    for name in ("report.dcs", "report"):
        write_tdr(tmp_path / name, scan, [], alarm=False, algorithm="tiny", version="1")
    assert names(tmp_path) == ["a.tif", "plain.png"]
    assert [Path(name).name for name in list_scans(f"{tmp_path}/*.png")] == ["plain.png"]
    assert np.array_equal(cv2.imread(str(tmp_path / "picture.png")), picture)


@pytest.mark.parametrize(
    ("make", "came"),
    [
        (lambda folder: None, "expected scans, came none"),
        (lambda folder: (folder / "annotations.json").write_text('{"a.tif": {}}'), "list of objects in images"),
        (lambda folder: (folder / "annotations.json").symlink_to("gone"), "expected a readable file, came: No such"),
    ],
)
def test_the_reason_why_a_folder_has_no_scans_reaches_its_row(tmp_path: Path, make, came) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path)
    with pytest.raises(ScanError, match=came):
        read_listed(str(tmp_path))


def test_a_glob_enters_the_folders_that_it_matches(tmp_path: Path) -> None:
    scan_file(tmp_path / "day1" / "a.tif")
    scan_file(tmp_path / "day2" / "b.tif")
    (tmp_path / "day3").mkdir()
    assert [Path(name).name for name in list_scans(f"{tmp_path}/day*")] == ["a.tif", "b.tif"]


def test_a_name_longer_than_any_file_is_a_name(tmp_path: Path) -> None:
    for name in ("b" * 300, f"{tmp_path}/{'c' * 300}.tif"):
        assert list_scans(name) == [name]
        with pytest.raises(ScanError, match="came: File name too long"):
            read_listed(name)
