import numpy as np
import pytest

from nii.errors import PhysicsError
from nii.physics.forward import attenuation_curve, linac_beam, tube_beam
from nii.physics.inverse import MaterialMaps, invert
from nii.physics.line import MaterialClass, line, material_class

BEAMS = (linac_beam(4.0), linac_beam(6.0))


def pixel(material: str, depth: float, *, error: float | None = None) -> MaterialMaps:
    """The inverse of one pixel behind this much of a material; error: standard error of the attenuation."""
    A = np.array([float(attenuation_curve(material, depth, b)) for b in BEAMS], np.float32).reshape(2, 1, 1)
    return invert(A, BEAMS, variance=None if error is None else np.full_like(A, error**2))


@pytest.mark.parametrize(("material", "z"), [("Al", 13), ("Fe", 26), ("Cu", 29)])
def test_thick_elements_come_back_as_themselves(material: str, z: float) -> None:
    found = pixel(material, 60.0)
    assert found.areal_density[0, 0] == pytest.approx(60.0, rel=0.01)
    assert found.z[0, 0] == pytest.approx(z, abs=1)
    assert not found.undetermined[0, 0]


def test_drugs_come_back_as_organic_with_their_areal_density() -> None:
    for name in ("fentanyl_hcl", "cocaine_hcl", "lactose"):
        found = pixel(name, 60.0)
        assert found.areal_density[0, 0] == pytest.approx(60.0, rel=0.015)
        assert material_class(float(found.z[0, 0])) is MaterialClass.ORGANIC


def test_twenty_grams_of_lead_may_be_salt_and_are_undetermined() -> None:
    found = pixel("lead", 20.0)
    assert found.undetermined[0, 0]
    assert found.z_low[0, 0] < 19
    assert found.z_high[0, 0] == pytest.approx(82, abs=3)
    assert found.areal_low[0, 0] <= 20.0 * 1.01
    assert found.areal_high[0, 0] >= 20.0


def test_too_few_photons_make_a_pixel_undetermined_and_its_intervals_wide() -> None:
    sharp, noisy = pixel("Fe", 60.0, error=1e-3), pixel("Fe", 60.0, error=0.05)
    assert not sharp.undetermined[0, 0]
    assert noisy.undetermined[0, 0]
    assert noisy.z_low[0, 0] < 10
    assert noisy.z_high[0, 0] > 45
    assert noisy.areal_low[0, 0] < 60 < noisy.areal_high[0, 0]


def test_air_and_black_pixels_are_undetermined() -> None:
    A = np.array([[[0.0, -0.1, 12.0]], [[0.0, -0.1, 12.0]]], np.float32)
    found = invert(A, BEAMS)
    assert found.undetermined.all()
    assert np.isfinite(found.areal_density).all()


def test_intervals_hold_the_truth_nine_times_in_ten(rng: np.random.Generator) -> None:
    error = 0.01
    for material, depth in (("Fe", 40.0), ("cocaine_hcl", 40.0), ("Al", 80.0), ("lead", 80.0)):
        A = np.array([float(attenuation_curve(material, depth, b)) for b in BEAMS]).reshape(2, 1, 1)
        noisy = (A + rng.normal(0, error, (2, 1, 4000))).astype(np.float32)
        found = invert(noisy, BEAMS, variance=np.full_like(noisy, error**2))
        inside = (found.areal_low <= depth) & (depth <= found.areal_high)
        assert inside.mean() > 0.88, material


def test_dual_energy_tubes_know_flour_but_not_sand_from_a_thin_tungsten_foil() -> None:
    beams = (
        tube_beam(160, thickness_mm=0.3),
        tube_beam(160, detector="CsI", thickness_mm=4.0, filters=(("copper", 0.54),)),
    )
    found = {}
    for name in ("flour", "sand"):
        A = np.array([float(attenuation_curve(name, 3.0, b)) for b in beams], np.float32).reshape(2, 1, 1)
        found[name] = invert(A, beams, variance=np.full_like(A, 1e-6))
        assert found[name].areal_density[0, 0] == pytest.approx(3.0, rel=0.02)
    assert not found["flour"].undetermined[0, 0]
    assert material_class(float(found["flour"].z[0, 0])) is MaterialClass.ORGANIC
    assert found["sand"].undetermined[0, 0]  # the K edge folds the line back
    assert found["sand"].z_high[0, 0] > 74


def test_the_line_rises_from_plastics_to_uranium() -> None:
    assert (np.diff(line().z) > 0).all()
    assert line().z[0] == pytest.approx(4.8, abs=0.1)
    assert line().z[-1] == 92


def test_one_energy_is_refused() -> None:
    with pytest.raises(PhysicsError, match="2 beams"):
        invert(np.zeros((1, 4, 4), np.float32), BEAMS[:1])
