"""Scan sets: COCO, MVTec, plain folders."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from nii.errors import ScanError, ScanSetError
from nii.io.scanset import (
    Annotation,
    ScanEntry,
    SetsAround,
    is_set,
    list_benign,
    list_scans,
    read_entry,
    read_mask,
    read_set,
    write_set,
)
from nii.io.write import write_mask, write_tiff

ROWS, COLUMNS = 20, 30


def scan_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((2, ROWS, COLUMNS), [[[0.5]], [[0.55]]], np.float32)
    pixels[:, :, :5] = 1
    write_tiff(path, pixels, open_beam=60000)
    return path


def mask_file(path: Path, shape: tuple[int, int] = (ROWS, COLUMNS)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros(shape, bool)
    mask[4:8, 10:16] = True
    write_mask(path, mask)
    return path


@pytest.fixture
def entries(tmp_path: Path) -> list[ScanEntry]:
    """A benign and a concealed scan with their files."""
    common = {
        "cargo": "sacks", "scanner": "portal", "pitch_mm": (6.0, 5.0), "energies": ("4MV", "6MV"),
        "open_beam": (60000.0,), "size": (ROWS, COLUMNS),
    }  # fmt: skip
    notes = (
        Annotation(family="press", box=(10, 4, 6, 4), mass_kg=3.5, dprime=24.0, area=24, material="metal", alike=True),
        Annotation(family="bricks", box=(1, 2, 3, 4), area=12),
    )
    return [
        ScanEntry(name="0000", path=scan_file(tmp_path / "scans" / "0000.tif"), **common),
        ScanEntry(
            name="0001",
            path=scan_file(tmp_path / "scans" / "0001.tif"),
            mask_path=mask_file(tmp_path / "masks" / "0001.png"),
            annotations=notes,
            **common,
        ),
    ]


def test_a_set_that_was_written_is_read_back_the_same(tmp_path: Path, entries: list[ScanEntry]) -> None:
    write_set(tmp_path, entries, description="two scans")
    found = read_set(tmp_path)
    assert list(found.entries) == entries
    assert found.families == ("bricks", "press")
    assert [entry.name for entry in found.benign] == ["0000"]
    assert [entry.name for entry in found.concealed] == ["0001"]


def test_a_written_set_is_plain_coco(tmp_path: Path, entries: list[ScanEntry]) -> None:
    write_set(tmp_path, entries)
    table = json.loads((tmp_path / "annotations.json").read_text())
    image = table["images"][1]
    assert (image["file_name"], image["mask"]) == ("scans/0001.tif", "masks/0001.png")
    assert (image["width"], image["height"], image["open_beam"]) == (COLUMNS, ROWS, 60000.0)
    note = table["annotations"][0]
    assert (note["image_id"], note["bbox"], note["mass_kg"], note["iscrowd"]) == (1, [10, 4, 6, 4], 3.5, 0)
    assert table["categories"] == [{"id": 1, "name": "bricks"}, {"id": 2, "name": "press"}]
    assert note["category_id"] == 2


def test_the_sets_metadata_fills_what_a_file_lacks(tmp_path: Path, entries: list[ScanEntry]) -> None:
    scan = read_entry(entries[0])
    assert (scan.pitch_mm, scan.energies, scan.scanner) == ((6.0, 5.0), ("4MV", "6MV"), "portal")
    assert scan.notes == ()
    with pytest.raises(ScanError, match="No such file"):
        read_entry(ScanEntry(name="x", path=tmp_path / "x.tif"))


def test_masks_are_boolean_and_of_the_scans_size(tmp_path: Path, entries: list[ScanEntry]) -> None:
    benign, concealed = entries
    assert not read_mask(benign).any()
    mask = read_mask(concealed)
    assert (mask.dtype, mask.shape, int(mask.sum())) == (bool, (ROWS, COLUMNS), 24)
    with pytest.raises(ScanSetError, match=r"0001\.png: expected a mask of \(9, 9\), came \(20, 30\)"):
        read_mask(concealed, (9, 9))


@pytest.mark.parametrize(
    ("content", "came"),
    [
        (None, "No such file"),
        (b"text", "PNG or BMP mask, came something else"),
        (b"\x89PNG\r\n\x1a\n" + bytes(16), "0x0"),
    ],
)
def test_a_bad_mask_is_one_line(entries: list[ScanEntry], content: bytes | None, came: str) -> None:
    path = entries[1].mask_path
    assert path is not None
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ScanSetError, match=came):
        read_mask(entries[1])


def test_a_concealed_scan_without_a_mask_has_no_mask_to_read(tmp_path: Path) -> None:
    with pytest.raises(ScanSetError, match="expected a mask, came none"):
        read_mask(ScanEntry(name="a", path=tmp_path, annotations=(Annotation(family="press"),), size=(20, 30)))


IMAGE = {"id": 0, "file_name": "scans/a.tif"}
NOTE = {"id": 0, "image_id": 0, "category_id": 1, "bbox": [1, 2, 3, 4]}
CATEGORY = {"id": 1, "name": "press"}


@pytest.mark.parametrize(
    ("table", "came"),
    [
        ("{", "expected JSON"),
        ("[" * 100000, "expected JSON"),
        ("[]", "expected an object with images, came list"),
        ({}, "list of objects in images"),
        ({"images": [1]}, "list of objects in images"),
        ({"images": [{"id": 0}]}, "file_name of type str"),
        ({"images": [{"file_name": "a"}]}, "id of type int"),
        ({"images": [IMAGE, IMAGE]}, "different id for each image"),
        ({"images": [IMAGE | {"file_name": "../a.tif"}]}, "path inside the set"),
        ({"images": [IMAGE | {"file_name": "/etc/passwd"}]}, "path inside the set"),
        ({"images": [IMAGE | {"mask": "../m.png"}]}, "path inside the set"),
        ({"images": [IMAGE | {"open_beam": -1}]}, "open_beam: expected a positive number"),
        ({"images": [IMAGE | {"pitch_mm": "6"}]}, "pitch_mm: expected a positive number"),
        ({"images": [IMAGE | {"cargo": 5}]}, "cargo of type str"),
        ({"images": [IMAGE], "annotations": [NOTE]}, "category of the list"),
        ({"images": [], "annotations": [NOTE], "categories": [CATEGORY]}, "image_id 0"),
        (
            {"images": [IMAGE], "annotations": [NOTE | {"bbox": [1, 2]}], "categories": [CATEGORY]},
            r"bbox as \[x, y, w, h\]",
        ),
        (
            {"images": [IMAGE], "annotations": [NOTE | {"bbox": [1, 2, 0, 4]}], "categories": [CATEGORY]},
            "of some area",
        ),
        (
            {"images": [IMAGE], "annotations": [NOTE | {"mass_kg": "much"}], "categories": [CATEGORY]},
            "number for mass_kg",
        ),
    ],
)
def test_wrong_annotations_are_one_line_that_names_the_file(tmp_path: Path, table: object, came: str) -> None:
    text = table if isinstance(table, str) else json.dumps(table)
    (tmp_path / "annotations.json").write_text(text)
    with pytest.raises(ScanSetError, match=came) as caught:
        read_set(tmp_path)
    assert "annotations.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_boxes_are_rounded_outwards(tmp_path: Path) -> None:
    table = {"images": [IMAGE], "annotations": [NOTE | {"bbox": [1.5, 2, 3, 4.2]}], "categories": [CATEGORY]}
    (tmp_path / "annotations.json").write_text(json.dumps(table))
    assert read_set(tmp_path).entries[0].annotations[0].box == (1, 2, 4, 5)


def test_entries_outside_the_set_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ScanSetError, match="one outside"):
        write_set(tmp_path, [ScanEntry(name="a", path=tmp_path.parent / "a.tif")])
    assert not (tmp_path / "annotations.json").exists()


@pytest.fixture
def mvtec(tmp_path: Path) -> Path:
    for name in ("train/good/000.tif", "test/good/000.tif", "test/press/000.tif", "test/bricks/001.tif"):
        scan_file(tmp_path / name)
    mask_file(tmp_path / "ground_truth" / "press" / "000_mask.png")
    mask_file(tmp_path / "ground_truth" / "bricks" / "001.png")
    return tmp_path


def test_the_mvtec_layout_is_a_scan_set(mvtec: Path) -> None:
    found = read_set(mvtec)
    assert [(entry.name, entry.split, entry.concealed) for entry in found.entries] == [
        ("good/000", "train", False),
        ("bricks/001", "test", True),
        ("good/000", "test", False),
        ("press/000", "test", True),
    ]
    assert found.families == ("bricks", "press")
    assert [entry.annotations[0].family for entry in found.concealed] == ["bricks", "press"]
    assert all(read_mask(entry, (ROWS, COLUMNS)).sum() == 24 for entry in found.concealed)
    assert read_entry(found.entries[0]).shape == (ROWS, COLUMNS)


def test_a_plain_folder_is_no_scan_set(tmp_path: Path) -> None:
    scan_file(tmp_path / "a.tif")
    with pytest.raises(ScanSetError, match=r"annotations\.json or train/good and test/, came a folder without"):
        read_set(tmp_path)
    with pytest.raises(ScanSetError, match="no such folder"):
        read_set(tmp_path / "none")
    (tmp_path / "test").mkdir()
    with pytest.raises(ScanSetError, match="expected scans in train/good"):
        read_set(tmp_path)


def test_scans_of_a_folder_are_found_by_content_or_suffix(tmp_path: Path) -> None:
    scan_file(tmp_path / "b.tif")
    scan_file(tmp_path / "deep" / "a.dat")  # a TIFF whatever its name
    (tmp_path / "broken.tif").write_text("no scan, but it claims to be one")
    (tmp_path / "README.txt").write_text("no scan")
    (tmp_path / ".hidden.tif").write_text("no scan")
    assert [Path(name).name for name in list_scans(tmp_path)] == ["b.tif", "broken.tif", "a.dat"]


def test_scans_of_a_set_are_listed_without_masks(tmp_path: Path, entries: list[ScanEntry]) -> None:
    write_set(tmp_path, entries)
    assert list_scans(tmp_path) == [str(entry.path) for entry in entries]


def test_scans_of_a_mvtec_folder_are_listed_without_masks(mvtec: Path) -> None:
    assert len(list_scans(mvtec)) == 4


def test_files_pairs_and_globs_are_listed(tmp_path: Path) -> None:
    path = scan_file(tmp_path / "a.tif")
    scan_file(tmp_path / "b.tif")
    assert list_scans(path) == [str(path)]
    assert list_scans(str(tmp_path / "*.tif")) == [str(path), str(tmp_path / "b.tif")]
    assert list_scans("low.png,high.png") == ["low.png,high.png"]
    assert list_scans("missing.tif") == ["missing.tif"]  # its reader says what is wrong with it
    with pytest.raises(ScanSetError, match="expected scans, came none"):
        list_scans(str(tmp_path / "*.png"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScanSetError, match="empty: expected scans, came none"):
        list_scans(tmp_path / "empty")


def test_a_glob_character_in_a_real_name_is_a_name(tmp_path: Path) -> None:
    path = scan_file(tmp_path / "a[1].tif")
    assert list_scans(path) == [str(path)]


def test_colour_masks_count_where_they_are_not_black(tmp_path: Path) -> None:
    picture = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    picture[2:4, 2:4] = (0, 0, 200)
    cv2.imwrite(str(tmp_path / "m.png"), picture)
    entry = ScanEntry(name="a", path=tmp_path, mask_path=tmp_path / "m.png")
    assert read_mask(entry).sum() == 4


def test_the_shared_set_is_read(shared: Path) -> None:
    found = read_set(shared / "cargo-dev")
    assert (len(found.entries), len(found.benign), len(found.concealed)) == (64, 28, 36)
    assert len(found.families) == 9
    entry = found.concealed[0]
    assert (entry.pitch_mm, entry.energies, entry.open_beam) == ((6.0, 6.0), ("4MV", "6MV"), (64250.0,))
    note = entry.annotations[0]
    assert (note.family, note.mass_kg, note.dprime) == ("bricks", 18.132, 6104.79)
    scan = read_entry(entry)
    assert scan.notes == ()
    mask = read_mask(entry, scan.shape)
    assert int(mask.sum()) == note.area == 5040
    rows, columns = np.nonzero(mask)
    x, y, w, h = note.box or (0, 0, 0, 0)
    assert (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1) == (x, y, w, h)


@pytest.mark.parametrize("name", ["good", "Good", "NORMAL", "ok", "No-Defect", "benign"])
def test_a_folder_whose_name_means_benign_is_benign(tmp_path: Path, name: str) -> None:
    for path in (f"train/{name}/0.tif", f"test/{name}/1.tif", "test/bricks/2.tif", "test/.cache/3.tif"):
        scan_file(tmp_path / path)
    found = read_set(tmp_path)
    assert ({entry.path.name for entry in found.benign}, found.families) == ({"0.tif", "1.tif"}, ("bricks",))


@pytest.mark.parametrize("mask", ["000_mask.PNG", "000.png", "000.BMP", "000_GT.png", "000/000.png"])
@pytest.mark.parametrize("truth", ["ground_truth", "Ground_Truth"])
def test_masks_are_found_however_tools_name_them(tmp_path: Path, mask: str, truth: str) -> None:
    scan_file(tmp_path / "test/good/0.tif")
    scan_file(tmp_path / "test/press/000.tif")
    picture = np.zeros((ROWS, COLUMNS), np.uint8)
    picture[4:8, 10:16] = 255
    path = tmp_path / truth / "press" / mask
    path.parent.mkdir(parents=True)
    path.write_bytes(cv2.imencode(path.suffix.lower(), picture)[1].tobytes())
    (entry,) = read_set(tmp_path).concealed
    assert read_mask(entry, (ROWS, COLUMNS)).sum() == 24


def test_several_masks_of_a_scan_are_one(tmp_path: Path) -> None:
    scan_file(tmp_path / "test/good/0.tif")
    scan_file(tmp_path / "test/logical/007.tif")
    for number, rows in enumerate((slice(0, 2), slice(1, 5))):
        picture = np.zeros((ROWS, COLUMNS), np.uint8)
        picture[rows, 0] = 100 + number
        (tmp_path / "ground_truth/logical/007").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / f"ground_truth/logical/007/{number:03}.png"), picture)
    (entry,) = read_set(tmp_path).concealed
    assert read_mask(entry).sum() == 5


@pytest.mark.parametrize(
    ("files", "came"),
    [
        (("test/gut/0.tif", "test/bricks/1.tif"), "expected a folder of benign scans in train or test, .* bricks, gut"),
        (("test/good/0.tif", "test/1.tif"), "expected a folder for each kind of scan, came the scan 1.tif"),
        (
            ("test/good/0.tif", "test/press/1.tif", "ground_truth/press/truth-of-1.png"),
            "expected masks called as the scans of .*press are, came truth-of-1.png",
        ),
    ],
)
def test_a_layout_that_would_be_misread_is_refused(tmp_path: Path, files: tuple[str, ...], came: str) -> None:
    for name in files:
        (mask_file if name.startswith("ground") else scan_file)(tmp_path / name)
    with pytest.raises(ScanSetError, match=came):
        read_set(tmp_path)


TWO = [IMAGE | {"width": COLUMNS, "height": ROWS}, {"id": 1, "file_name": "scans/b.tif"}]
TABLE = {"images": TWO, "annotations": [NOTE], "categories": [CATEGORY, {"id": 2, "name": "Normal"}]}


def coco(folder: Path, **changed: object) -> Path:
    (folder / "annotations.json").write_text(json.dumps(TABLE | changed))
    for name in ("a", "b"):
        scan_file(folder / "scans" / f"{name}.tif")
    return folder


@pytest.mark.parametrize(
    ("changed", "came"),
    [
        ({"categories": [CATEGORY, CATEGORY | {"name": "pills"}]}, "different id for each category, came 1 twice"),
        ({"annotations": [NOTE, NOTE | {"image_id": 1}]}, "different id for each annotation, came 0 twice"),
        (
            {"images": [IMAGE, {"id": 1, "file_name": "./scans/a.tif"}]},
            "different file_name for each image, came .*a.tif",
        ),
        (
            {"annotations": [NOTE | {"bbox": [200, 200, 9, 9]}]},
            r"inside a.tif of 30x20 pixels, came \[200, 200, 9, 9\]",
        ),
        ({"annotations": [NOTE | {"bbox": [20, 10, 25, 15]}]}, r"came \[20, 10, 25, 15\]"),  # corners in place of sizes
        ({"annotations": [NOTE | {"bbox": [-5, 0, 9, 9]}]}, r"came \[-5, 0, 9, 9\]"),
    ],
)
def test_annotations_that_contradict_themselves_are_refused(
    tmp_path: Path, changed: dict[str, object], came: str
) -> None:
    with pytest.raises(ScanSetError, match=came):
        read_set(coco(tmp_path, **changed))


def test_a_scan_that_its_set_describes_wrongly_is_refused(tmp_path: Path) -> None:
    far = coco(tmp_path, annotations=[NOTE | {"image_id": 1, "bbox": [40, 0, 9, 9]}])
    with pytest.raises(ScanError, match=r"boxes \[x, y, w, h\] inside b.tif of 30x20 pixels"):
        read_entry(read_set(far).entries[1])
    other = coco(tmp_path, images=[IMAGE | {"width": ROWS, "height": COLUMNS}], annotations=[])
    with pytest.raises(ScanError, match=r"expected \(30, 20\) rows and columns as its set says, came \(20, 30\)"):
        read_entry(read_set(other).entries[0])


def test_a_category_that_means_benign_conceals_nothing(tmp_path: Path) -> None:
    found = read_set(coco(tmp_path, annotations=[NOTE, {"id": 1, "image_id": 1, "category_id": 2}]))
    assert [entry.concealed for entry in found.entries] == [True, False]
    assert found.families == ("press",)


def test_scans_with_one_file_name_are_called_by_their_paths(tmp_path: Path) -> None:
    names = ["a/d/img.tif", "b/d/img.tif", "b/d/img.png", "other.tif"]
    images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
    found = read_set(coco(tmp_path, images=images, annotations=[]))
    assert [entry.name for entry in found.entries] == ["a/d/img", "b/d/img.tif", "b/d/img.png", "other"]


def test_paths_written_on_windows_are_paths(tmp_path: Path) -> None:
    found = read_set(coco(tmp_path, images=[IMAGE | {"file_name": "scans\\a.tif"}], annotations=[]))
    assert read_entry(found.entries[0]).shape == (ROWS, COLUMNS)
    with pytest.raises(ScanSetError, match="path inside the set"):
        read_set(coco(tmp_path, images=[IMAGE | {"file_name": "..\\a.tif"}], annotations=[]))


def benign(source: object) -> list[str]:
    return [Path(scan if isinstance(scan, str) else scan.path).name for scan in list_benign(str(source), SetsAround())]


def test_benign_scans_of_a_set_are_those_that_it_calls_so_however_they_are_named(tmp_path: Path, mvtec: Path) -> None:
    scans = coco(tmp_path / "coco") if (tmp_path / "coco").mkdir() is None else None
    assert scans is not None
    assert benign(scans) == benign(scans / "scans" / "b.tif") == ["b.tif"]
    for source in (scans / "scans", scans / "scans" / "*.tif", scans / "scans" / "a.tif"):
        with pytest.raises(
            ScanSetError, match=r"a\.tif: expected a benign scan, came one that its set calls concealed"
        ):
            benign(source)
    (scans / "annotations.json").unlink()
    found = list_benign(str(mvtec), SetsAround())
    assert [Path(one.path).parent.parent.name for one in found] == ["train"]  # type: ignore[union-attr]
    assert benign(mvtec / "test" / "good") == ["000.tif"]
    with pytest.raises(ScanSetError, match="came a mask of the set"):
        benign(mvtec / "ground_truth" / "press" / "*.png")
    (mvtec / "train" / "good" / "000.tif").unlink()
    assert [scan.split for scan in list_benign(str(mvtec), SetsAround())] == ["test"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "other", ["good/../bricks/1.tif", "masks/0.tif", "Anomaly/1.tif", "instances_val.json", "1.tif"]
)
def test_a_folder_that_seems_to_hold_other_than_benign_scans_is_refused(tmp_path: Path, other: str) -> None:
    scan_file(tmp_path / "good" / "0.tif")
    assert benign(tmp_path) == ["0.tif"]
    scan_file(tmp_path / other)
    with pytest.raises(ScanSetError, match="expected benign scans alone, or a set that says which are, came"):
        benign(tmp_path)


def test_a_set_that_is_not_finished_is_none(tmp_path: Path) -> None:
    scan_file(tmp_path / "scans" / "a.tif")
    mask_file(tmp_path / "masks" / "a.png")
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "recipe.json").write_text("{}")
    with pytest.raises(ScanSetError, match="expected a finished scan set"):
        list_scans(tmp_path)


def test_the_sets_around_scans_are_read_once_for_all_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scans").mkdir()
    named = [scan_file(tmp_path / "scans" / f"{number}.tif") for number in range(4)]
    write_set(tmp_path, [ScanEntry(name=path.stem, path=path) for path in named])
    read = []
    monkeypatch.setattr("nii.io.scanset.read_set", lambda folder: read.append(folder) or read_set(folder))
    sets = SetsAround()
    assert [len(list_benign(str(path), sets)) for path in named] == [1, 1, 1, 1]
    assert read == [tmp_path]


def test_a_link_that_goes_round_hides_no_folder_of_the_mvtec_layout(mvtec: Path) -> None:
    (mvtec / "test" / "round").symlink_to("round")
    (mvtec / "loop").symlink_to("loop")
    assert is_set(mvtec)
    assert len(read_set(mvtec).entries) == 4


def test_a_hidden_file_hides_no_stray_scan(mvtec: Path) -> None:
    scan_file(mvtec / "test" / ".000.tif")
    assert len(read_set(mvtec).entries) == 4
    scan_file(mvtec / "test" / "stray.tif")
    with pytest.raises(ScanSetError, match=r"a folder for each kind of scan, came the scan stray\.tif"):
        read_set(mvtec)
