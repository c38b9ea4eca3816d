import pytest

from nii.errors import PhysicsError
from nii.physics.line import effective_number
from nii.physics.materials import MATERIALS, atomic_numbers, atomic_weights, atoms, mass_fractions

GROUPS = {"organic", "inorganic", "metal", "heavy metal"}


def test_the_table_is_rich_and_every_entry_is_whole() -> None:
    assert len(MATERIALS) >= 60
    for material in MATERIALS.values():
        assert sum(material.composition.values()) == pytest.approx(1.0)
        assert 0.001 < material.density_g_cm3 < 20
        assert material.group in GROUPS
        assert len(material.source) > 2


def test_what_the_service_looks_for_is_there() -> None:
    wanted = "fentanyl_hcl fentanyl_citrate mannitol lactose caffeine xylazine_hcl 4_anpp npp 4_piperidone "
    wanted += "phenethyl_bromide cocaine_hcl heroin methamphetamine_hcl cannabis tobacco banknotes gold lead"
    assert set(wanted.split()) <= set(MATERIALS)


def test_fentanyl_hydrochloride_has_the_composition_of_its_formula() -> None:
    # molar mass 372.9 g/mol; carbon 22 x 12.011 / 372.9
    fractions = MATERIALS["fentanyl_hcl"].composition
    assert fractions["C"] == pytest.approx(0.7085, abs=5e-4)
    assert fractions["Cl"] == pytest.approx(0.0951, abs=5e-4)


def test_formulas_with_brackets_are_read() -> None:
    assert atoms("Ca3(PO4)2") == {"Ca": 3, "P": 2, "O": 8}
    assert atoms("Mg(Al(OH)4)2") == {"Mg": 1, "Al": 2, "O": 8, "H": 8}
    assert atoms("UO2.5") == {"U": 1, "O": 2.5}


def test_mixtures_of_formulas_add_up() -> None:
    fractions = mass_fractions("H2O:0.5,NaCl:0.5")
    assert fractions["O"] == pytest.approx(0.4441, abs=1e-4)
    assert sum(fractions.values()) == pytest.approx(1.0)


def test_fractions_that_are_rounded_are_scaled_to_one() -> None:
    assert sum(mass_fractions("O:0.53,Si:0.465").values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "text", ["unobtainium", "Xx2", "H2O)", "(H2O", "", "2H", "O:0.5,Si:0.1", "O:x,Si:0.5", "O:-0.5,Si:1.5", "C0"]
)
def test_what_is_no_material_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(PhysicsError) as error:
        mass_fractions(text)
    assert "\n" not in str(error.value)


def test_elements_are_numbered_and_weighed() -> None:
    assert atomic_numbers()["Pb"] == 82
    assert atomic_weights()["Fe"] == pytest.approx(55.85, abs=0.01)  # IUPAC 55.845
    assert len(atomic_numbers()) == 98


def test_effective_numbers_are_the_mean_over_electrons() -> None:
    # water: 2 electrons of hydrogen (Z 1) and 8 of oxygen (Z 8): (2 x 1 + 8 x 8) / 10
    assert effective_number("H2O") == pytest.approx(6.6, abs=0.01)
    assert effective_number("Fe") == 26
