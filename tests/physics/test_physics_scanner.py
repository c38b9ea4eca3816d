import json
from pathlib import Path

import numpy as np
import pytest

from nii.errors import PhysicsError
from nii.physics.forward import Beam, attenuation_curve
from nii.physics.scanner import Step, fit_factors, fit_scanner, read_scanner, read_spectra, scanner_text
from nii.physics.scanner_file import fit_files

SPECTRA = "energy_mev,phi_6mv,detector_energy_deposited_mev\n" + "".join(
    f"{e},{n},{d}\n" for e, n, d in ((0.3, 30, 0.28), (0.8, 40, 0.45), (2.0, 20, 0.85), (5.0, 5, 2.1))
)
HEAD = "endpoint_mev,material,areal_density_g_cm2,attenuation,sigma\n"
TRUE = (0.9, 0.985, 1.04)
STEPS = (("C", 150.0), ("Fe", 150.0), ("Pb", 150.0))
UNSEEN = (("O:0.53,Si:0.47", 40.0), ("H2O", 80.0), ("W", 60.0), ("U", 120.0), ("Sn", 20.0))


def measured(of: tuple[tuple[str, float], ...]) -> str:
    """CSV of what a scanner with the factors TRUE measures."""
    bare = read_spectra(SPECTRA)["6"]
    true = Beam(bare.name, bare.energy_kev, bare.weights, bare.quantum, TRUE)
    rows = ((m if "," not in m else f'"{m}"', m, x) for m, x in of)
    return HEAD + "".join(f"6,{shown},{x},{float(attenuation_curve(m, x, true))},0.0001\n" for shown, m, x in rows)


def test_the_factors_of_a_known_scanner_are_found_from_three_steps() -> None:
    fit = fit_scanner(SPECTRA, measured(STEPS))
    np.testing.assert_allclose(fit.beams["6"].factors, TRUE, atol=0.01)


def test_unseen_materials_are_predicted_with_the_factors_and_missed_without() -> None:
    fit = fit_scanner(SPECTRA, measured(STEPS), measured(UNSEEN))
    assert fit.check["6"]["n"] == 5
    assert fit.check["6"]["worst"] < 0.1
    assert fit.uncorrected["6"]["median"] > 0.5


def test_the_record_has_the_shape_that_users_read() -> None:
    record = fit_scanner(SPECTRA, measured(STEPS), measured(UNSEEN)).as_record()
    assert list(record)[:2] == ["factors", "check"]
    assert len(record["factors"]["6"]) == 3  # type: ignore[index] # a record of plain values
    assert set(record["check"]["6"]) == {"n", "median", "worst"}  # type: ignore[index]
    json.dumps(record)


def test_monte_carlo_is_met_within_the_goal(shared: Path) -> None:
    files = "spectra_and_response", "attenuation_calibration", "attenuation_low_areal_density"
    fit = fit_scanner(*((shared / "geant4" / f"{name}.csv").read_text() for name in files))
    for endpoint in ("4", "6"):
        assert fit.check[endpoint]["n"] == 75
        assert fit.check[endpoint]["median"] < 0.4
        assert fit.uncorrected[endpoint]["median"] > 1.0
    assert fit.notes == ("10 MV: steps without a spectrum, left out",)


def test_steps_of_one_material_leave_open_what_they_do_not_tell() -> None:
    bare = read_spectra(SPECTRA)["6"]
    depth = 50.0
    A = float(attenuation_curve("C", depth, bare))
    factors = fit_factors(bare, [Step(6.0, "C", depth, 0.99 * A)])
    assert factors[1] == pytest.approx(0.99, abs=0.004)  # carbon is all Compton, but for 1 % coherent
    assert factors[0] == pytest.approx(1, abs=0.02)


def test_a_scanner_file_brings_the_beams_back() -> None:
    fit = fit_scanner(SPECTRA, measured(STEPS))
    again = read_scanner(scanner_text(fit.beams))["6"]
    assert again.factors == fit.beams["6"].factors
    np.testing.assert_array_equal(again.weights, fit.beams["6"].weights)


@pytest.mark.parametrize(
    ("spectra", "steps", "message"),
    [
        ("a,b\n1,2\n", measured(STEPS), "missing energy_mev"),
        (SPECTRA.replace("phi_6mv", "flux"), measured(STEPS), "phi_6mv"),
        (SPECTRA, "endpoint_mev,material\n6,Fe\n", "missing areal_density_g_cm2"),
        (SPECTRA, HEAD + "6,Fe,ten,1,0\n", "line 2: expected a number"),
        (SPECTRA, HEAD + "6,Fe,-10,1,0\n", "line 2: expected positive"),
        (SPECTRA, HEAD + "6,Unobtainium,10,1,0\n", "Unobtainium"),
        (SPECTRA, HEAD + "4,Fe,10,1,0\n", "came none"),
        ("", measured(STEPS), "spectra"),
    ],
)
def test_wrong_tables_are_refused_in_one_line(spectra: str, steps: str, message: str) -> None:
    with pytest.raises(PhysicsError, match=message) as error:
        fit_scanner(spectra, steps)
    assert "\n" not in str(error.value)


def test_text_that_is_no_scanner_is_refused() -> None:
    for text in ("{}", "[1]", "not json", '{"beams": {"6": {"factors": [1]}}}'):
        with pytest.raises(PhysicsError, match="nii scanner fit"):
            read_scanner(text)


def test_files_are_fitted_and_bad_ones_named(tmp_path: Path) -> None:
    spectra, steps = tmp_path / "spectra.csv", tmp_path / "steps.csv"
    spectra.write_text("\ufeff" + SPECTRA, encoding="utf-8")
    steps.write_text(measured(STEPS))
    record, text = fit_files(spectra, steps)
    assert record["factors"] == {"6": pytest.approx(TRUE, abs=0.01)}
    assert set(read_scanner(text)) == {"6"}
    steps.write_bytes(b"\xff\xfe\x00")
    for bad in (steps, tmp_path / "none.csv", tmp_path):
        with pytest.raises(PhysicsError, match=bad.name):
            fit_files(spectra, bad)
