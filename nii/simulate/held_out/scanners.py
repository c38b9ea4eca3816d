"""Portals outside the range of nii.simulate.scanner.presets.draw_scanner in most of what is drawn."""

from dataclasses import replace

from nii.physics.noise import NoiseModel, for_beams
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.scanner.presets import Linac, Scanner, draw_noise

COPPERS = (0.0, 9.0)  # g/cm2: no filter, or 10 mm
DETECTORS_MM = (10.0, 45.0)  # of cadmium tungstate
COARSE = 0.75  # share of scanners with pixels of 9 to 13 mm; of others the rows are fine, or rows and columns
FINE_ROWS = 0.7  # share of the others whose columns are coarse all the same: fast traffic before a fine detector
LOW_DOSE = 0.5  # share of scanners with few photons
EIGHT_BITS = 0.3  # share of scanners with 256 levels


def draw_held_out_scanner(rng: Rng) -> Scanner:
    """A portal of 4 and 6 MV behind another filter, with another detector, pitch and geometry; often a faint one."""
    copper, thickness = float(rng.choice(COPPERS)), float(rng.choice(DETECTORS_MM))
    distance, height = _draw_source(rng)
    scanner = Scanner(
        name="held-out",
        channels=(Linac(4.0, copper, thickness), Linac(6.0, copper, thickness)),
        pitch_mm=_draw_pitch(rng),
        source_distance=distance,
        source_height=height,
        noise=_draw_noise(rng),
        near=True,
        mirrored=bool(rng.random() < 0.5),
    )
    return replace(scanner, noise=for_beams(scanner.noise, scanner.beams()))


def _draw_source(rng: Rng) -> tuple[float, float]:
    """Distance and height of the focal spot, mm: under the floor and near, above the roof, or far away."""
    match rng.integers(3):
        case 0:
            return rng.uniform(2700, 3300), rng.uniform(-900, -200)
        case 1:
            return rng.uniform(4500, 9000), rng.uniform(3200, 5000)
        case _:
            return rng.uniform(12_000, 20_000), rng.uniform(300, 3000)


def _draw_pitch(rng: Rng) -> tuple[float, float]:
    """Pitch along (row, column), mm."""
    coarse, fine = rng.uniform(9, 13), rng.uniform(2.5, 3)
    if rng.random() < COARSE:
        pitch = coarse, coarse * rng.uniform(0.75, 1.3)
    elif rng.random() < FINE_ROWS:
        pitch = fine, coarse
    else:
        pitch = fine, fine
    return round(pitch[0], 2), round(pitch[1], 2)


def _draw_noise(rng: Rng) -> NoiseModel:
    """As of other portals, but often faint, and often of 8 bits."""
    noise = draw_noise(rng)
    if rng.random() < LOW_DOSE:
        noise = replace(noise, photons=log_uniform(rng, 3e3, 2e4), blur=rng.uniform(1.5, 3))
    if rng.random() < EIGHT_BITS:
        noise = replace(noise, bits=8, open_beam=float(round(rng.uniform(200, 250))), electronic=rng.uniform(0, 0.4))
    return noise
