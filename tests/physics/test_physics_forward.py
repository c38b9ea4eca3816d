import numpy as np
import pytest

from nii.errors import PhysicsError
from nii.physics.attenuation import mass_attenuation
from nii.physics.forward import (
    Beam,
    attenuation_curve,
    beam_attenuation,
    condense,
    linac_beam,
    make_beam,
    transmission,
    tube_beam,
)
from nii.physics.spectra import (
    COPPER_3MM,
    Spectrum,
    detector_response,
    interaction_probability,
    linac_spectrum,
)

BEAMS = (linac_beam(4.0), linac_beam(6.0))


def mono(energy: float) -> Beam:
    return Beam("mono", np.array([energy]), np.ones(1), np.ones(1))


def whole(endpoint: float) -> Beam:
    """A linac with all its 200 bins."""
    s = linac_spectrum(endpoint, filters=COPPER_3MM)
    deposit = detector_response("CdWO4", 30.0, s.energy_kev)
    return make_beam("whole", s, deposit, interaction_probability("CdWO4", 30.0, s.energy_kev))


def test_one_energy_follows_beer_and_lambert() -> None:
    # NIST: iron at 1 MeV 0.05995 cm2/g, so 10 g/cm2 let exp(-0.5995) = 0.549 through
    depth = np.full((1, 4, 5), 10.0, np.float32)
    T = transmission(depth, ["Fe"], [mono(1000.0)])
    assert T.shape == (1, 4, 5)
    assert T.dtype == np.float32
    np.testing.assert_allclose(T, 0.549, rtol=1e-3)


def test_layers_multiply_where_the_beam_has_one_energy() -> None:
    layers = np.stack([np.full((3, 3), 5.0), np.full((3, 3), 8.0)]).astype(np.float32)
    both = transmission(layers, ["Fe", "water"], [mono(500.0)])
    single = [
        transmission(layer[None], [name], [mono(500.0)]) for layer, name in zip(layers, ("Fe", "water"), strict=True)
    ]
    np.testing.assert_allclose(both, single[0] * single[1], rtol=1e-6)


@pytest.mark.parametrize("endpoint", [4.0, 6.0, 9.0])
def test_a_condensed_linac_keeps_the_transmission_to_a_thousandth(endpoint: float) -> None:
    full, short = whole(endpoint), linac_beam(endpoint)
    assert short.energy_kev.size <= 14
    depth = np.linspace(0, 200, 101)
    for name in ("C", "Fe", "Pb", "water", "Cu"):
        A, B = attenuation_curve(name, depth, full), attenuation_curve(name, depth, short)
        assert np.abs(np.expm1(A - B)).max() < 1e-3, name


def test_a_condensed_tube_keeps_the_transmission_to_three_thousandths() -> None:
    from nii.physics.spectra import tube_spectrum

    s = tube_spectrum(160)
    full = make_beam(
        "whole", s, detector_response("GOS", 0.5, s.energy_kev), interaction_probability("GOS", 0.5, s.energy_kev)
    )
    for name in ("water", "Al", "Fe", "Pb"):
        depth = np.geomspace(0.01, 100, 101)
        A = attenuation_curve(name, depth, full)
        B = attenuation_curve(name, depth, tube_beam(160, thickness_mm=0.5))
        assert np.abs(np.expm1(A - B))[A < 7].max() < 3e-3, name


def test_image_and_curve_agree() -> None:
    T = transmission(np.full((1, 2, 2), 60.0, np.float32), ["Fe"], BEAMS)
    for plane, beam in zip(T, BEAMS, strict=True):
        assert -np.log(plane[0, 0]) == pytest.approx(float(attenuation_curve("Fe", 60.0, beam)), rel=1e-5)


def test_the_two_energies_are_as_subtle_as_in_the_field() -> None:
    # high over low attenuation at 60 g/cm2; thick-target formulas give C 0.831, Fe 0.862, Pb 0.891
    for name, ratio in (("C", 0.831), ("Fe", 0.862), ("Pb", 0.891)):
        low, high = (float(attenuation_curve(name, 60.0, beam)) for beam in BEAMS)
        assert high / low == pytest.approx(ratio, abs=0.012), name


def test_thin_lead_has_a_lower_ratio_than_iron_and_thick_lead_a_higher_one() -> None:
    def ratio(name: str, depth: float) -> float:
        low, high = (float(attenuation_curve(name, depth, beam)) for beam in BEAMS)
        return high / low

    assert ratio("Pb", 10) < ratio("Fe", 10)
    assert ratio("Pb", 60) > ratio("Fe", 60)


def test_very_thick_layers_do_not_underflow() -> None:
    A = attenuation_curve("Pb", 1e5, BEAMS[0])
    assert np.isfinite(A)
    assert 1e5 * mass_attenuation("Pb", 4000.0) * 0.9 < A < 1e5 * 0.06


def test_fitted_factors_scale_their_own_part() -> None:
    beam = Beam("x", np.array([100.0]), np.ones(1), np.ones(1), (2.0, 1.0, 1.0))
    plain = Beam("x", np.array([100.0]), np.ones(1), np.ones(1))
    # photoelectric part of lead at 100 keV: 5.237 of 5.549 cm2/g, NIST
    assert float((beam_attenuation("Pb", beam) - beam_attenuation("Pb", plain))[0]) == pytest.approx(5.237, rel=1e-3)


def test_the_compound_factor_of_half_absorbed_photons_of_one_energy_is_two() -> None:
    s = Spectrum(np.array([500.0]), np.array([7.0]))
    beam = make_beam("x", s, np.array([200.0]), np.array([0.5]))
    assert beam.quantum.sum() == pytest.approx(2.0)


def test_condensing_keeps_the_compound_factor() -> None:
    assert condense(whole(6.0)).quantum.sum() == pytest.approx(whole(6.0).quantum.sum())


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(PhysicsError, match=r"\(2, row, column\)"):
        transmission(np.zeros((1, 4, 4), np.float32), ["Fe", "Al"], BEAMS)
    with pytest.raises(PhysicsError, match="sum 1"):
        Beam("x", np.array([1.0]), np.array([0.5]), np.array([1.0]))
