import numpy as np
import pytest

from nii.errors import PhysicsError
from nii.physics.forward import linac_beam, transmission
from nii.physics.line import MaterialClass
from nii.physics.mass import Mass, excess_mass, layer_excess
from nii.physics.noise import NoiseModel
from nii.studies.physics import DETECTABLE, mass_table, material_table

BEAMS = (linac_beam(4.0), linac_beam(6.0))
MASK = np.zeros((30, 30), bool)
MASK[5:25, 5:25] = True


def weighed(material: str, depth: float, steel: float = 0.0, *, energies: int = 2, **options: object) -> Mass:
    """Mass of a slab of 20 x 20 pixels of 6 mm without noise, behind steel (g/cm2)."""
    layers = np.zeros((2, 30, 30), np.float32)
    layers[0] = steel
    without = transmission(layers, ["steel", material], BEAMS)
    layers[1, MASK] = depth
    with_layer = transmission(layers, ["steel", material], BEAMS)
    excess = np.log(without / with_layer)
    return excess_mass(
        excess[-energies:], MASK, with_layer[-energies:], pitch_mm=(6.0, 6.0), beams=BEAMS[-energies:], **options
    )  # type: ignore[arg-type] # options are passed on


@pytest.mark.parametrize("steel", [0.0, 40.0, 120.0])
def test_ten_grams_of_fentanyl_on_144_square_centimetres_weigh_1440_grams(steel: float) -> None:
    # 20 x 20 pixels x 0.36 cm2 x 10 g/cm2
    mass = weighed("fentanyl_hcl", 10.0, steel)
    assert mass.kg == pytest.approx(1.44, rel=0.02)
    assert mass.low < 1.44 < mass.high
    assert mass.areal_density == pytest.approx(10.0, rel=0.02)
    assert mass.seen == 1.0


@pytest.mark.parametrize(
    ("material", "expected"),
    [
        ("lactose", MaterialClass.ORGANIC),
        ("sand", MaterialClass.INORGANIC),
        ("steel", MaterialClass.METAL),
        ("lead", MaterialClass.HEAVY_METAL),
    ],
)
def test_thick_layers_behind_steel_are_told_apart(material: str, expected: MaterialClass) -> None:
    assert weighed(material, 40.0, 60.0).material_class is expected


def test_lead_that_looks_like_salt_is_undetermined() -> None:
    mass = weighed("lead", 20.0)
    assert mass.material_class is MaterialClass.UNDETERMINED
    assert mass.z_low < 20
    assert mass.z_high > 75


def test_a_press_is_weighed_as_metal_when_that_is_known() -> None:
    known = weighed("steel", 10.0, 40.0, energies=1, prior={MaterialClass.METAL: 1.0})
    assert known.kg == pytest.approx(1.44, rel=0.03)


def test_one_energy_gives_a_mass_but_no_material() -> None:
    mass = weighed("lactose", 10.0, 40.0, energies=1)
    assert mass.kg == pytest.approx(1.44, rel=0.03)
    assert mass.material_class is MaterialClass.UNDETERMINED


def test_a_doubtful_background_widens_the_interval() -> None:
    sure, doubtful = weighed("lactose", 10.0, 40.0), weighed("lactose", 10.0, 40.0, background_error=0.05)
    assert doubtful.high - doubtful.low > 3 * (sure.high - sure.low)


def test_what_the_beam_does_not_cross_is_said_and_widens_the_interval() -> None:
    T = np.full((2, 30, 30), 0.2, np.float32)
    T[:, :, :10] = 0
    excess = np.full_like(T, 0.3)
    mass = excess_mass(excess, MASK, T, pitch_mm=(6.0, 6.0), beams=BEAMS)
    clear = excess_mass(excess, MASK, np.full_like(T, 0.2), pitch_mm=(6.0, 6.0), beams=BEAMS)
    assert mass.seen == 0.75
    assert mass.kg == pytest.approx(clear.kg, rel=0.02)
    assert mass.high - mass.low > 2 * (clear.high - clear.low)
    black = excess_mass(excess, MASK, np.zeros_like(T), pitch_mm=(6.0, 6.0), beams=BEAMS)
    assert black.seen == 0
    assert black.material_class is MaterialClass.UNDETERMINED


def test_no_excess_weighs_nothing_and_is_undetermined() -> None:
    T = np.full((2, 30, 30), 0.2, np.float32)
    mass = excess_mass(np.zeros_like(T), MASK, T, pitch_mm=(6.0, 6.0), beams=BEAMS, noise=NoiseModel())
    assert mass.kg < 0.03
    assert mass.low == 0
    assert mass.material_class is MaterialClass.UNDETERMINED


def test_bias_and_coverage_of_powders_behind_steel_are_within_the_goal() -> None:
    table = mass_table(8)
    assert len(table) == 5
    for row in table.values():
        assert abs(row["bias_percent"]) < 3
        assert row["detectable"] >= 7
    # 40 trials at 90 %: at least 80 % in 98 of 100 runs; `figures mass` has the goal of 85 to 95 % on many
    assert np.mean([row["coverage_percent"] for row in table.values()]) >= 80
    assert DETECTABLE == 5


def test_a_wrong_class_is_rare_and_undetermined_is_said_instead() -> None:
    wrong = right = 0
    for answers in material_table(1).values():
        for true, found in answers.items():
            right += found.get(true, 0)
            wrong += sum(n for name, n in found.items() if name not in (true, "undetermined"))
    assert right > 10
    assert wrong <= 2  # of 48


def test_the_logarithm_of_a_noisy_transmission_is_not_biased(rng: np.random.Generator) -> None:
    T = np.full((1, 300, 300), 0.01, np.float32)
    spread = np.full_like(T, 4e-6)  # 20 % of the signal
    noisy = (T + rng.normal(0, 2e-3, T.shape)).astype(np.float32)
    excess = layer_excess(noisy, np.full_like(T, 0.02), spread)
    assert excess.mean() == pytest.approx(np.log(2), abs=0.005)
    assert np.log(0.02 / noisy).mean() > np.log(2) + 0.015


def test_shapes_that_do_not_fit_are_refused() -> None:
    T = np.full((2, 30, 30), 0.2, np.float32)
    with pytest.raises(PhysicsError, match="at least one pixel"):
        excess_mass(T, np.zeros((30, 30), bool), T, pitch_mm=(6.0, 6.0), beams=BEAMS)
    with pytest.raises(PhysicsError, match="energy, row, column"):
        excess_mass(T[:, :10], MASK, T, pitch_mm=(6.0, 6.0), beams=BEAMS)
    with pytest.raises(PhysicsError, match="a beam per energy"):
        excess_mass(T, MASK, T, pitch_mm=(6.0, 6.0), beams=BEAMS[:1])
    with pytest.raises(PhysicsError, match="positive mm"):
        excess_mass(T, MASK, T, pitch_mm=(6.0, 0.0), beams=BEAMS)
