"""The empty test: a bare inside is not loaded, a small thing in it is, a full one is, and what can't be told is not."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from nii.analysis.empty.background import column_noise, continued, in_sigmas, residual, row_noise, standing_out
from nii.analysis.empty.inside import GRID_MM, find_rooms, on_grid
from nii.analysis.empty.load import KINDS, PFA, EmptyStandard, LoadResult, find_load, standard
from nii.analysis.fields import LoadAnswer
from nii.errors import CalibrationError, UsageError
from nii.scan import Kind, Scan
from nii.studies.empty import MASSES_KG, EmptyTrial, figures
from nii.studies.empty_scenes import EmptyScene, draw_empty, draw_small_load
from nii.studies.empty_standard import SCALE, standard_of

pytestmark = pytest.mark.slow

SEED = 5501  # of tests; no seed of the standard or of its figures
Painted = npt.NDArray[np.float32]


def box_of(walls: float = 0.15, noise: float = 0.002, seed: int = 1) -> Painted:
    """Attenuation on the grid of a 6 m container, drawn by hand: posts, corrugated walls, roof and floor bands."""
    rng = np.random.default_rng(seed)
    A = np.zeros((340, 700), np.float32)
    A[30:300, 50:650] = walls + 0.02 * np.sin(np.arange(600) / 5)[None]
    A[30:80, 50:650] += 0.4  # the roof, seen from below
    A[290:340, 50:650] = 1.0 + 0.5 * (np.arange(600) % 30 < 5)[None]  # floor with its cross members
    A[30:340, 50:65] = A[30:340, 635:650] = 1.5
    return np.asarray(A + rng.normal(0, noise, A.shape), np.float32)


def scan_of(A: Painted) -> Scan:
    return Scan(
        transmission=np.exp(-np.stack([A, A])).astype(np.float32), pitch_mm=(GRID_MM, GRID_MM), energies=("4MV", "6MV")
    )


@pytest.fixture(scope="module")
def scene() -> EmptyScene:
    """A simulated one, without a load."""
    return draw_empty(np.random.default_rng((SEED, 0)))


def test_the_inside_lies_between_posts_roof_and_floor():
    (room,) = find_rooms(box_of())
    assert 65 <= room.columns[0] <= 80
    assert 620 <= room.columns[1] <= 635
    assert 285 <= room.rows[1] <= 291
    assert room.rows[1] - room.rows[0] == 150  # the lower 1.5 m
    assert room.level == pytest.approx(0.15, abs=0.03)


def test_two_containers_on_one_car_are_two_insides():
    A = box_of()
    assert len(find_rooms(np.hstack([A, A]))) == 2


def test_a_cab_is_no_inside():
    assert find_rooms(box_of()[:, :250]) == []


def test_the_grid_keeps_attenuation_and_turns_millimetres_into_points():
    T = np.full((2, 200, 400), np.exp(-0.7), np.float32)
    A = on_grid(Scan(transmission=T, pitch_mm=(5.0, 20.0)), (5.0, 20.0))
    assert A.shape == (2, 100, 800)
    np.testing.assert_allclose(A, 0.7, atol=1e-5)


def test_walls_that_every_row_shares_leave_no_residual_and_a_brick_stays():
    rng = np.random.default_rng(3)
    wall = rng.normal(0, 0.05, 300)[None] * np.linspace(0.9, 1.1, 100)[:, None] + np.linspace(0, 0.2, 100)[:, None]
    strip = (wall + rng.normal(0, 0.001, (100, 300))).astype(np.float32)
    strip[80:88, 150:170] += 0.1
    left = residual(strip)
    assert left[80:88, 150:170].mean() == pytest.approx(0.1, abs=0.01)
    left[80:88, 150:170] = 0
    assert left.std() < 0.002


def test_what_stands_out_is_counted_in_its_own_noise():
    rng = np.random.default_rng(4)
    left = rng.normal(0, 0.01, (100, 400)).astype(np.float32)
    everywhere = np.ones(left.shape, np.bool_)

    def found(image: Painted, where: npt.NDArray[np.bool_] = everywhere) -> Painted:
        return in_sigmas(standing_out(image, where, column_noise(image)))

    assert found(left).max() < 6
    np.testing.assert_allclose(found(7 * left), found(left), atol=0.05)
    left[50:58, 200:208] += 0.03
    assert np.unravel_index(found(left)[1].argmax(), left.shape) == pytest.approx((54, 204), abs=4)
    left_out = everywhere.copy()
    left_out[50:58, 200:208] = False
    assert found(left, left_out)[1].max() < 6


def test_a_thing_that_covers_the_whole_height_of_the_floor_strip_stays():
    rng = np.random.default_rng(6)
    wall = np.tile(0.02 * np.sin(np.arange(600) / 5), (100, 1))
    inside = (wall + rng.normal(0, 0.002, wall.shape)).astype(np.float32)
    floor = (0.6 + 1.2 * wall[:10] + rng.normal(0, 0.002, (10, 600))).astype(np.float32)
    floor[:, 300:320] += 0.1
    left = continued(floor, inside)
    assert left[:, 300:320].mean() == pytest.approx(0.1, abs=0.005)
    assert standing_out(left, np.ones(left.shape, np.bool_), row_noise(left))[1].max() > 10


def test_a_simulated_empty_conveyance_is_not_called_loaded(scene: EmptyScene):
    found = find_load(scene.scan([], np.random.default_rng(1)))
    assert found.answer is not LoadAnswer.LOADED
    assert found.p_value is not None
    assert found.p_value > PFA
    assert found.mass is None
    assert found.boxes == ()


def test_a_heavy_brick_on_the_floor_is_found_where_it_lies(scene: EmptyScene):
    part = draw_small_load(np.random.default_rng(2), scene.rooms[0], "brick", 20.0, "floor")
    found = find_load(scene.scan([part], np.random.default_rng(3)))
    assert found.answer is LoadAnswer.LOADED
    middle = sum(part.shape.bounds.x) / 2
    column = int(np.abs(scene.view.x - middle).argmin())
    column = scene.view.x.size - 1 - column if scene.scanner.mirrored else column
    assert found.mass is not None
    assert found.mass.low < 20 < found.mass.high
    assert len(standard().mass_ratios) >= 100  # so that the interval is that of small loads, not of noise alone
    x, _, w, _ = found.boxes[0]
    assert x - 5 <= column <= x + w + 5
    assert [section.answer for section in found.sections if section.columns[0] <= column < section.columns[1]] == [
        LoadAnswer.LOADED
    ]
    assert sum(section.answer is LoadAnswer.LOADED for section in found.sections) <= 2


@pytest.mark.parametrize(
    "fill",
    [
        lambda A: A.__setitem__((slice(80, 290), slice(70, 630)), 1.6),
        lambda A: A.__setitem__((slice(80, 290), slice(100, 220)), 0.6),
    ],
    ids=["full", "a metre, from floor to roof"],
)
def test_a_large_load_is_loaded(fill: Callable[[Painted], None]):
    assert find_load(scan_of(box_of())).answer is not LoadAnswer.LOADED
    A = box_of()
    fill(A)
    assert find_load(scan_of(A)).answer is LoadAnswer.LOADED


def test_a_level_layer_of_pallets_from_end_to_end_is_not_called_empty():
    A = box_of()
    A[190:290, 70:630] = 1.6
    assert find_load(scan_of(A)).answer is not LoadAnswer.EMPTY


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"pitch_mm": None}, "pitch"),
        ({"energies": ("160kV-low", "160kV-high")}, "MV"),
        (
            {"transmission": 1 - np.pad(np.full((2, 60, 80), 0.6, np.float32), ((0, 0), (120, 120), (300, 320)))},
            "3.5 m",
        ),
    ],
)
def test_what_cannot_be_told_is_undetermined_and_says_why(change: dict[str, object], why: str):
    good = scan_of(box_of())
    fields = {"transmission": good.transmission, "pitch_mm": good.pitch_mm, "energies": good.energies} | change
    found = find_load(Scan(**fields))  # type: ignore[arg-type]
    assert found.answer is LoadAnswer.UNDETERMINED
    assert why in found.why
    assert found.to_record().p_value is None


def test_an_operator_image_is_undetermined():
    image = Scan(transmission=np.ones((3, 300, 700), np.float32), pitch_mm=(5.0, 5.0), kind=Kind.OPERATOR_IMAGE)
    assert find_load(image).answer is LoadAnswer.UNDETERMINED


def test_the_answer_keeps_its_budget_and_leaves_a_doubt():
    by = EmptyStandard((1.0,) * len(KINDS), tuple(float(v) for v in range(1, 200)))
    assert by.answer(by.p_value(500.0)) is LoadAnswer.LOADED  # p = 1 / 200
    assert by.answer(by.p_value(190.0)) is LoadAnswer.UNDETERMINED  # p = 11 / 200
    assert by.answer(by.p_value(100.0)) is LoadAnswer.EMPTY
    with pytest.raises(CalibrationError, match=r"expected a budget of 1 in 200 or more, came 0\.001"):
        by.answer(0.5, 0.001)


def test_the_shipped_standard_supports_its_budget():
    by = standard()
    assert len(by.scales) == len(KINDS)
    assert len(by.scores) >= 290
    assert by.answer(by.p_value(1e9)) is LoadAnswer.LOADED
    assert by.command.startswith("nii study empty_standard")


def test_the_standard_takes_scales_from_one_set_and_scores_from_the_other():
    first, second = np.full((50, len(KINDS)), 2.0), np.full((3, len(KINDS)), 1.0)
    second[1, 4] = 6.0
    made = standard_of(first, second, "command")
    assert made["scales"] == [2.0] * len(KINDS)
    assert made["scores"] == [0.5, 0.5, 3.0]
    assert SCALE == 98


def test_a_small_load_has_its_mass_and_lies_on_the_floor(scene: EmptyScene):
    room = scene.rooms[0]
    for thing, place in (("brick", "floor"), ("bag", "behind the door"), ("bag", "front end")):
        part = draw_small_load(np.random.default_rng(5), room, thing, 1.5, place)
        assert part.mass_kg == pytest.approx(1.5, rel=1e-3)
        assert part.shape.bounds.z[0] == pytest.approx(room.z[0] + 1)
        assert room.x[0] < part.shape.bounds.x[0]
        assert part.shape.bounds.x[1] < room.x[1]
    with pytest.raises(UsageError, match="expected one of brick, bag at one of floor, front end, behind the door"):
        draw_small_load(np.random.default_rng(5), room, "car", 1.5, "floor")


def test_figures_count_what_is_found_by_mass():
    found, missed = LoadResult(LoadAnswer.LOADED), LoadResult(LoadAnswer.UNDETERMINED)
    made = figures(
        [
            EmptyTrial("20ft", 0.0, "", "", missed),
            *(EmptyTrial("20ft", kg, "bag", "floor", found if kg >= 2 else missed) for kg in MASSES_KG),
            EmptyTrial("20ft", float("inf"), "sacks", "", found),
        ]
    )
    assert made["empty"]["hits"] == 0
    assert made["by_kg"]["1.5"]["rate"] == 0
    assert made["by_kg"]["2"] == {"hits": 1, "n": 1, "rate": 1.0, "ci": [0.025, 1.0]}  # Clopper-Pearson of 1 in 1
    assert made["smallest_found_in_9_of_10_kg"] == 2.0
    assert made["ordinary_loads"]["hits"] == 1
    assert made["by_place"]["front end"]["2"]["n"] == 0
