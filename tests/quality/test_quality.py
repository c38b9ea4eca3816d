import json

import numpy as np
import pytest

from nii.physics.forward import linac_beam, transmission
from nii.physics.noise import NoiseModel, measure
from nii.quality.measure import assess, dead_lines, edge_width, noise_curve
from nii.scan import Kind, Scan


def wedge(rng: np.random.Generator, **noise: float) -> Scan:
    """Steel bars of 0 to 225 g/cm2 in air, 4/6 MV, pitch 6 mm."""
    steel = np.zeros((1, 300, 400), np.float32)
    for i in range(8):
        steel[0, 60:240, 50 * i + 10 : 50 * i + 40] = 25 * i + 25
    beams = (linac_beam(4.0), linac_beam(6.0))
    quiet = {"electronic": 3.0, "scatter": 0.0, "row_gain": 0.0, "pulse_jitter": 0.0}
    model = NoiseModel(**{**quiet, **noise})  # type: ignore[arg-type] # numbers only
    measured = measure(transmission(steel, ["Fe"], beams), model, rng)
    return Scan(transmission=measured, energies=("4MV", "6MV"), pitch_mm=(6.0, 6.0))


def test_noise_in_air_is_that_of_the_photons(rng: np.random.Generator) -> None:
    # sqrt(2.4 / 1e5 + (3 / 60000)^2) = 0.0049
    quality = assess(wedge(rng, photons=1e5, compound=2.4))
    assert quality.noise == pytest.approx((0.0049, 0.0049), rel=0.04)
    assert quality.air == pytest.approx((1.0, 1.0), abs=0.002)


def test_ten_times_the_photons_reach_further_through_steel(rng: np.random.Generator) -> None:
    few, many = assess(wedge(rng, photons=1e4)), assess(wedge(rng, photons=1e5))
    # noise equals signal where T = compound / photons x hardening, so about ln 10 = 2.3 further
    assert many.penetration[1] - few.penetration[1] == pytest.approx(1.7, abs=0.7)  # type: ignore[operator]
    assert few.steel_mm[1] is not None
    assert 200 < few.steel_mm[1] < many.steel_mm[1] < 400  # type: ignore[operator]
    assert many.steel_mm[0] < many.steel_mm[1]  # type: ignore[operator]


def test_penetration_is_where_the_noise_model_says(rng: np.random.Generator) -> None:
    # no hardening: T = (b + sqrt(b^2 + 4 a)) / 2 with b = 2 / 2e4 and a = (3^2 + 1/12) / 60000^2
    quality = assess(wedge(rng, photons=2e4, compound=2.0, hardening=0.0))
    b, a = 1e-4, 9.083 / 60_000**2
    T = (b + np.sqrt(b * b + 4 * a)) / 2
    # half a unit: what is seen of the noise ends at 1 in 2000, the answer lies at 1 in 8000
    assert quality.penetration[1] == pytest.approx(-np.log(T), abs=0.5)


@pytest.mark.parametrize("blur", [2.0, 3.0, 5.0])
def test_sharpness_is_the_width_of_the_point_spread(blur: float, rng: np.random.Generator) -> None:
    quality = assess(wedge(rng, photons=1e6, blur=blur))
    assert quality.resolution_px == pytest.approx(blur, rel=0.15)
    assert quality.resolution_mm == pytest.approx(6 * blur, rel=0.15)


def test_a_scan_without_edges_has_no_sharpness(rng: np.random.Generator) -> None:
    assert edge_width(rng.normal(0.5, 0.01, (100, 100)).astype(np.float32)) is None


def test_white_noise_is_read_through_gains_of_rows_and_columns(rng: np.random.Generator) -> None:
    plane = np.linspace(0.2, 0.9, 400)[None] * np.ones((300, 1))
    plane *= rng.normal(1, 0.02, (300, 1)) * rng.normal(1, 0.02, (1, 400))
    curve = noise_curve((plane + rng.normal(0, 0.01, plane.shape)).astype(np.float32))
    assert curve is not None
    assert np.sqrt(curve.variance(0.5)) == pytest.approx(0.01, rel=0.05)


def test_dead_rows_and_columns_are_counted_and_dark_or_bright_ones_are_not(rng: np.random.Generator) -> None:
    planes = rng.normal(0.5, 0.01, (2, 100, 120)).astype(np.float32)
    planes[1, 40] = 0
    planes[:, 70:72] = 0.9
    planes[:, 80] *= 0.3  # a thin horizontal beam is no dead detector: it has noise
    dead = dead_lines(planes)
    assert np.flatnonzero(dead).tolist() == [40, 70, 71]
    assert not dead_lines(planes.transpose(0, 2, 1)).any()


def test_saturated_air_and_black_floors_are_no_dead_rows(rng: np.random.Generator) -> None:
    planes = rng.normal(0.5, 0.01, (1, 100, 120)).astype(np.float32)
    planes[:, :20] = 1.0
    planes[:, 18:20] = rng.normal(0.99, 0.01, (1, 2, 120))
    planes[:, 80:] = 0
    planes[:, 78:80] = rng.normal(0.005, 0.002, (1, 2, 120))
    assert not dead_lines(planes).any()


def test_clipped_air_is_reported_as_saturation(rng: np.random.Generator) -> None:
    plane = np.minimum(rng.normal(1.0, 0.01, (1, 100, 120)), 1.0).astype(np.float32)
    quality = assess(Scan(transmission=plane))
    assert quality.saturated[0] == pytest.approx(0.5, abs=0.02)
    assert any("saturated" in note for note in quality.notes)


def test_an_eight_bit_picture_is_noticed_and_its_steps_limit_it(rng: np.random.Generator) -> None:
    sharp = wedge(rng, photons=1e6)
    coarse = Scan(transmission=np.round(sharp.transmission[1:] * 240) / np.float32(240))
    quality = assess(coarse)
    assert quality.levels <= 256
    assert any("grey levels" in note for note in quality.notes)
    # a step of 1/240 has an rms of 1/240/sqrt(12) = 0.0012
    assert quality.penetration[0] is not None
    assert quality.penetration[0] < -np.log(0.0012) + 0.2
    assert quality.steel_mm == (None,)


def test_an_operator_image_has_sharpness_but_no_physics(rng: np.random.Generator) -> None:
    planes = np.repeat(wedge(rng, photons=1e6).transmission[1:], 3, axis=0)
    quality = assess(Scan(transmission=planes, kind=Kind.OPERATOR_IMAGE))
    assert quality.air == quality.noise == quality.penetration == (None,) * 3
    assert quality.resolution_px is not None
    assert quality.notes == ()


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, 1e-6, 2.0])
@pytest.mark.parametrize("shape", [(1, 16, 16), (2, 16, 300), (3, 40, 20)])
def test_any_image_can_be_assessed_and_written_as_json(value: float, shape: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(1).random(shape, np.float32)
    for pixels in (np.full(shape, value, np.float32), noise * np.float32(value)):
        record = assess(Scan(transmission=pixels)).as_record()
        assert json.loads(json.dumps(record, allow_nan=False)).keys() == record.keys()
