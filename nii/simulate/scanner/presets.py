"""Scanners: fixed presets, and draws around them so that a detector meets scanners nobody here has seen."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nii.physics.beams import HIGH_LAYER, HIGH_LAYERS, LOW_LAYER, LOW_LAYERS, Layer
from nii.physics.faults import Chain, Faults
from nii.physics.forward import Beam, linac_beam, tube_beam
from nii.physics.noise import NoiseModel, for_beams
from nii.physics.spectra import Filters
from nii.simulate.render.draws import log_uniform
from nii.simulate.render.shapes import Box, View

SEEN = 0.3  # probability of each kind of fault of a faulty scanner
JPEG = 0.5  # share of pictures of few grey levels that were compressed


@dataclass(frozen=True)
class Linac:
    """One pulse energy of a linac. copper: filter in g/cm2. detector_mm: of cadmium tungstate."""

    endpoint_mev: float
    copper: float
    detector_mm: float

    @property
    def name(self) -> str:
        """Such as "6MV"."""
        return f"{self.endpoint_mev:g}MV"

    def beam(self) -> Beam:
        """As the detector sees it."""
        filters: Filters = (("copper", self.copper),)
        return linac_beam(self.endpoint_mev, thickness_mm=self.detector_mm, filters=filters)


@dataclass(frozen=True)
class Tube:
    """A tube as one layer of a sandwich detector sees it. side: "low" or "high", the energy of that layer."""

    kv: int
    side: str
    layer: Layer

    @property
    def name(self) -> str:
        """Such as "160kV-low", as a reader of two files of 160 kV names them."""
        return f"{self.kv}kV-{self.side}"

    def beam(self) -> Beam:
        """As the layer sees it."""
        return tube_beam(
            self.kv, detector=self.layer.detector, thickness_mm=self.layer.thickness_mm, filters=self.layer.filters
        )


@dataclass(frozen=True)
class Scanner:
    """A portal or a belt scanner: one or two energies, geometry and noise.

    channels: low energy first. pitch_mm: (row, column) at the plane y = 0, the middle of the object.
    source_distance, source_height: of the focal spot from that plane and above the container's lower edge
    (or the edge of the belt), mm. noise: as in nii.physics.noise. near: the source stands so near that the
    picture of what lies off the plane is much larger or smaller than the thing, and is shown to its edges.
    mirrored: things pass the other way, or the source stands on the other side of the lane.
    """

    name: str
    channels: tuple[Linac | Tube, ...]
    pitch_mm: tuple[float, float]
    source_distance: float
    source_height: float
    noise: NoiseModel
    near: bool = False
    mirrored: bool = False

    @property
    def energies(self) -> tuple[str, ...]:
        """Names of the energies, low first, such as ("4MV", "6MV")."""
        return tuple(channel.name for channel in self.channels)

    def beams(self) -> tuple[Beam, ...]:
        """One beam per energy, as the detector sees it."""
        return tuple(channel.beam() for channel in self.channels)

    def view(self, extent: Box) -> View:
        """Rays and columns that show the whole extent."""
        step_z, step_x = self.pitch_mm
        low, high = self._heights(extent) if self.near else extent.z
        columns = int((extent.x[1] - extent.x[0]) / step_x)
        rows = int((high - low) / step_z)
        return View(
            x=extent.x[0] + (np.arange(columns, dtype=np.float64) + 0.5) * step_x,
            z=high - (np.arange(rows, dtype=np.float64) + 0.5) * step_z,
            source_y=-self.source_distance,
            source_z=self.source_height,
        )

    def _heights(self, extent: Box) -> tuple[float, float]:
        """Where the rays to the extent's edges cross the plane y = 0."""
        stretch = [self.source_distance / (self.source_distance + y) for y in extent.y]
        crossings = [self.source_height + (z - self.source_height) * by for z in extent.z for by in stretch]
        return min(crossings), max(crossings)


PORTALS = {
    "portal-6mv": Scanner(
        "portal-6mv", (Linac(4.0, 2.7, 30.0), Linac(6.0, 2.7, 30.0)), (6.0, 6.0), 6500.0, 1100.0,
        NoiseModel(photons=1.5e5),
    ),
    "portal-6mv-fine": Scanner(
        "portal-6mv-fine", (Linac(4.0, 2.7, 30.0), Linac(6.0, 2.7, 30.0)), (4.0, 4.0), 8000.0, 1500.0,
        NoiseModel(photons=8e4),
    ),
    "mobile-6mv": Scanner(
        "mobile-6mv", (Linac(4.0, 1.8, 20.0), Linac(6.0, 1.8, 20.0)), (7.0, 6.0), 4200.0, 700.0,
        NoiseModel(photons=4e4, row_gain=0.004, pulse_jitter=0.006, scatter=0.01, electronic=5),
    ),
}  # fmt: skip
"""For containers and vehicles."""

BELTS = {
    "parcel-160kv": Scanner(
        "parcel-160kv", (Tube(160, "low", LOW_LAYER), Tube(160, "high", HIGH_LAYER)), (1.0, 1.0), 850.0, 300.0,
        NoiseModel(photons=1.5e5), near=True,
    ),
    "parcel-160kv-fine": Scanner(
        "parcel-160kv-fine", (Tube(160, "low", LOW_LAYER), Tube(160, "high", HIGH_LAYER)), (0.8, 0.8), 700.0, 250.0,
        NoiseModel(photons=6e4), near=True,
    ),
}  # fmt: skip
"""For parcels on a belt."""

PRESETS = PORTALS | BELTS


def draw_scanner(rng: np.random.Generator) -> Scanner:
    """A portal around one of the presets: pitch, geometry, filter, dose over a factor of 50, defects."""
    base = PORTALS[str(rng.choice(sorted(PORTALS)))]
    pitch = base.pitch_mm[0] * rng.uniform(0.85, 1.25)
    copper = float(rng.choice([0.9, 1.8, 2.7, 4.5]))
    scanner = replace(
        base,
        channels=tuple(replace(channel, copper=copper) for channel in base.channels if isinstance(channel, Linac)),
        pitch_mm=(round(pitch, 2), round(pitch * rng.uniform(0.9, 1.1), 2)),
        source_distance=base.source_distance * rng.uniform(0.8, 1.3),
        source_height=base.source_height + rng.uniform(-500, 700),
        noise=draw_noise(rng),
        mirrored=bool(rng.random() < 0.5),
    )
    return replace(scanner, noise=for_beams(scanner.noise, scanner.beams()))


def draw_belt_scanner(rng: np.random.Generator) -> Scanner:
    """A belt scanner around one of the presets: pitch 0.8 to 1.6 mm, geometry, layers, dose, defects."""
    base = BELTS[str(rng.choice(sorted(BELTS)))]
    pitch = base.pitch_mm[0] * rng.uniform(1.0, 1.45)
    low, high = (layers[rng.integers(len(layers))] for layers in (LOW_LAYERS, HIGH_LAYERS))
    scanner = replace(
        base,
        channels=(Tube(160, "low", low), Tube(160, "high", high)),
        pitch_mm=(round(pitch, 2), round(max(pitch * rng.uniform(0.9, 1.1), 0.8), 2)),
        source_distance=rng.uniform(700, 1000),
        source_height=rng.uniform(-50, 400),
        noise=replace(
            draw_noise(rng),  # a tube shines steadily, and a belt scanner's gains are measured between parcels
            row_gain=log_uniform(rng, 2e-4, 3e-3),
            pulse_jitter=log_uniform(rng, 2e-4, 3e-3),
            misregistration=0.0,  # both layers are read at once
        ),
    )
    return replace(scanner, noise=for_beams(scanner.noise, scanner.beams()))


def draw_noise(rng: np.random.Generator) -> NoiseModel:
    """A noise model, every parameter drawn broadly."""
    bits = int(rng.choice([12, 14, 16, 16, 16]))
    unit = 2.0 ** (bits - 16)  # counts of such a converter in a count of 16 bits
    return NoiseModel(
        photons=log_uniform(rng, 2e4, 1e6),
        electronic=float(rng.uniform(1, 12)) * unit,
        scatter=float(rng.uniform(0, 0.02)),
        scatter_range=float(rng.uniform(10, 50)),
        row_gain=log_uniform(rng, 5e-4, 8e-3),
        pulse_jitter=log_uniform(rng, 5e-4, 1e-2),
        blur=float(rng.uniform(0.7, 2.2)),
        afterglow=float(rng.choice([0.0, rng.uniform(0, 0.01)])),
        dead_rows=float(rng.choice([0.0, 0.0, 0.0, 0.004])),
        air_error=log_uniform(rng, 5e-4, 1e-2),
        misregistration=float(rng.choice([0.0, 0.5, rng.uniform(-0.5, 0.5)])),
        bits=bits,
        open_beam=float(round(rng.uniform(45_000, 64_500) * unit)),
    )


def draw_chain(rng: np.random.Generator, *, faulty: float, coarsest: float) -> Chain:
    """Noise as by draw_noise, and with the probability `faulty` more of it, and faults.

    coarsest: pixels of the worst scanner over those of the picture.
    """
    noise = draw_noise(rng)
    if rng.random() >= faulty:
        return Chain(noise)
    return Chain(_worse(rng, noise), draw_faults(rng, coarsest))


def _worse(rng: np.random.Generator, noise: NoiseModel) -> NoiseModel:
    """Each of these with the probability SEEN: scatter, gains and air up to three times as bad, energies apart."""
    drawn = {
        "scatter": rng.uniform(0.02, 0.06),
        "row_gain": log_uniform(rng, 4e-3, 2.5e-2),
        "air_error": log_uniform(rng, 5e-3, 3e-2),
        "misregistration": rng.uniform(-1.5, 1.5),
    }
    kept: dict[str, Any] = {name: value for name, value in drawn.items() if rng.random() < SEEN}
    return replace(noise, **kept)


def draw_faults(rng: np.random.Generator, coarsest: float) -> Faults:
    """Faults of a scanner and of its pictures, each kind with the probability SEEN."""
    drawn: list[dict[str, Any]] = [
        {"lag": log_uniform(rng, 0.01, 0.12), "lag_columns": log_uniform(rng, 0.7, 8)},
        {"gain_steps": log_uniform(rng, 2e-3, 3e-2), "block": int(rng.choice([8, 16, 32, 64]))},
        {"drift": log_uniform(rng, 3e-3, 3e-2)},
        {"lines": log_uniform(rng, 2e-3, 2e-2), "line_gain": log_uniform(rng, 0.01, 0.15)},
        {"ghost": log_uniform(rng, 3e-3, 3e-2), "ghost_shift": (int(rng.integers(-9, 10)), int(rng.integers(4, 60)))},
        {"coarse": log_uniform(rng, 1, coarsest)},
        {
            "levels": int(rng.choice([128, 256, 256, 256, 1024])),
            "of_attenuation": bool(rng.random() < 0.6),
            "deepest": rng.uniform(4, 8),
        },
    ]
    found = Faults(**{name: value for kind in drawn if rng.random() < SEEN for name, value in kind.items()})
    compressed = bool(found.levels) and rng.random() < JPEG
    return replace(found, jpeg=int(rng.integers(60, 98))) if compressed else found
