"""Simulated scans and scan sets: truth, reproducibility, resuming, the contract of the files."""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from nii.errors import NiiError, OutputError, ScanSetError, UsageError
from nii.io.scanset import read_entry, read_mask, read_set
from nii.physics.forward import transmission
from nii.physics.line import CLASSES
from nii.physics.noise import NoiseModel
from nii.simulate.cargo.loads import HS_CHAPTERS, KINDS
from nii.simulate.conveyance.draw import SHARES
from nii.simulate.render.scene import TILE, Concealment, Part, expected
from nii.simulate.render.shapes import Box, View
from nii.simulate.scanner.presets import PRESETS, draw_noise, draw_scanner
from nii.simulate.sets import generate, scan
from nii.simulate.sets.generate import jobs, simulate_set
from nii.simulate.sets.kinds import FAMILIES
from nii.simulate.sets.scan import SEEDS, simulate
from nii.simulate.sets.truth import DEEPEST, EXCESS_STEP, STEP, Hidden, Truth, read_truth, write_truth

pytestmark = pytest.mark.slow

COARSE = replace(PRESETS["portal-6mv"], pitch_mm=(40.0, 40.0))
PERFECT = replace(
    COARSE,
    noise=NoiseModel(
        photons=1e12, compound=1, hardening=0, electronic=0, scatter=0, row_gain=0, pulse_jitter=0, blur=0,
        bits=32, open_beam=2.0**31,
    ),
)  # fmt: skip
"""The same scanner without noise, blur and scatter: what it measures is the expected transmission."""


def make(out: Path, **options: object) -> Path:
    arguments = {"scans": 3, "concealed": 0.67, "seed": 11, "scanner": COARSE} | options
    list(simulate_set("cargo", out, **arguments))
    return out


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished set of three scans, two of them concealed."""
    return make(tmp_path_factory.mktemp("sets") / "whole")


# One scan


@lru_cache(maxsize=1)
def with_one() -> dict[int, scan.Simulated]:
    """The first scans of seed 3 with exactly one concealment, by index, without noise."""
    scans = {index: simulate("cargo", 3, index, concealed=True, scanner=PERFECT) for index in range(8)}
    return {index: one for index, one in scans.items() if len(one.truth.hidden) == 1}


def test_the_measured_scan_is_the_background_plus_the_excess() -> None:
    """A_with = A_without + excess, exactly; through the truth as it is and without noise.

    Tolerance: 1e12 photons leave a noise of exp(A / 2) * 1e-6, 2e-5 at A = 6, in 20 000 pixels.
    """
    assert len(with_one()) >= 4
    for one in with_one().values():
        found = one.truth.hidden[0]
        expected = one.truth.without.copy()
        height, width = found.mask.shape
        expected[:, found.row : found.row + height, found.column : found.column + width] += found.excess
        light = expected < 6
        measured = -np.log(np.maximum(one.measured, 1e-9))
        assert np.abs(found.excess).max() > 0.01, "something must be there"
        np.testing.assert_allclose(measured[light], expected[light], atol=2e-4)


def test_a_benign_scan_is_its_background() -> None:
    one = simulate("cargo", 3, 0, concealed=False, scanner=PERFECT)
    assert not one.truth.hidden
    assert not one.truth.mask().any()
    light = one.truth.without < 6
    np.testing.assert_allclose(-np.log(np.maximum(one.measured, 1e-9))[light], one.truth.without[light], atol=2e-4)


def hidden_in(base: dict[str, np.ndarray], concealment: Concealment, view: View) -> tuple[scan.Added, Hidden]:
    """A concealment in a background of these areal densities, as the scan has it."""
    added = scan.put_in(concealment, view)
    assert added is not None
    without = expected(base, (view.z.size, view.x.size), COARSE.beams())
    return added, scan._hidden(added, base, without, COARSE.beams())


def test_mask_excess_and_mass_are_those_of_the_thing_that_was_put_there() -> None:
    """A steel plate of 100 x 48 x 2 cm, level with the source: 15.7 g/cm2, 75.36 kg, 12 x 25 pixels."""
    plate = Concealment("other", (Part(Box((1000.0, 2000.0), (0.0, 20.0), (910.0, 1390.0)), "steel", 7.85),))
    view = COARSE.view(Box((0.0, 3000.0), (-100.0, 100.0), (0.0, 2400.0)))
    added, found = hidden_in({}, plate, view)
    assert found.mass_kg == pytest.approx(75.36)
    assert (found.row, found.column) == (25, 25)  # rows from 2400 mm down, 40 mm each
    assert found.mask.shape == (12, 25)
    assert found.mask.all()
    assert added.layers["steel"].max() == pytest.approx(15.7, rel=0.002)  # obliquity: slope up to 0.05
    assert added.layers["steel"].sum() * 16 / 1000 == pytest.approx(75.36, rel=0.002)  # 16 cm2 a pixel
    low, high = found.excess[:, 6, 12]
    assert low > high > 0.3  # steel attenuates 4 MV more than 6 MV


def test_goods_pushed_out_make_the_excess_smaller_but_not_the_mask() -> None:
    box = Box((1000.0, 2000.0), (0.0, 200.0), (910.0, 1390.0))
    view = COARSE.view(Box((0.0, 3000.0), (-100.0, 300.0), (0.0, 2400.0)))
    base = {"water": np.full((view.z.size, view.x.size), 40.0, np.float32)}
    thing = Part(box, "water", 1.0)
    added = Concealment("other", (thing,))
    instead = Concealment("other", (thing,), (Part(box, "water", 1.5, -1),))
    more, less = (hidden_in(base, one, view)[1] for one in (added, instead))
    assert more.excess.min() > 0 > less.excess.max()
    np.testing.assert_array_equal(more.mask, less.mask)


def test_a_thing_out_of_view_is_no_concealment() -> None:
    gone = Concealment("other", (Part(Box((9000.0, 9100.0), (0.0, 20.0), (900.0, 1400.0)), "steel", 7.85),))
    assert scan.put_in(gone, COARSE.view(Box((0.0, 3000.0), (-100.0, 100.0), (0.0, 2400.0)))) is None


def test_tiles_make_no_difference_and_less_than_nothing_is_nothing() -> None:
    shape = (TILE[0] + 9, TILE[1] + 17)
    random = np.random.default_rng(1)
    layers = {name: random.uniform(0, 40, shape).astype(np.float32) for name in ("steel", "water")}
    layers["lead"] = np.zeros(shape, np.float32)
    layers["lead"][-3:, -3:] = -5
    planes = np.stack([layers["steel"], layers["water"]])
    whole = transmission(planes, ["steel", "water"], COARSE.beams())
    np.testing.assert_allclose(expected(layers, shape, COARSE.beams()), whole, rtol=1e-5)


def test_detectability_grows_with_the_dose() -> None:
    index = min(with_one())
    bright, dim = (
        replace(COARSE, noise=NoiseModel(photons=photons, electronic=0, row_gain=0, pulse_jitter=0, open_beam=6e8))
        for photons in (4e5, 1e5)
    )
    one, other = (
        simulate("cargo", 3, index, concealed=True, scanner=it).truth.hidden[0].dprime for it in (bright, dim)
    )
    assert one / other == pytest.approx(2, rel=0.02)  # the square root of the photons; steps of counting add little


def test_the_same_arguments_give_the_same_scan_and_other_seeds_or_numbers_another() -> None:
    first = simulate("cargo", 5, 1, concealed=True, scanner=COARSE)
    again = simulate("cargo", 5, 1, concealed=True, scanner=COARSE)
    np.testing.assert_array_equal(first.measured, again.measured)
    np.testing.assert_array_equal(first.truth.without, again.truth.without)
    for seed, index in ((5, 2), (6, 1), (1, 5)):
        other = simulate("cargo", seed, index, concealed=True, scanner=COARSE)
        same_size = other.measured.shape == first.measured.shape
        assert not same_size or np.abs(other.truth.without - first.truth.without).max() > 0.1


def test_seeds_and_numbers_never_share_a_random_stream() -> None:
    """Seeds are below 2^32: numpy joins the words of both numbers, so a longer seed would meet another's."""
    with pytest.raises(UsageError, match="4294967295"):
        simulate("cargo", SEEDS, 0, concealed=False)
    states = {
        tuple(np.random.SeedSequence((seed, index)).generate_state(4)) for seed in range(60) for index in range(60)
    }
    assert len(states) == 3600


def test_all_given_scanners_see_the_same_scene() -> None:
    low = simulate("cargo", 5, 1, concealed=True, scanner=COARSE)
    high = simulate("cargo", 5, 1, concealed=True, scanner=replace(COARSE, source_height=2500.0))
    assert (low.cargo, low.conveyance) == (high.cargo, high.conveyance)
    assert [concealment.mass_kg for concealment in low.truth.hidden] == [
        concealment.mass_kg for concealment in high.truth.hidden
    ]
    assert np.abs(low.truth.without - high.truth.without).max() > 0.1


def test_a_scanner_on_the_other_side_sees_the_mirrored_scan_with_its_truth() -> None:
    index, one = next(iter(with_one().items()))
    other = simulate("cargo", 3, index, concealed=True, scanner=replace(PERFECT, mirrored=True))
    np.testing.assert_array_equal(other.truth.without, one.truth.without[..., ::-1])
    np.testing.assert_array_equal(other.truth.mask(), one.truth.mask()[:, ::-1])
    np.testing.assert_array_equal(other.truth.hidden[0].excess, one.truth.hidden[0].excess[..., ::-1])
    assert other.truth.hidden[0].dprime == pytest.approx(one.truth.hidden[0].dprime, rel=1e-4)
    light = other.truth.without < 6
    noisy = np.exp(-other.truth.without[light]) * 1e-3 + 1e-5
    change = np.abs(other.measured - one.measured[..., ::-1])[light]
    assert (change < noisy).mean() > 0.999


def test_drawn_scanners_differ_and_are_physical() -> None:
    drawn = [draw_scanner(np.random.default_rng(seed)) for seed in range(6)]
    assert len({one.pitch_mm for one in drawn}) == 6
    for one in drawn:
        assert 3 < one.pitch_mm[0] < 9
        assert one.energies == ("4MV", "6MV")
        assert one.noise.compound > 1


def test_drawn_noise_covers_the_scanners_of_the_field() -> None:
    drawn = [draw_noise(np.random.default_rng(seed)) for seed in range(200)]
    photons = [one.photons for one in drawn]
    assert max(photons) / min(photons) > 10
    assert {one.bits for one in drawn} == {12, 14, 16}
    assert {0.0, 0.5} < {one.misregistration for one in drawn}
    assert any(one.dead_rows for one in drawn)
    assert all(0 < one.air_error <= 0.01 for one in drawn)
    for one in drawn:
        full = 2**one.bits - 1
        assert 0.68 * full < one.open_beam < full  # room for noise above the air level
        assert one.electronic / one.open_beam < 3e-4
    sides = [draw_scanner(np.random.default_rng(seed)).mirrored for seed in range(20)]
    assert 0 < sum(sides) < 20


# The truth on disk


def some_truth() -> Truth:
    without = np.linspace(0, 14, 2 * 6 * 8, dtype=np.float32).reshape(2, 6, 8)
    excess = np.linspace(-14, 14, 2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    mask = np.zeros((3, 4), bool)
    mask[1, 1:] = True
    return Truth(without, (Hidden("bricks", 3.25, 17.5, 2, 3, excess, mask),))


def test_the_truth_comes_back_to_half_a_step_and_is_clipped_at_13(tmp_path: Path) -> None:
    before = some_truth()
    write_truth(tmp_path / "a.npz", before)
    after = read_truth(tmp_path / "a.npz")
    np.testing.assert_allclose(after.without, np.clip(before.without, 0, DEEPEST), atol=0.51 / STEP)
    one, other = before.hidden[0], after.hidden[0]
    np.testing.assert_allclose(other.excess, np.clip(one.excess, -DEEPEST, DEEPEST), atol=0.51 / EXCESS_STEP)
    np.testing.assert_array_equal(other.mask, one.mask)
    assert (other.family, other.mass_kg, other.dprime, other.row, other.column) == ("bricks", 3.25, 17.5, 2, 3)
    assert after.mask().sum() == 3
    assert after.mask()[3, 4:7].all()


def test_a_truth_without_concealments_comes_back(tmp_path: Path) -> None:
    write_truth(tmp_path / "a.npz", Truth(some_truth().without, ()))
    assert read_truth(tmp_path / "a.npz").hidden == ()


def test_what_is_no_truth_is_refused_in_one_line(tmp_path: Path) -> None:
    good = tmp_path / "good.npz"
    write_truth(good, some_truth())
    (tmp_path / "half.npz").write_bytes(good.read_bytes()[:-200])
    (tmp_path / "empty.npz").write_bytes(b"")
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    for name in ("half", "empty", "other", "missing"):
        with pytest.raises(ScanSetError, match=f"{name}.npz: expected the truth") as caught:
            read_truth(tmp_path / f"{name}.npz")
        assert "\n" not in str(caught.value)


# Sets


def test_concealed_scans_are_spread_evenly() -> None:
    assert [concealed for _, concealed in jobs(6, 0.5)] == [False, True] * 3
    assert sum(concealed for _, concealed in jobs(100, 0.37)) == 37
    assert not any(concealed for _, concealed in jobs(9, 0))
    assert all(concealed for _, concealed in jobs(9, 1))


def test_a_set_keeps_the_contract(whole: Path) -> None:
    found = read_set(whole)
    assert found.families == FAMILIES
    assert [entry.concealed for entry in found.entries] == [False, True, True]
    for entry in found.entries:
        pixels = read_entry(entry)
        assert pixels.energies == ("4MV", "6MV")
        assert pixels.pitch_mm == COARSE.pitch_mm
        assert pixels.transmission.shape == (2, *(entry.size or ()))
        assert entry.scanner == "portal-6mv"
        truth = read_truth(whole / "truth" / f"{entry.name}.npz")
        assert truth.without.shape == pixels.transmission.shape
        np.testing.assert_array_equal(read_mask(entry), truth.mask())
        assert len(entry.annotations) == len(truth.hidden)
        for note, concealment in zip(entry.annotations, truth.hidden, strict=True):
            assert (note.family, note.area) == (concealment.family, concealment.mask.sum())
            assert note.mass_kg == pytest.approx(concealment.mass_kg, abs=1e-4)
            assert note.material in CLASSES
            assert note.box is not None
            x, y, w, h = note.box
            assert read_mask(entry)[y : y + h, x : x + w].sum() >= concealment.mask.sum()


def test_the_material_of_a_concealment_is_that_of_most_of_its_mass() -> None:
    small, large = Box((0, 10), (0, 10), (0, 10)), Box((0, 30), (0, 30), (0, 30))
    pills = [Part(large, "polyethylene", 0.08), Part(large, "lactose", 0.6), Part(small, "steel", 7.85)]
    assert scan.main_material(pills) == "organic"
    assert scan.main_material([Part(small, "lead", 11.3), Part(large, "sand", 0.1)]) == "heavy metal"


def test_annotations_name_load_chapter_conveyance_and_recipe(whole: Path) -> None:
    table = json.loads((whole / "annotations.json").read_text())
    for image in table["images"]:
        kinds = image["cargo"].split("+")
        assert set(kinds) <= set(KINDS)
        assert image["hs_chapters"] == [HS_CHAPTERS[kind] for kind in kinds]
        assert image["conveyance"] in SHARES
        assert (image["mask"] is None) == (not any(note["image_id"] == image["id"] for note in table["annotations"]))
    assert (table["info"]["kind"], table["info"]["seed"], table["info"]["scans"]) == ("cargo", 11, 3)
    assert sorted(path.name for path in whole.iterdir()) == ["annotations.json", "masks", "scans", "truth"]


def test_two_workers_write_the_same_bytes_as_one(whole: Path, tmp_path: Path) -> None:
    assert files(make(tmp_path / "two", workers=2)) == files(whole)


def test_truth_alone_is_the_truth_of_the_whole_set(whole: Path, tmp_path: Path) -> None:
    lean = make(tmp_path / "lean", truth_only=True)
    assert not [*(lean / "scans").iterdir(), *(lean / "masks").iterdir()]
    assert files(lean / "truth") == files(whole / "truth")
    for entry, other in zip(read_set(lean).entries, read_set(whole).entries, strict=True):
        assert (entry.name, entry.cargo, entry.annotations) == (other.name, other.cargo, other.annotations)
        assert entry.path.is_file()


@pytest.mark.parametrize("when", [0, 2, 3])
def test_an_interrupted_set_looks_unfinished_and_goes_on_to_the_same_bytes(
    when: int, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    steps = simulate_set("cargo", out, scans=3, concealed=0.67, seed=11, scanner=COARSE)
    for _ in range(when + 1):
        next(steps)
    steps.close()  # what an exception or Ctrl-C at this point leaves behind
    with pytest.raises(ScanSetError):
        read_set(out)
    counts = list(simulate_set("cargo", out, scans=3, concealed=0.67, seed=11, scanner=COARSE))
    assert counts == list(range(when, 4))
    assert files(out) == files(whole)


def test_a_kill_in_the_middle_of_a_scan_leaves_it_to_be_done_again(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "set"
    with monkeypatch.context() as patch:
        patch.setattr("nii.simulate.sets.write.write_truth", killed)
        with pytest.raises(KeyboardInterrupt):
            make(out)
    assert (out / "scans" / "000000.tif").is_file()
    assert files(make(out)) == files(whole)


def test_an_unfinished_set_goes_on_with_its_own_recipe_only(tmp_path: Path) -> None:
    steps = simulate_set("cargo", tmp_path, scans=3, concealed=0.67, seed=11, scanner=COARSE)
    next(steps)
    steps.close()
    for name, value in (("seed", 12), ("scans", 4), ("concealed", 0.5), ("scanner", PERFECT)):
        with pytest.raises(UsageError, match=f"expected the {name} of the unfinished set"):
            make(tmp_path, **{name: value})


def test_a_finished_set_is_left_alone(whole: Path) -> None:
    before = files(whole)
    with pytest.raises(UsageError, match="no finished scan set there, came one"):
        make(whole, scans=5)
    assert files(whole) == before


def test_seeds_share_no_scene(whole: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other", seed=12)
    scans = [{name: data for name, data in files(out).items() if name.startswith("scans")} for out in (whole, other)]
    assert not set(scans[0].values()) & set(scans[1].values())


def test_a_kill_of_the_first_process_ends_all_and_the_set_goes_on_to_the_same_bytes(
    whole: Path, tmp_path: Path
) -> None:
    """SIGKILL lets nobody clean up; a pool's processes would wait for work for ever."""
    out = tmp_path / "set"
    code = (
        "from pathlib import Path; from test_simulate_generate import make\n"
        f"if __name__ == '__main__': make(Path({str(out)!r}), workers=2)"
    )
    script = tmp_path / "make.py"
    script.write_text(code)
    path = os.pathsep.join(str(Path(__file__).parents[up]) for up in (0, 2))
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    ) as run:
        deadline = time.monotonic() + 60
        while not list(out.glob("unfinished/0*.json")) and time.monotonic() < deadline:
            time.sleep(0.01)
        run.kill()
        run.communicate(timeout=30)  # returns when the last process that holds the pipe has ended
    with pytest.raises(ScanSetError):
        read_set(out)
    (out / "scans" / ".000001.tif.left").write_bytes(b"half")
    assert files(make(out)) == files(whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scans": 0}, "scans: expected 1 to"),
        ({"concealed": 1.5}, "concealed: expected 0 to 1, came 1.5"),
        ({"concealed": float("nan")}, "concealed: expected 0 to 1, came nan"),
        ({"seed": -1}, "seed: expected 0 to"),
        ({"seed": 2**32}, "seed: expected 0 to"),
        ({"workers": 0}, "workers: expected 1 to"),
    ],
)
def test_impossible_arguments_are_refused_in_one_line(options: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make(tmp_path / "set", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "set").exists()


def test_an_unknown_kind_of_scene_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"kind of scene: expected one of cargo.*, came ship"):
        list(simulate_set("ship", tmp_path, scans=1, concealed=0, seed=1))


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("")
    with pytest.raises(UsageError, match="expected a folder, came a file"):
        make(tmp_path / "set")


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    (tmp_path / ".hidden").write_bytes(b"")
    with pytest.raises(UsageError, match="expected an empty folder or an unfinished set, came one that holds holiday"):
        make(tmp_path)
    assert len(files(tmp_path)) == 2


def test_a_place_that_cannot_be_written_is_told_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"/dev/null/set: expected a folder to write in, came: Not a directory$"):
        make(Path("/dev/null/set"))


def test_a_damaged_entry_of_an_unfinished_set_is_told_in_one_line(tmp_path: Path) -> None:
    steps = simulate_set("cargo", tmp_path, scans=3, concealed=0.67, seed=11, scanner=COARSE)
    next(steps)
    steps.close()
    for index in range(3):
        (tmp_path / "unfinished" / f"{index:06d}.json").write_text("")
    with pytest.raises(ScanSetError, match=r"000000.json: expected what `nii simulate` wrote") as caught:
        make(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_disk_without_room_is_told_in_one_line_and_more_room_completes_the_set(whole: Path, tmp_path: Path) -> None:
    """Files of at most 6 kB: the smallest file of the set is larger."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"expected to write \d+ bytes, came: File too large$"):
            make(tmp_path / "set")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    left = files(tmp_path / "set")
    assert set(left) == {"unfinished/recipe.json"}
    assert files(make(tmp_path / "set")) == files(whole)


def test_a_killed_process_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool:
        def __init__(self, *_: object, **__: object) -> None: ...

        def __enter__(self) -> "Pool":
            return self

        def __exit__(self, *_: object) -> None: ...

        def map(self, *_: object) -> None:
            raise generate.BrokenProcessPool("a process died")

    monkeypatch.setattr("nii.workers.ProcessPoolExecutor", Pool)
    with pytest.raises(NiiError, match="came one that was killed"):
        make(tmp_path / "set", workers=2)
