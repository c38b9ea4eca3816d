from pathlib import Path

import numpy as np
import pytest

from nii.errors import PhysicsError
from nii.physics.attenuation import mass_attenuation
from nii.physics.spectra import (
    Spectrum,
    detector_response,
    filtered,
    interaction_probability,
    linac_spectrum,
    schiff,
    tube_spectrum,
)


# spekpy 2.5, 20 degrees, 3 mm Al: mean energy and first half-value layer
@pytest.mark.parametrize(("kv", "mean", "layer"), [(160, 62.9, 5.66), (225, 74.6, 7.83), (300, 86.7, 10.03)])
def test_tubes_have_the_mean_energy_and_half_value_layer_of_their_source(kv: int, mean: float, layer: float) -> None:
    tube = tube_spectrum(kv)
    assert tube.mean_kev == pytest.approx(mean, abs=0.2)
    # air kerma behind the half-value layer: air's energy absorption, NIST, coarse log-log interpolation
    energies = [10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300]
    absorbed = [4.742, 1.334, 0.5389, 0.1537, 0.06833, 0.04098, 0.03041, 0.02407, 0.02325, 0.02496, 0.02672, 0.02872]
    kerma = tube.energy_kev * np.exp(np.interp(np.log(tube.energy_kev), np.log(energies), np.log(absorbed)))
    behind = filtered(tube, (("Al", layer / 10 * 2.699),))
    assert (behind.photons @ kerma) / (tube.photons @ kerma) == pytest.approx(0.5, abs=0.01)


def test_linac_spectra_harden_with_the_endpoint_and_end_there() -> None:
    means = [linac_spectrum(mv).mean_kev for mv in (4.0, 6.0, 9.0)]
    assert means == pytest.approx([984, 1388, 1962], rel=0.03)
    assert linac_spectrum(6.0).energy_kev[-1] < 6000


def test_linac_spectra_attenuate_like_the_monte_carlo_ones(shared: Path) -> None:
    table = np.genfromtxt(shared / "geant4" / "spectra_and_response.csv", delimiter=",", names=True)
    energy, deposit = table["energy_mev"][1:] * 1000, table["detector_energy_deposited_mev"][1:]
    for mv in (4.0, 6.0):
        ours = linac_spectrum(mv, filters=(("Fe", 15.0),))
        signal = ours.photons * np.interp(ours.energy_kev, energy, deposit)
        theirs = table[f"phi_{mv:g}mv"][1:] * deposit
        for element in ("C", "Fe", "Pb"):
            for depth in (5.0, 20.0, 60.0, 150.0):
                A = -np.log(signal @ np.exp(-depth * mass_attenuation(element, ours.energy_kev)) / signal.sum())
                B = -np.log(theirs @ np.exp(-depth * mass_attenuation(element, energy)) / theirs.sum())
                assert pytest.approx(B, rel=0.10 if (element, depth) == ("Pb", 5.0) else 0.04) == A, (
                    mv,
                    element,
                    depth,
                )


def test_the_scintillator_keeps_what_monte_carlo_says(shared: Path) -> None:
    table = np.genfromtxt(shared / "geant4" / "spectra_and_response.csv", delimiter=",", names=True)
    energy = np.array([50.0, 100.0, 300.0, 600.0, 1000.0])
    theirs = np.interp(energy, table["energy_mev"] * 1000, table["detector_energy_deposited_mev"] * 1000)
    np.testing.assert_allclose(detector_response("CdWO4", 20, energy), theirs, rtol=0.09)


def test_a_thick_scintillator_catches_everything_and_none_catches_more() -> None:
    energy = np.array([20.0, 100.0, 1000.0, 6000.0])
    np.testing.assert_allclose(detector_response("CsI", 5000, energy), energy, rtol=1e-3)
    for kind in ("CdWO4", "GOS", "CsI"):
        kept = detector_response(kind, 5.0, energy)
        assert (kept < energy * interaction_probability(kind, 5.0, energy) * (1 + 1e-9)).all()


def test_bremsstrahlung_falls_to_zero_at_the_energy_of_the_electron() -> None:
    yield_ = schiff(4000.0, np.array([100.0, 1000.0, 3900.0, 4100.0]))
    assert (np.diff(yield_) < 0).all()
    assert yield_[-1] == 0


def test_wrong_sources_and_detectors_are_refused() -> None:
    with pytest.raises(PhysicsError, match="1 to 10 MV"):
        linac_spectrum(12.0)
    with pytest.raises(PhysicsError, match="160, 225, 300"):
        tube_spectrum(120)
    with pytest.raises(PhysicsError, match="CdWO4"):
        detector_response("BGO", 10, np.array([100.0]))
    with pytest.raises(PhysicsError, match="ascending"):
        Spectrum(np.array([2.0, 1.0]), np.ones(2))
    with pytest.raises(PhysicsError, match=">= 0"):
        Spectrum(np.array([1.0, 2.0]), np.array([1.0, np.nan]))
