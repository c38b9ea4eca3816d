"""Changed since last time? Other goods, speed and dose are no change; a filled beam is one, and lies where it is."""

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from nii.analysis.empty.inside import GRID_MM
from nii.analysis.fields import ChangeAnswer
from nii.cli import main
from nii.compare.align import align
from nii.compare.changes import ChangedRegion, Changes, PairStandard, find_changes, standard
from nii.compare.difference import KINDS
from nii.compare.pair import Area, look
from nii.compare.picture import picture
from nii.compare.places import attenuation, find_places
from nii.errors import CalibrationError
from nii.io.write import write_tiff
from nii.physics.mass import Mass, MaterialClass
from nii.scan import Kind, Scan
from nii.studies.compare import PairTrial, figures
from nii.studies.compare_standard import SCALE, drawn_changes, scales_of, standard_of

pytestmark = pytest.mark.slow

Painted = npt.NDArray[np.float32]
TANK = (slice(320, 336), slice(300, 420))  # rows and columns below the floor
LOAD = (slice(150, 290), slice(100, 300))
OTHER_LOAD = (slice(200, 290), slice(250, 600))


def container(load: tuple[slice, slice] | None = None, *, tank: float = 0.0, roof: float = 0.0) -> Painted:
    """Attenuation on the grid of a 6 m container on a chassis, drawn by hand; tank and roof: of what is added there."""
    A = np.zeros((370, 760), np.float32)
    A[30:300, 50:650] = 0.15 + 0.02 * np.sin(np.arange(600) / 5)[None]
    A[30:80, 50:650] += 0.4  # the roof, seen from below
    A[290:340, 50:650] = 1.0 + 0.5 * (np.arange(600) % 37 < 5)[None]  # floor with its cross members
    A[30:340, 50:65] = A[30:340, 635:650] = 1.5
    A[340:352, 120:640] = 0.8  # chassis
    for middle in (180, 460, 540):
        cv2.circle(A, (middle, 352), 17, 1.2, -1)
    A[TANK] += tank
    A[84:92, 350:450] += roof  # hangs free, below the roof
    if load is not None:
        A[load] += 1.3
    return A


def scan_of(
    A: Painted, *, stretch: float = 1.0, wave: float = 0.0, shift: int = 0, noise: float = 0.002, seed: int = 1
) -> Scan:
    """A passage at another speed, which swings so that columns are off by up to `wave` points, `shift` to the right."""
    wide = cv2.resize(A, (round(A.shape[1] * stretch), A.shape[0]), interpolation=cv2.INTER_AREA)
    x, y = np.meshgrid(np.arange(wide.shape[1], dtype=np.float32), np.arange(len(wide), dtype=np.float32))
    wide = cv2.remap(wide, x + wave * np.sin(x / 80), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    T = np.exp(-cv2.GaussianBlur(np.roll(wide, shift, axis=1), (0, 0), 0.7))
    rng = np.random.default_rng(seed)
    noisy = [T * rng.normal(1, noise, T.shape) for _ in range(2)]
    return Scan(
        transmission=np.clip(noisy, 1e-4, None).astype(np.float32),
        pitch_mm=(GRID_MM, GRID_MM),
        energies=("4MV", "6MV"),
        path="painted",
    )


@pytest.fixture(scope="module")
def earlier() -> Scan:
    return scan_of(container(LOAD))


def test_another_load_a_shift_a_stretch_and_half_the_dose_are_no_change(earlier: Scan):
    later = scan_of(container(OTHER_LOAD), stretch=1.05, wave=1.5, shift=9, noise=0.003, seed=2)
    found = find_changes(earlier, later)
    assert found.answer is not ChangeAnswer.CHANGED
    assert found.regions == ()
    assert found.p_value is not None
    assert found.p_value > 0.01
    assert 0.3 < found.compared < 0.9


@pytest.mark.parametrize("added", [True, False])
def test_what_was_put_under_the_floor_is_found_where_it_lies(earlier: Scan, added: bool):
    passages = earlier, scan_of(container(OTHER_LOAD, tank=0.4), stretch=1.05, shift=9, noise=0.003, seed=2)
    found = find_changes(*(passages if added else passages[::-1]))
    assert found.answer is ChangeAnswer.CHANGED
    region = found.regions[0]
    assert region.added == added
    x, y, w, h = region.box
    start, end = (300 * 1.05 + 9, 420 * 1.05 + 9) if added else (300, 420)
    assert (x, x + w) == pytest.approx((start, end), abs=5)
    assert (y, y + h) == pytest.approx((320, 336), abs=3)
    assert found.to_record().regions[0].change == ("added" if added else "missing")


def test_what_hangs_free_below_the_roof_is_a_change_and_what_stands_on_the_floor_is_none(earlier: Scan):
    found = find_changes(earlier, scan_of(container(OTHER_LOAD, roof=0.3), seed=2))
    assert found.answer is ChangeAnswer.CHANGED
    assert found.regions[0].box[1] == pytest.approx(84, abs=6)


def test_a_passage_the_other_way_is_laid_over_the_first(earlier: Scan):
    later = scan_of(container(OTHER_LOAD), stretch=0.94, wave=2.5, shift=-8, seed=3)
    turned = Scan(
        transmission=np.ascontiguousarray(later.transmission[..., ::-1]),
        pitch_mm=later.pitch_mm,
        energies=later.energies,
    )
    found = align(attenuation(earlier), attenuation(turned))
    assert found.mirrored
    assert found.stretch == pytest.approx(0.94, abs=0.006)
    truth = np.exp(-attenuation(turned).mean(axis=0))
    below = slice(300, 350)  # where no load lies
    apart = np.abs(np.exp(-found.before.mean(axis=0)) - truth)[below, 60:600]
    assert np.median(apart) < 0.005
    assert np.percentile(apart, 95) < 0.05  # cross members a point off would differ by 0.14


def test_loads_are_left_out_with_all_that_lies_below_their_top(earlier: Scan):
    A, B = (container(load)[None].repeat(2, 0) for load in (LOAD, OTHER_LOAD))
    places = find_places(A[0], B[0], np.ones(A.shape[1:], np.bool_))
    assert len(places.rooms) == 1
    for load in (LOAD, OTHER_LOAD):
        assert not places.comparable[load].any()
    assert places.comparable[100:140, 120:600].all()
    assert places.comparable[342:350, 130:630].mean() > 0.9


def test_dead_rows_are_filled_from_the_rows_beside_them(earlier: Scan):
    dead = earlier.transmission.copy()
    dead[:, 345] = 0
    broken = Scan(transmission=dead, pitch_mm=earlier.pitch_mm, energies=earlier.energies)
    np.testing.assert_allclose(attenuation(broken)[:, 345], attenuation(earlier)[:, 344], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"pitch_mm": None}, "pixel pitch of the later scan unknown"),
        ({"pitch_mm": (0.02, 0.02)}, "smaller than any conveyance"),
        ({"energies": ("160kV-low", "160kV-high")}, "made for MV energies"),
        ({"energies": ("6MV", "9MV")}, "different energies: 4MV, 6MV and 6MV, 9MV"),
        ({"transmission": np.ones((3, 300, 700), np.float32), "energies": (), "kind": Kind.OPERATOR_IMAGE}, "operator"),
        (
            {"transmission": 1 - np.pad(np.full((2, 60, 80), 0.6, np.float32), ((0, 0), (99, 120), (300, 320)))},
            "don't show",
        ),
    ],
)
def test_what_cannot_be_compared_is_undetermined_and_says_why(earlier: Scan, change: dict[str, object], why: str):
    fields = {"transmission": earlier.transmission, "pitch_mm": earlier.pitch_mm, "energies": earlier.energies} | change
    found = find_changes(earlier, Scan(**fields))  # type: ignore[arg-type]
    assert found.answer is ChangeAnswer.UNDETERMINED
    assert why in found.why
    assert found.to_record().p_value is None
    assert why in found.line()


def test_a_full_container_leaves_too_little_to_compare():
    full = container((slice(30, 369), slice(50, 650)))
    full[30:369, 50:650] += 4
    passages = [scan_of(full + np.float32(0.001), seed=seed) for seed in (1, 2)]
    found = find_changes(*passages)
    assert found.answer is ChangeAnswer.UNDETERMINED
    assert "of the conveyance can be compared" in found.why


def test_the_answer_keeps_its_budget_and_leaves_a_doubt(earlier: Scan):
    same = scan_of(container(OTHER_LOAD), seed=2)
    score = standard().score(look(earlier, same).measured())
    scales = standard().scales
    ranked = [PairStandard(scales, (*[score / 2] * (100 - n), *[2 * score] * n)) for n in (0, 2, 20)]
    answers = [find_changes(earlier, same, by) for by in ranked]  # p-values of 1, 3 and 21 in 101
    assert [answer.answer for answer in answers] == [
        ChangeAnswer.CHANGED,
        ChangeAnswer.UNDETERMINED,
        ChangeAnswer.UNCHANGED,
    ]
    assert "as in 3.0% of unchanged pairs" in answers[1].why
    with pytest.raises(CalibrationError, match="expected at least"):
        find_changes(earlier, same, ranked[0], pfa=0.001)


def test_the_shipped_standard_supports_its_budget():
    by = standard()
    assert len(by.scales) == len(KINDS)
    assert by.p_value(1e9) <= 0.01
    assert list(by.scores) == sorted(by.scores)
    assert by.command.startswith("nii study compare_standard")


def test_scales_are_a_quantile_of_each_measure_and_mass_ratios_are_ranked():
    first = np.arange(101.0)[:, None] * np.ones(len(KINDS))
    assert SCALE == 95
    assert scales_of(list(first)) == [95.0] * len(KINDS)
    made = standard_of(PairStandard((1.0,) * len(KINDS), (0.5, 2.0)), [1.5, 0.5], "command")
    assert made["scores"] == [0.5, 2.0]
    assert made["mass_ratios"] == [0.5, 1.5]


def test_the_mass_of_a_layer_under_the_floor_is_told_with_the_ratios_of_known_ones(earlier: Scan):
    # 0.4 over 16 x 120 points of 1 cm2; water attenuates 0.0494 cm2/g at 2 MeV (NIST), the beams' mean behind a floor
    later = scan_of(container(OTHER_LOAD, tank=0.4), noise=0.003, seed=2)
    seen = look(earlier, later)
    mask = np.zeros(seen.places.inside.shape, np.bool_)
    mask[TANK] = True
    mass = seen.mass(Area(mask, added=True, peak=1.0), later.energies)
    assert mass is not None
    assert mass.kg == pytest.approx(0.4 / 0.0494 * 16 * 120 / 1000, rel=0.15)
    by = PairStandard(standard().scales, standard().scores, (1.0,) * 20 + (2.0,) * 20)
    told = find_changes(earlier, later, by).to_record().regions[0]
    assert told.mass_low_kg <= told.mass_kg <= told.mass_high_kg
    assert told.mass_high_kg == pytest.approx(2 * told.mass_low_kg, rel=0.01)


def test_figures_count_what_is_found_by_kind_and_mass():
    region = ChangedRegion((0, 0, 5, 5), added=True, score=2.0, p_value=0.005, mass=Mass(
        10.0, 8.0, 12.0, MaterialClass.ORGANIC, 6.0, 5.0, 7.0, 1.0, 1.0))  # fmt: skip
    yes = Changes(ChangeAnswer.CHANGED, 2.0, 0.005, regions=(region,), compared=0.5)
    no = Changes(ChangeAnswer.UNCHANGED, 0.5, 0.5, compared=0.7)
    made = figures(
        [
            PairTrial("20ft", None, 0.0, mirrored=False, hit=False, found=no),
            PairTrial("20ft", "beam_hide", 11.0, mirrored=False, hit=True, found=yes),
            PairTrial("20ft", "beam_hide", 2.0, mirrored=True, hit=False, found=no),
        ]
    )
    assert made["unchanged"]["hits"] == 0
    assert made["by_change"]["beam_hide"]["rate"] == 0.5
    assert made["by_kg"]["10 to 30"] == {"hits": 1, "n": 1, "rate": 1.0, "ci": [0.025, 1.0]}
    assert made["by_way"]["opposite"]["n"] == 1
    assert made["mass_in_90_interval"]["hits"] == 1
    assert made["compared_median"] == 0.7


def test_changes_are_drawn_anew_for_each_pair_and_the_same_again():
    assert drawn_changes(1, 2, 3) == drawn_changes(1, 2, 3)
    assert len({tuple(drawn_changes(1, index, 3)) for index in range(20)}) > 5


def test_the_command_prints_one_line_and_writes_json_and_picture(earlier: Scan, tmp_path: Path, capsys):
    later = scan_of(container(OTHER_LOAD, tank=0.4), seed=2)
    for name, scan in (("before", earlier), ("after", later)):
        write_tiff(
            tmp_path / f"{name}.tif",
            scan.transmission,
            open_beam=64250,
            pitch_mm=(GRID_MM, GRID_MM),
            energies=("4MV", "6MV"),
            scanner="gate-1",
        )
    names = [str(tmp_path / f"{name}.tif") for name in ("before", "after")]
    with pytest.raises(SystemExit) as ended:
        main(["compare", *names, "--out", str(tmp_path / "out.json"), "--overlay", str(tmp_path / "out.png")])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert said.startswith("changed  p 0.0")
    record = json.loads((tmp_path / "out.json").read_text())
    assert record["answer"] == "changed"
    assert record["after"] == names[1]
    shown = cv2.imread(str(tmp_path / "out.png"))
    assert shown.shape[0] > 2 * later.shape[0]
    with pytest.raises(SystemExit) as refused:
        main(["compare", names[0], str(tmp_path / "none.tif")])
    assert refused.value.code == 2
    assert "none.tif" in capsys.readouterr().err


def test_the_picture_paints_more_red_less_blue_and_the_hidden_grey(earlier: Scan):
    apart = np.full((earlier.shape), np.nan, np.float32)
    apart[0, :3] = 0, 1, -1
    region = ChangedRegion((300, 300, 20, 20), added=True, score=2.0, p_value=0.005, mass=None)
    found = Changes(ChangeAnswer.CHANGED, 2.0, 0.005, regions=(region,), difference=apart)
    row = picture(earlier, found)[-earlier.shape[0]]
    assert row[:4].tolist() == [[255, 255, 255], [40, 40, 230], [230, 120, 30], [215, 215, 215]]
    assert picture(earlier, Changes(ChangeAnswer.UNDETERMINED, why="no")).shape[0] < earlier.shape[0] + 40
