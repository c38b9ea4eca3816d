"""Scanners: fixed presets, and draws around them so that a detector meets scanners nobody here has seen."""

from dataclasses import dataclass, replace

import numpy as np

from nii.physics.forward import Beam, linac_beam
from nii.physics.noise import NoiseModel, for_beams
from nii.simulate.shapes import Box, View


@dataclass(frozen=True)
class Scanner:
    """A portal: two endpoint voltages, geometry and noise.

    endpoints_mev: low first. pitch_mm: (row, column) at the plane y = 0, the middle of the object.
    source_distance, source_height: of the focal spot from that plane and above the container's lower
    edge, mm. copper: filter in g/cm2. noise: as in nii.physics.noise.
    """

    name: str
    endpoints_mev: tuple[float, float]
    pitch_mm: tuple[float, float]
    source_distance: float
    source_height: float
    copper: float
    detector_mm: float
    noise: NoiseModel

    @property
    def energies(self) -> tuple[str, str]:
        """Names of the energies, low first, such as ("4MV", "6MV")."""
        low, high = self.endpoints_mev
        return f"{low:g}MV", f"{high:g}MV"

    def beams(self) -> tuple[Beam, Beam]:
        """The two beams as the detector sees them."""
        filters = (("copper", self.copper),)
        low, high = self.endpoints_mev
        return (
            linac_beam(low, thickness_mm=self.detector_mm, filters=filters),
            linac_beam(high, thickness_mm=self.detector_mm, filters=filters),
        )

    def view(self, extent: Box) -> View:
        """Rays and columns that show the whole extent."""
        step_z, step_x = self.pitch_mm
        columns = int((extent.x[1] - extent.x[0]) / step_x)
        rows = int((extent.z[1] - extent.z[0]) / step_z)
        return View(
            x=extent.x[0] + (np.arange(columns, dtype=np.float64) + 0.5) * step_x,
            z=extent.z[1] - (np.arange(rows, dtype=np.float64) + 0.5) * step_z,
            source_y=-self.source_distance,
            source_z=self.source_height,
        )


PRESETS = {
    "portal-6mv": Scanner(
        "portal-6mv", (4.0, 6.0), (6.0, 6.0), 6500.0, 1100.0, 2.7, 30.0, NoiseModel(photons=1.5e5)
    ),
    "portal-6mv-fine": Scanner(
        "portal-6mv-fine", (4.0, 6.0), (4.0, 4.0), 8000.0, 1500.0, 2.7, 30.0, NoiseModel(photons=8e4)
    ),
    "mobile-6mv": Scanner(
        "mobile-6mv", (4.0, 6.0), (7.0, 6.0), 4200.0, 700.0, 1.8, 20.0,
        NoiseModel(photons=4e4, row_gain=0.004, pulse_jitter=0.006, scatter=0.01, electronic=5),
    ),
}  # fmt: skip


def draw_scanner(rng: np.random.Generator) -> Scanner:
    """A scanner around one of the presets: pitch, geometry, filter, dose over a factor of 50, defects."""
    base = PRESETS[str(rng.choice(sorted(PRESETS)))]
    pitch = base.pitch_mm[0] * rng.uniform(0.85, 1.25)
    copper = float(rng.choice([0.9, 1.8, 2.7, 4.5]))
    scanner = replace(
        base,
        pitch_mm=(round(pitch, 2), round(pitch * rng.uniform(0.9, 1.1), 2)),
        source_distance=base.source_distance * rng.uniform(0.8, 1.3),
        source_height=base.source_height + rng.uniform(-500, 700),
        copper=copper,
        noise=draw_noise(rng),
    )
    return replace(scanner, noise=for_beams(scanner.noise, scanner.beams()))


def draw_noise(rng: np.random.Generator) -> NoiseModel:
    """A noise model, every parameter drawn broadly."""
    return NoiseModel(
        photons=float(np.exp(rng.uniform(np.log(2e4), np.log(1e6)))),
        electronic=float(rng.uniform(1, 12)),
        scatter=float(rng.uniform(0, 0.02)),
        scatter_range=float(rng.uniform(10, 50)),
        row_gain=float(np.exp(rng.uniform(np.log(5e-4), np.log(8e-3)))),
        pulse_jitter=float(np.exp(rng.uniform(np.log(5e-4), np.log(1e-2)))),
        blur=float(rng.uniform(0.7, 2.2)),
        afterglow=float(rng.choice([0.0, rng.uniform(0, 0.01)])),
        dead_rows=float(rng.choice([0.0, 0.0, 0.0, 0.004])),
        open_beam=float(round(rng.uniform(45_000, 64_500))),
    )
