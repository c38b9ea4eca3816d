"""Attenuation against NIST's figures: XCOM (Berger et al.), total with coherent scattering."""

import csv
from pathlib import Path

import numpy as np
import pytest

from nii.errors import PhysicsError
from nii.physics.attenuation import PROCESSES, Spline, mass_attenuation, partial_attenuation

# NIST XCOM, cm2/g, printed to four digits
ENERGIES_KEV = (20, 60, 100, 500, 1000, 3000, 9000)
NIST = {
    "H": (0.3695, 0.326, 0.2944, 0.1729, 0.1263, 0.06921, 0.03478),
    "C": (0.442, 0.1753, 0.1514, 0.08715, 0.06362, 0.03563, 0.02047),
    "N": (0.6179, 0.1817, 0.1529, 0.08719, 0.06364, 0.03579, 0.02106),
    "O": (0.8653, 0.1907, 0.1551, 0.0873, 0.06372, 0.03597, 0.02166),
    "Al": (3.442, 0.2778, 0.1704, 0.08445, 0.06146, 0.03541, 0.02369),
    "Cl": (7.74, 0.4394, 0.205, 0.08453, 0.06128, 0.03585, 0.02581),
    "Fe": (25.68, 1.205, 0.3717, 0.08415, 0.05995, 0.03621, 0.02987),
    "Cu": (33.8, 1.593, 0.4585, 0.08363, 0.05901, 0.03599, 0.03084),
    "Sn": (21.46, 6.565, 1.677, 0.09374, 0.058, 0.03687, 0.03808),
    "Gd": (43.61, 11.75, 3.109, 0.1139, 0.0612, 0.03865, 0.04266),
    "W": (65.72, 3.713, 4.437, 0.1378, 0.06618, 0.04075, 0.0461),
    "Au": (78.81, 4.529, 5.158, 0.153, 0.06953, 0.04202, 0.0478),
    "Pb": (86.37, 5.02, 5.549, 0.1613, 0.07102, 0.04234, 0.04823),
    "U": (71.07, 7.034, 1.955, 0.1976, 0.07895, 0.04447, 0.05039),
}
# XCOM's figures at the pair thresholds, 1022 and 2044 keV, which are no nodes of our table
BETWEEN_NODES = {
    "C": (0.06296, 0.04391),
    "Al": (0.0608, 0.04277),
    "Fe": (0.05928, 0.04224),
    "Sn": (0.05723, 0.04081),
    "Pb": (0.06962, 0.04577),
    "U": (0.07718, 0.0484),
}


@pytest.mark.parametrize("symbol", sorted(NIST))
def test_elements_equal_nist_from_20_kev_to_9_mev(symbol: str) -> None:
    # 0.1 %: the four printed digits are good for 0.05 %, atomic weights differ by as much
    np.testing.assert_allclose(mass_attenuation(symbol, ENERGIES_KEV), NIST[symbol], rtol=1e-3)


@pytest.mark.parametrize("symbol", sorted(BETWEEN_NODES))
def test_interpolation_meets_nist_between_the_nodes(symbol: str) -> None:
    np.testing.assert_allclose(mass_attenuation(symbol, (1022, 2044)), BETWEEN_NODES[symbol], rtol=1e-3)


def test_the_team_table_of_41_elements_is_met_at_all_nodes(shared: Path) -> None:
    with (shared / "nist" / "mev_nodes_cm2_per_g.csv").open() as file:
        head, *rows = csv.reader(file)
    assert len(rows) == 41
    energies = [float(v) for v in head[2:]]
    for row in rows:
        np.testing.assert_allclose(
            mass_attenuation(row[1], energies), [float(v) for v in row[2:]], rtol=1e-3, err_msg=row[1]
        )


def test_water_by_name_by_formula_and_by_mass_fractions_is_the_same_and_equals_nist() -> None:
    by_name = mass_attenuation("water", (100.0, 1000.0, 6000.0))
    np.testing.assert_allclose(by_name, (0.1707, 0.07072, 0.02770), rtol=1e-3)
    np.testing.assert_allclose(mass_attenuation("H2O", (100.0, 1000.0, 6000.0)), by_name, rtol=1e-9)
    mapped = mass_attenuation({"H": 0.111894, "O": 0.888106}, (100.0, 1000.0, 6000.0))
    np.testing.assert_allclose(mapped, by_name, rtol=1e-5)


def test_the_step_where_xraylib_joins_nist_is_under_a_thirtieth_of_a_percent() -> None:
    for symbol in NIST:
        below, above = mass_attenuation(symbol, (799.999, 800.001))
        assert abs(above / below - 1) < 3.5e-4, symbol


def test_the_edge_of_lead_lies_at_88_kev() -> None:
    below, above = mass_attenuation("Pb", (87.9, 88.1))
    assert above / below == pytest.approx(4.0, abs=0.2)  # NIST: 1.910 and 7.683 cm2/g


def test_parts_add_up_and_pair_production_starts_at_its_threshold() -> None:
    energies = np.array([300.0, 1000.0, 1030.0, 6000.0])
    parts = partial_attenuation("Pb", energies)
    assert parts.shape == (len(PROCESSES), 4)
    np.testing.assert_allclose(parts.sum(axis=0), mass_attenuation("Pb", energies))
    assert (parts[3, :2] == 0).all()
    assert 0 < parts[3, 2] < 1e-5
    assert parts[3, 3] == pytest.approx(0.02535, rel=1e-3)  # NIST XCOM, nucleus and electrons


def test_shape_of_the_energies_is_kept() -> None:
    assert mass_attenuation("Fe", np.full((2, 3), 500.0)).shape == (2, 3)
    assert mass_attenuation("Fe", 500.0).shape == ()


@pytest.mark.parametrize("energy", [9.0, 10_001.0, float("nan")])
def test_energies_beyond_the_tables_are_refused(energy: float) -> None:
    with pytest.raises(PhysicsError, match="10 to 10000 keV"):
        mass_attenuation("Fe", energy)


def test_a_spline_goes_through_a_cubic_exactly() -> None:
    x = np.array([0.0, 1.0, 2.5, 3.0, 5.0])
    at = np.linspace(-0.5, 5.5, 13)
    np.testing.assert_allclose(Spline(x, (x**3 - 2 * x)[None])(at)[0], at**3 - 2 * at, atol=1e-10)
