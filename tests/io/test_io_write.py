"""What is written can be read back exactly, and is never half there."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from nii.errors import OutputError, ScanError
from nii.io import write
from nii.io.read import read_scan
from nii.io.write import write_atomically, write_mask, write_tiff


def test_counts_survive_a_round_trip_exactly(tmp_path: Path, rng: np.random.Generator) -> None:
    counts = rng.integers(0, 65536, (2, 37, 53)).astype(np.uint16)
    levels = np.float32([[[64250]], [[61000.5]]])
    path = tmp_path / "a.tif"
    write_tiff(
        path,
        counts / levels,
        open_beam=[64250, 61000.5],
        pitch_mm=(6.0, 5.5),
        energies=("4MV", "6MV"),
        scanner="s",
    )
    assert np.array_equal(tifffile.imread(path), counts)
    scan = read_scan(path)
    assert np.array_equal(scan.transmission, counts.astype(np.float32) / levels)
    assert (scan.pitch_mm, scan.energies, scan.scanner) == ((6.0, 5.5), ("4MV", "6MV"), "s")


def test_a_second_round_trip_changes_no_byte(tmp_path: Path, rng: np.random.Generator) -> None:
    first, second = tmp_path / "a.tif", tmp_path / "b.tif"
    write_tiff(first, rng.random((1, 30, 30), np.float32), open_beam=64250)
    write_tiff(second, read_scan(first).transmission, open_beam=64250)
    assert first.read_bytes() == second.read_bytes()


def test_noise_beyond_16_bits_saturates(tmp_path: Path) -> None:
    pixels = np.full((1, 16, 16), 0.5, np.float32)
    pixels[0, 0, :2] = (1.2, -0.01)
    write_tiff(tmp_path / "a.tif", pixels, open_beam=64250)
    assert list(tifffile.imread(tmp_path / "a.tif")[0, :2]) == [65535, 0]


def test_every_reader_can_unpack_it(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", np.ones((2, 20, 20), np.float32), open_beam=60000)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages) == 2
        assert {page.compression.name for page in file.pages} == {"ADOBE_DEFLATE"}


@pytest.mark.parametrize("shape", [(2, 777, 301), (1, 17, 140_000)])
def test_other_readers_find_the_same_counts_in_every_strip(
    tmp_path: Path, rng: np.random.Generator, shape: tuple[int, int, int]
) -> None:
    counts = rng.integers(0, 65536, shape, np.uint16)  # differences wrap around
    write_tiff(tmp_path / "a.tif", counts.astype(np.float32), open_beam=1)
    _, pages = cv2.imreadmulti(str(tmp_path / "a.tif"), flags=cv2.IMREAD_UNCHANGED)
    assert np.array_equal(np.stack(pages), counts)
    assert np.array_equal(tifffile.imread(tmp_path / "a.tif", key=range(len(counts))).reshape(shape), counts)


def test_bad_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="NaN"):
        write_tiff(tmp_path / "a.tif", np.full((1, 20, 20), np.nan, np.float32), open_beam=60000)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(write.Path, "replace", refuse)
    with pytest.raises(OutputError, match=r"a\.txt: expected to write 3 bytes, came: disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["a.txt"]


def test_a_mask_is_0_and_255(tmp_path: Path) -> None:
    mask = np.zeros((20, 30), bool)
    mask[3:5, 7:9] = True
    write_mask(tmp_path / "m.png", mask)
    import cv2

    assert np.array_equal(cv2.imread(str(tmp_path / "m.png"), cv2.IMREAD_UNCHANGED), mask * np.uint8(255))


def test_a_name_as_long_as_a_name_can_be_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 251 + ".png")
    write_atomically(path, b"x")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
