"""`nii simulate`: what it says, its exit codes, operator images."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nii.cli import main
from nii.io.scanset import read_entry, read_set
from nii.scan import Kind

pytestmark = pytest.mark.slow


def outcome(*arguments: str | Path) -> int:
    """Exit code of `nii simulate` with these arguments."""
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_operator_images_are_written_and_read_as_such(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    assert outcome("parcel", out, "--scans", "2", "--seed", "8", "--operator-images") == 0
    assert capfd.readouterr().out.splitlines()[-1] == f"{out}: 2 scans of kind parcel, seed 8"
    assert [read_entry(entry).kind for entry in read_set(out).entries] == [Kind.OPERATOR_IMAGE] * 2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["boat"], "nii: kind of scene: expected one of cargo, parcel, vehicle, came boat"),
        (["parcel", "--scans", "0"], "nii: scans: expected 1 to 4294967295, came 0"),
        (["parcel", "--concealed", "nan"], "nii: concealed: expected 0 to 1, came nan"),
        (
            ["phantom", "--operator-images"],
            "nii: --operator-images: expected with cargo, vehicle or parcel, came with phantom",
        ),
        (["phantom", "--held-out"], "nii: --held-out: expected with cargo, came with phantom"),
        (["vehicle", "--held-out"], "nii: held-out kind of scene: expected one of cargo, came vehicle"),
    ],
)
def test_wrong_arguments_are_one_line_and_write_nothing(
    arguments: list[str], line: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert outcome(arguments[0], tmp_path / "set", *arguments[1:]) == 2
    assert capfd.readouterr().err.splitlines() == [line]
    assert not (tmp_path / "set").exists()


def test_ctrl_c_says_how_to_go_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    monkeypatch.setattr("nii.simulate.sets.generate.simulate_set", interrupted)
    assert outcome("parcel", tmp_path / "set") == 130
    assert "interrupted; the same command goes on" in capfd.readouterr().err
