import numpy as np
import pytest

from nii.errors import PhysicsError, ScanError
from nii.physics.forward import linac_beam, transmission, tube_beam
from nii.physics.noise import NoiseModel
from nii.quality.phantom import (
    CARGO,
    FINE,
    PARCEL,
    PHANTOMS,
    _expected,
    drawing,
    extent_mm,
    layout,
    phantom_transmission,
    read_phantom,
    simulate_phantom,
)
from nii.scan import Kind, Scan

BEAMS = (linac_beam(4.0), linac_beam(6.0))
PITCH = (6.0, 6.0)


def scanned(
    rng: np.random.Generator, *, photons: float = 1e5, blur: float = 1.2, shift: tuple[int, int] = (0, 0)
) -> Scan:
    noise = NoiseModel(photons=photons, blur=blur)
    measured = simulate_phantom(CARGO, pitch_mm=PITCH, beams=BEAMS, noise=noise, rng=rng)
    air = np.pad(measured, ((0, 0), (shift[0], 0), (shift[1], 0)), constant_values=1)
    return Scan(transmission=air, energies=("4MV", "6MV"), pitch_mm=PITCH)


def test_parts_do_not_overlap_and_fill_the_extent() -> None:
    for phantom in PHANTOMS.values():
        width, height = extent_mm(phantom)
        taken = np.zeros((int(height) + 1, int(width) + 1), int)
        for part in layout(phantom):
            taken[round(part.z) : round(part.z + part.height), round(part.x) : round(part.x + part.width)] += 1
        assert taken.max() == 1


def test_the_drawing_weighs_what_its_parts_weigh() -> None:
    # a wire of 20 mm behind nothing: pi / 4 x 2 cm x 2 cm x 7.85 g/cm3 = 24.66 g per cm of length
    steel = drawing(CARGO, PITCH)[0]
    wire = next(p for p in layout(CARGO) if (p.kind, p.size, p.behind) == ("wire", 20, 0))
    fine = 6.0 / FINE
    row = steel[int((wire.z + 75) / fine)]
    inside = row[int(wire.x / fine) : int((wire.x + wire.width) / fine)]
    assert inside.sum() * fine / 10 == pytest.approx(24.66, rel=1e-3)


def test_the_first_step_lets_through_what_25_mm_of_steel_do() -> None:
    T = phantom_transmission(CARGO, PITCH, BEAMS, margin=0)
    expected = transmission(np.full((1, 1, 1), 2.5 * 7.85, np.float32), ["steel"], BEAMS)[:, 0, 0]
    np.testing.assert_allclose(T[:, 3, 3], expected, rtol=1e-5)
    assert T[1, 3, 3] > T[1, 12, 12]  # its block is thicker


def test_more_photons_see_thicker_steel_thinner_wires_and_fainter_blocks(rng: np.random.Generator) -> None:
    few, many = (read_phantom(scanned(rng, photons=n), CARGO, BEAMS) for n in (1e4, 1e6))
    assert 100 <= few["penetration_steel_mm"] < many["penetration_steel_mm"] <= 360  # type: ignore[operator]
    assert many["contrast_percent"] < few["contrast_percent"] <= 10  # type: ignore[operator]
    assert many["wire_mm"]["100"] < few["wire_mm"]["100"]  # type: ignore[index]


def test_blur_hides_small_holes(rng: np.random.Generator) -> None:
    sharp, soft = (read_phantom(scanned(rng, blur=b), CARGO, BEAMS) for b in (1.0, 4.0))
    assert sharp["hole_mm"] < soft["hole_mm"]  # type: ignore[operator]


def test_the_phantom_is_found_wherever_it_lies(rng: np.random.Generator) -> None:
    here = read_phantom(scanned(np.random.default_rng(5)), CARGO, BEAMS)
    there = read_phantom(scanned(np.random.default_rng(5), shift=(31, 17)), CARGO, BEAMS)
    assert here["match"] > 0.9  # type: ignore[operator]
    for key in ("penetration_steel_mm", "wire_mm", "contrast_percent", "hole_mm"):
        assert here[key] == there[key]


def test_blank_plates_show_no_blocks_wires_or_holes(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    def plate(part: object, z: np.ndarray, x: np.ndarray, step_x: float) -> np.ndarray:
        return np.full((z.size, x.size), part.behind, np.float32)  # type: ignore[attr-defined]

    with monkeypatch.context() as blank:
        blank.setattr("nii.quality.phantom._thickness", plate)
        _expected.cache_clear()
        scan = scanned(rng, photons=1e6)
    _expected.cache_clear()
    seen = read_phantom(scan, CARGO, BEAMS)
    assert seen["penetration_steel_mm"] is None
    assert seen["contrast_percent"] is None
    assert seen["hole_mm"] is None
    assert set(seen["wire_mm"].values()) == {None}  # type: ignore[attr-defined]


def test_a_parcel_scanner_has_a_phantom_of_its_own_size(rng: np.random.Generator) -> None:
    beams = (tube_beam(160, thickness_mm=0.3), tube_beam(160, detector="CsI", thickness_mm=4.0))
    measured = simulate_phantom(PARCEL, pitch_mm=(1.0, 1.0), beams=beams, noise=NoiseModel(), rng=rng)
    seen = read_phantom(Scan(transmission=measured, pitch_mm=(1.0, 1.0)), PARCEL, beams)
    assert 10 <= seen["penetration_steel_mm"] <= 50  # type: ignore[operator]
    assert seen["wire_mm"]["0"] <= 0.6  # type: ignore[index]


def test_other_scans_are_refused(rng: np.random.Generator) -> None:
    empty = rng.normal(0.8, 0.01, (2, 300, 600)).astype(np.float32)
    with pytest.raises(ScanError, match="best match"):
        read_phantom(Scan(transmission=empty, pitch_mm=PITCH), CARGO, BEAMS)
    with pytest.raises(ScanError, match="larger"):
        read_phantom(Scan(transmission=empty[:, :50, :50], pitch_mm=PITCH), CARGO, BEAMS)
    with pytest.raises(ScanError, match="pitch_mm"):
        read_phantom(Scan(transmission=empty), CARGO, BEAMS)
    with pytest.raises(ScanError, match="transmission scan"):
        read_phantom(Scan(transmission=empty, pitch_mm=PITCH, kind=Kind.OPERATOR_IMAGE), CARGO, BEAMS)
    with pytest.raises(PhysicsError, match="pitch"):
        phantom_transmission(CARGO, (0.0, 6.0), BEAMS)
