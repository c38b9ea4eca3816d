"""Public sets to scan sets: tiny files of each layout, made here after its public description."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from nii.io.scanset import ScanSet, read_entry, read_mask, read_set
from nii.scan import Kind

pytestmark = pytest.mark.slow

ROWS, COLUMNS = 24, 32


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """datasets/convert.py; that folder is no package."""
    path = Path(__file__).resolve().parents[2] / "datasets" / "convert.py"
    spec = importlib.util.spec_from_file_location("convert", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["convert"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def operator_image(path: Path) -> bytes:
    """White air, a half in orange (organic), a quarter in blue (metal); what was written."""
    rgb = np.full((ROWS, COLUMNS, 3), 255, np.uint8)
    rgb[:, 8:24] = (230, 140, 40)
    rgb[:, 24:] = (50, 80, 200)
    return encoded(path, rgb[..., ::-1])


def grey_image(path: Path) -> bytes:
    grey = np.full((ROWS, COLUMNS), 230, np.uint8)
    grey[6:18, 6:26] = 90
    return encoded(path, grey)


def encoded(path: Path, image: np.ndarray) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path.read_bytes()


def text_file(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def truth(scans: ScanSet) -> dict[str, list[tuple[str, tuple[int, int, int, int] | None]]]:
    """Categories and boxes by name of the scan."""
    return {
        entry.name: [(annotation.family, annotation.box) for annotation in entry.annotations] for entry in scans.entries
    }


# SIXray

VOC = """<annotation><filename>P00001.jpg</filename><size><width>32</width><height>24</height></size>
<object><name>Gun</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>13</xmax><ymax>9</ymax></bndbox></object>
<object><name>Knife</name><bndbox><xmin>20</xmin><ymin>10</ymin><xmax>40</xmax><ymax>14</ymax></bndbox></object>
</annotation>"""


@pytest.fixture
def sixray(tmp_path: Path) -> Path:
    source = tmp_path / "SIXray"
    for name in ("P00001", "P00002", "P00003", "N00001"):
        operator_image(source / "JPEGImage" / f"{name}.jpg")
    text_file(source / "Annotation" / "P00001.xml", VOC)
    head = "name,Gun,Knife,Wrench,Pliers,Scissors\n"
    rows = "P00001,1,1,-1,-1,-1\nP00002,-1,-1,1,-1,-1\nP00003,-1,-1,-1,-1,-1\nN00001,-1,-1,-1,-1,-1\n"
    text_file(source / "ImageSet" / "10" / "test.csv", head + rows)
    text_file(source / "ImageSet" / "10" / "train.csv", head + "N00001,-1,-1,-1,-1,-1\n")
    return source


def test_sixray_has_boxes_where_drawn_and_negatives_are_benign(script, sixray, tmp_path):
    assert script.main(["sixray", str(sixray), str(tmp_path / "out")]) == 0
    test = read_set(tmp_path / "out" / "10-test")
    assert truth(test) == {
        "P00001": [("Gun", (3, 4, 10, 5)), ("Knife", (20, 10, 12, 4))],  # cut at the picture's edge, column 32
        "P00002": [("Wrench", None)],  # known by the table only
        "P00003": [("Hammer", None)],  # the sixth class has no column in the tables
        "N00001": [],
    }
    assert test.families == ("Gun", "Hammer", "Knife", "Wrench")
    assert all(entry.mask_path is None for entry in test.entries)  # a box is no outline
    assert [entry.name for entry in read_set(tmp_path / "out" / "10-train").benign] == ["N00001"]
    assert "academic use only" in json.loads((test.path / "annotations.json").read_text())["info"]["description"]


def test_operator_images_are_copied_byte_for_byte(script, sixray, tmp_path):
    script.main(["sixray", str(sixray), str(tmp_path / "out"), "--part", "10-test"])
    entry = read_set(tmp_path / "out" / "10-test").entries[0]
    assert entry.path.read_bytes() == (sixray / "JPEGImage" / "P00001.jpg").read_bytes()
    assert read_entry(entry).kind is Kind.OPERATOR_IMAGE
    assert entry.size == (ROWS, COLUMNS)
    assert not (tmp_path / "out" / "10-train").exists()  # only the part that was asked for


def test_scans_are_copied_where_links_are_refused(script, sixray, tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(script.os, "link", refuse)
    assert script.main(["sixray", str(sixray), str(tmp_path / "out")]) == 0
    entry = read_set(tmp_path / "out" / "10-test").entries[0]
    assert entry.path.read_bytes() == (sixray / "JPEGImage" / "P00001.jpg").read_bytes()
    assert entry.path.stat().st_nlink == 1


def test_only_named_categories_count_as_concealed(script, sixray, tmp_path):
    script.main(["sixray", str(sixray), str(tmp_path / "out"), "--part", "10-test", "--categories", "Knife", "Hammer"])
    found = read_set(tmp_path / "out" / "10-test")
    assert truth(found)["P00001"] == [("Knife", (20, 10, 12, 4))]
    assert [entry.name for entry in found.benign] == ["P00002", "N00001"]


# COCO: PIDray, MIRO cargo, CargoX

SQUARE = [4, 5, 12, 5, 12, 11, 4, 11]  # 8 x 6 pixels


def coco(*notes: dict, file_name: str = "a.png") -> str:
    images = [{"id": 7, "file_name": file_name, "width": COLUMNS, "height": ROWS}, {"id": 8, "file_name": "b.png"}]
    rows = [{"id": number, "image_id": 7, "category_id": 2, **note} for number, note in enumerate(notes)]
    return json.dumps({"images": images, "annotations": rows, "categories": [{"id": 2, "name": "Hammer"}]})


def test_pidray_has_a_set_per_difficulty_with_masks_of_its_outlines(script, tmp_path):
    source = tmp_path / "pidray"
    for folder, table in (("train", "xray_train"), ("hidden", "xray_test_hidden")):
        for name in ("a.png", "b.png"):
            operator_image(source / folder / name)
        note = {"bbox": [4, 5, 8, 6], "segmentation": [SQUARE]}
        text_file(source / "annotations" / f"{table}.json", coco(note))
    assert script.main(["pidray", str(source), str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["hidden", "train"]
    found = read_set(tmp_path / "out" / "hidden")
    assert truth(found) == {"a": [("Hammer", (4, 5, 8, 6))], "b": []}
    mask = read_mask(found.entries[0])
    assert mask[5:11, 4:12].all()
    assert mask.sum() == 8 * 6
    assert found.entries[1].mask_path is None


@pytest.mark.parametrize("place", ["", "images", "cargox", "images/cargox", "images_cargox"])
def test_miro_cargo_is_read_wherever_its_archives_were_unpacked(script, tmp_path, place):
    source = tmp_path / "miro"
    grey_image(source / place / "a.png")
    grey_image(source / place / "b.png")
    text_file(source / "annotations" / "cargox_coco.json", coco({"bbox": [4.5, 5, 7.2, 6]}))
    assert script.main(["miro", str(source), str(tmp_path / "out")]) == 0
    found = read_set(tmp_path / "out" / "cargox")
    assert truth(found) == {"a": [("Hammer", (4, 5, 8, 6))], "b": []}  # rounded outwards
    assert found.entries[0].mask_path is None
    assert read_entry(found.entries[0]).kind is Kind.TRANSMISSION


def test_folders_in_file_names_keep_names_apart(script, tmp_path):
    source = tmp_path / "cargox"
    grey_image(source / "deep" / "b.png")
    grey_image(source / "b.png")
    text_file(source / "annotations" / "train.json", coco({"bbox": [1, 1, 2, 2]}, file_name="deep/b.png"))
    assert script.main(["cargox", str(source), str(tmp_path / "out")]) == 0
    assert set(truth(read_set(tmp_path / "out" / "train"))) == {"deep-b", "b"}


def test_outlines_are_what_the_reference_decoder_makes_of_them(script):
    """Expected numbers from pycocotools 2.0: two overlapping boxes, 61 pixels, encoded by its mask.encode."""
    wanted = np.zeros((20, 24), bool)
    wanted[3:9, 2:7] = wanted[5:12, 6:11] = True
    compressed = {"size": [20, 24], "counts": "[16>0000003ON000000o7"}
    assert (script.outline(compressed, (20, 24)) == wanted).all()
    runs = {"size": [20, 24], "counts": script.run_lengths(compressed["counts"])}
    assert (script.outline(runs, (20, 24)) == wanted).all()
    triangle = script.outline([[0, 0, 20, 0, 0, 20], [22, 0, 24, 0, 24, 2, 22, 2]], (20, 24))
    assert triangle.sum() == 190 + 4  # half of 400 without the middles on the slanted edge, and a square of 2 x 2


# OPIXray, HiXray


@pytest.mark.parametrize("layout", ["opixray", "hixray"])
def test_a_line_of_opixray_and_hixray_is_a_box(script, tmp_path, layout):
    source = tmp_path / "source"
    for part in ("train", "test"):
        for name in ("000001", "000002"):
            operator_image(source / part / f"{part}_image" / f"{name}.jpg")
        notes = source / part / f"{part}_annotation"
        lines = "000001.jpg Multi-tool_Knife 3 4 13 9\n000001.jpg Scissor 20 10 30 14\n"
        text_file(notes / "000001.txt", lines)
        text_file(notes / "000002.txt", "")
    assert script.main([layout, str(source), str(tmp_path / "out")]) == 0
    for part in ("train", "test"):
        found = read_set(tmp_path / "out" / part)
        boxes = [("Multi-tool_Knife", (3, 4, 10, 5)), ("Scissor", (20, 10, 10, 4))]
        assert truth(found) == {"000001": boxes, "000002": []}


# GDXray


def test_gdxray_takes_the_pictures_that_have_boxes(script, tmp_path):
    source = tmp_path / "GDXray"
    for number in (1, 2, 3):
        grey_image(source / "Baggages" / "B0046" / f"B0046_{number:04d}.png")
    rows = "  1.0e+00   3   13   4   9\n2 20 30 14 10\n2 1 2 3 4\n"  # number, x1, x2, y1, y2; a corner exchanged
    text_file(source / "Baggages" / "B0046" / "ground_truth.txt", rows)
    assert script.main(["gdxray", str(source), str(tmp_path / "out")]) == 0
    found = read_set(tmp_path / "out" / "Baggages")
    assert truth(found) == {
        "B0046_0001": [("object", (3, 4, 10, 5))],
        "B0046_0002": [("object", (20, 10, 10, 4)), ("object", (1, 3, 1, 1))],
    }
    assert script.main(["gdxray", str(source / "Baggages"), str(tmp_path / "again")]) == 0  # a group by itself
    assert len(read_set(tmp_path / "again" / "Baggages").entries) == 2


# COMPASS-XP


def test_compass_xp_is_concealed_where_its_table_says_dangerous(script, tmp_path):
    source = tmp_path / "COMPASS-XP"
    for name in ("0001", "0002"):
        operator_image(source / "Colour" / f"{name}.png")
    rows = "basename\tclass\tdangerous\tinstance\n0001\thatchet\tTrue\t1\n2\tteapot\tFalse\t1\n"
    text_file(source / "meta.txt", rows)
    assert script.main(["compass-xp", str(source), str(tmp_path / "out")]) == 0
    found = read_set(tmp_path / "out" / "colour")
    assert truth(found) == {"0001": [("hatchet", None)], "0002": []}
    assert [entry.cargo for entry in found.entries] == [None, "teapot"]


# What goes wrong


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("sixray", "ImageSet/10/train.csv"),
        ("pidray", "annotations/xray_train.json"),
        ("miro", "annotations/PART.json in COCO"),
        ("cargox", "annotations/PART.json in COCO"),
        ("opixray", "train/train_annotation/NAME.txt"),
        ("hixray", "train/train_annotation/NAME.txt"),
        ("gdxray", "Baggages/B0046/ground_truth.txt"),
        ("compass-xp", "meta.txt"),
    ],
)
def test_another_layout_is_one_clear_line(script, tmp_path, capsys, layout, expected):
    assert script.main([layout, str(tmp_path), str(tmp_path / "out")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"expected {expected}" in line
    assert "came a folder without it" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("layout", "name", "content", "expected"),
    [
        ("sixray", "ImageSet/10/test.csv", "picture,Gun\nP1,1\n", "expected a column name"),
        ("sixray", "ImageSet/10/test.csv", "name,Gun\nP1,yes\n", "expected a column name"),
        ("pidray", "annotations/xray_train.json", "[]", "expected COCO"),
        ("pidray", "annotations/xray_train.json", "{", "expected COCO"),
        ("miro", "annotations/a.json", coco({"bbox": [1, 2]}), "expected COCO"),
        ("miro", "annotations/a.json", coco({"bbox": [1, 2, 3, float("nan")]}), "expected COCO"),
        ("cargox", "annotations/a.json", coco(file_name="../../a.png"), "expected a file inside the set"),
        ("opixray", "test/test_annotation/a.txt", "a.jpg Straight Knife 1 2 3 4\n", "expected picture, category"),
        ("gdxray", "Welds/W0001/ground_truth.txt", "1 2 3\n", "expected number, x1, x2, y1, y2"),
        ("gdxray", "Welds/W0001/ground_truth.txt", "\xff\xfe", "expected number, x1, x2, y1, y2"),
        ("compass-xp", "meta.txt", "basename\tclass\n0001\tteapot\n", "expected columns basename"),
        ("compass-xp", "meta.txt", "basename\tclass\tdangerous\n1\tteapot\tperhaps\n", "expected columns basename"),
    ],
)
def test_wrong_annotations_are_one_line_that_names_the_file(script, tmp_path, capsys, layout, name, content, expected):
    text_file(tmp_path / name, content)
    assert script.main([layout, str(tmp_path), str(tmp_path / "out")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert expected in line
    assert Path(name).name in line or "a.png" in line


def test_entities_in_xml_are_refused(script, sixray, tmp_path, capsys):
    text_file(sixray / "Annotation" / "P00001.xml", '<!DOCTYPE a [<!ENTITY b "c">]>' + VOC)
    assert script.main(["sixray", str(sixray), str(tmp_path / "out")]) == 2
    assert "without a document type" in capsys.readouterr().err


def test_pictures_that_cannot_be_used_are_left_out_and_counted(script, sixray, tmp_path, capsys):
    (sixray / "JPEGImage" / "P00002.jpg").write_bytes(b"\xff\xd8\xff broken")
    (sixray / "JPEGImage" / "P00003.jpg").unlink()
    text_file(
        sixray / "Annotation" / "P00001.xml", VOC.replace("<xmin>3", "<xmin>200").replace("<xmax>13", "<xmax>210")
    )
    assert script.main(["sixray", str(sixray), str(tmp_path / "out"), "--part", "10-test"]) == 1
    assert set(truth(read_set(tmp_path / "out" / "10-test"))) == {"N00001"}
    [line] = capsys.readouterr().err.splitlines()
    assert "left out 3 of 4, the first: " in line
    assert "expected a box inside 32x24, came [200, 4, 10, 5]" in line


def test_outlines_of_another_size_leave_the_picture_out(script, tmp_path, capsys):
    source = tmp_path / "pidray"
    operator_image(source / "train" / "a.png")
    operator_image(source / "train" / "b.png")
    runs = {"size": [ROWS, COLUMNS], "counts": [5, 10**12]}
    text_file(source / "annotations" / "xray_train.json", coco({"bbox": [1, 1, 2, 2], "segmentation": runs}))
    assert script.main(["pidray", str(source), str(tmp_path / "out")]) == 1
    assert "run lengths that don't fill 32x24" in capsys.readouterr().err
    assert set(truth(read_set(tmp_path / "out" / "train"))) == {"b"}


def test_a_set_that_is_there_is_not_written_over(script, sixray, tmp_path, capsys):
    arguments = ["sixray", str(sixray), str(tmp_path / "out")]
    assert script.main(arguments) == 0
    capsys.readouterr()
    assert script.main(arguments) == 2
    assert "expected a folder that isn't there yet" in capsys.readouterr().err


def test_an_unknown_part_is_named_with_the_known_ones(script, sixray, tmp_path, capsys):
    assert script.main(["sixray", str(sixray), str(tmp_path / "out"), "--part", "1000-test"]) == 2
    assert "expected a part of 10-test, 10-train, came 1000-test" in capsys.readouterr().err
