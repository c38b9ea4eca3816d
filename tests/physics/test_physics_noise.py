from dataclasses import replace

import numpy as np
import pytest

from nii.errors import PhysicsError
from nii.physics.forward import linac_beam
from nii.physics.noise import (
    NoiseModel,
    apply,
    compound_factor,
    draw,
    for_beams,
    measure,
    scattered,
    unscattered,
    variance,
)

QUIET = NoiseModel(photons=1e12, electronic=0, scatter=0, row_gain=0, pulse_jitter=0, blur=0, hardening=0, compound=1)


def flat(T: float, rows: int = 200, columns: int = 300) -> np.ndarray:
    return np.full((2, rows, columns), T, np.float32)


@pytest.mark.parametrize("T", [1.0, 0.1, 0.003])
def test_measured_noise_has_the_variance_that_is_promised(T: float, rng: np.random.Generator) -> None:
    noise = replace(QUIET, photons=2e4, compound=2.4, hardening=0.15, electronic=5, bits=20)
    m = measure(flat(T), noise, rng)
    # 120 000 pixels: the variance is known to 0.4 %
    assert m.var() == pytest.approx(float(variance(flat(T), noise)[0, 0, 0]), rel=0.03)
    assert m.mean() == pytest.approx(T, rel=4e-3)  # known to 0.0008 at T = 0.003


def test_photon_noise_is_compound_poisson_and_not_plain(rng: np.random.Generator) -> None:
    # factor / photons = 2.4 / 1e5
    m = measure(flat(1.0), replace(QUIET, photons=1e5, compound=2.4, bits=20), rng)
    assert m.std() == pytest.approx(np.sqrt(2.4e-5), rel=0.02)


def test_the_same_plan_gives_the_same_scan(rng: np.random.Generator) -> None:
    noise = NoiseModel()
    plan = draw((2, 40, 50), noise, rng)
    T = flat(0.5, 40, 50)
    np.testing.assert_array_equal(apply(T, noise, plan), apply(T, noise, plan))


def test_gains_are_shared_along_rows_and_pulses_along_columns(rng: np.random.Generator) -> None:
    rows = measure(flat(0.5), replace(QUIET, row_gain=0.01), rng)
    assert rows.std(axis=2).max() < 1e-4
    assert rows[0, :, 0].std() == pytest.approx(0.005, rel=0.2)
    columns = measure(flat(0.5), replace(QUIET, pulse_jitter=0.01), rng)
    assert columns.std(axis=1).max() < 1e-4
    assert columns[0, 0].std() == pytest.approx(0.005, rel=0.2)


def test_dead_rows_read_zero_in_all_energies(rng: np.random.Generator) -> None:
    m = measure(flat(0.5), replace(QUIET, dead_rows=0.2), rng)
    dead = (m == 0).all(axis=2)
    assert 20 <= dead[0].sum() <= 60  # 40 expected of 200
    np.testing.assert_array_equal(dead[0], dead[1])


def test_counts_are_whole_and_saturate_at_the_converter() -> None:
    noise = replace(QUIET, open_beam=1000.0, bits=10)
    m = measure(np.stack([np.full((20, 20), t, np.float32) for t in (0.12345, 2.0)]), noise, np.random.default_rng(1))
    np.testing.assert_allclose(m[0], 0.123, atol=1e-6)
    np.testing.assert_allclose(m[1], 1.023, atol=1e-6)


def test_blur_spreads_an_edge_by_its_full_width(rng: np.random.Generator) -> None:
    T = flat(1.0, 20, 101)
    T[:, :, 50:] = 0.2
    step = -np.diff(measure(T, replace(QUIET, blur=4.0), rng)[0].mean(axis=0, dtype=np.float64))
    # steps at distances of 0, 1 and 2 pixels from the middle: 1, 0.84, 0.5 of the highest
    np.testing.assert_allclose(step[49:52] / step[49], (1, 0.84, 0.5), atol=0.02)


def test_afterglow_drags_a_share_into_the_next_column(rng: np.random.Generator) -> None:
    T = flat(0.2, 20, 60)
    T[:, :, :30] = 1.0
    m = measure(T, replace(QUIET, afterglow=0.05), rng)
    assert m[0, :, 30].mean() == pytest.approx(0.2 + 0.05 * 0.8, abs=1e-3)


def test_an_air_level_in_error_tilts_each_energy_on_its_own(rng: np.random.Generator) -> None:
    """Level and drift from the first column to the last are both of this rms; 200 scans know it to 5 %."""
    ramps = [measure(flat(0.5, 20, 60), replace(QUIET, air_error=0.01), rng).mean(axis=1) for _ in range(200)]
    levels = np.array([ramp.mean(axis=1) / 0.5 - 1 for ramp in ramps])
    drifts = np.array([(ramp[:, -1] - ramp[:, 0]) / 0.5 for ramp in ramps])
    assert levels.std() == pytest.approx(0.01, rel=0.2)
    assert drifts.std() == pytest.approx(0.01, rel=0.2)
    assert abs(np.corrcoef(levels.T)[0, 1]) < 0.3
    assert np.abs(np.diff(np.array(ramps), n=2, axis=2)).max() < 2e-5  # straight lines


@pytest.mark.parametrize("late", [0.5, -0.25, 1.3])
def test_a_later_pulse_sees_the_object_further_on(late: float, rng: np.random.Generator) -> None:
    """On a ramp of 0.01 a column the last energy reads as much more; the first stays."""
    T = np.broadcast_to(np.linspace(0.2, 0.79, 60, dtype=np.float32), (2, 20, 60)).copy()
    low, high = measure(T, replace(QUIET, misregistration=late), rng)
    np.testing.assert_allclose(low, T[0], atol=2e-5)
    np.testing.assert_allclose((high - low)[:, 5:-5], 0.01 * late, atol=3e-5)


def test_half_a_column_leaves_edges_sharp_and_nothing_below_zero(rng: np.random.Generator) -> None:
    """Blur of 1.876 pixels: weights of 0.501, 0.228, 0.021; half a column on, the continuous blur has 0.395.

    A mean of two columns would make it 0.364.
    """
    T = flat(1.0, 20, 60)
    T[:, :, 30:] = 1e-4
    low, high = measure(T, replace(QUIET, misregistration=0.5, blur=1.876), rng)
    assert np.abs(np.diff(low[10])).max() == pytest.approx(0.501, abs=0.004)
    assert np.abs(np.diff(high[10])).max() == pytest.approx(0.395, abs=0.008)
    assert high.min() >= 0


def test_scatter_lifts_a_dark_spot_in_bright_surroundings_and_can_be_undone() -> None:
    T = flat(1.0, 120, 120)
    T[:, 55:65, 55:65] = 0.01
    noise = replace(QUIET, scatter=0.01, scatter_range=10.0)
    lifted = scattered(T, noise)
    assert 0.005 < lifted[0, 60, 60] - 0.01 < 0.0101
    assert abs(lifted[0, 5, 5] - 1) < 1e-4
    assert unscattered(lifted, noise)[0, 60, 60] == pytest.approx(0.01, abs=3e-4)


def test_the_compound_factor_grows_behind_steel() -> None:
    factor, growth = compound_factor(linac_beam(6.0))
    assert 1.5 < factor < 3.5
    assert 0.05 < growth < 0.3
    noise = for_beams(NoiseModel(), [linac_beam(6.0)])
    assert (noise.compound, noise.hardening) == (factor, growth)


@pytest.mark.parametrize("wrong", [{"photons": 0}, {"compound": 0.5}, {"blur": -1}, {"row_gain": float("nan")}])
def test_parameters_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(PhysicsError, match=next(iter(wrong))):
        NoiseModel(**wrong)  # type: ignore[arg-type] # wrong on purpose
