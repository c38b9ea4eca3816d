"""A scene is a list of parts; rendering it gives areal densities per material.

What is drawn (random) is in `containers`, `loads` and `concealments`; what is here is deterministic.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nii.physics.forward import Beam, transmission
from nii.scan import FloatArray
from nii.simulate.render.shapes import Box, Oriented, Patch, Shape, View
from nii.simulate.render.textures import PATTERNS, blobs

TILE = (64, 128)  # rows and columns of a part of an image that fits the cache of one core
FAINTEST = np.float32(1e-12)  # transmission; no scanner sees a millionth of that


@dataclass(frozen=True)
class Texture:
    """Uneven filling of a solid: its path is multiplied by a pattern of mean 1.

    pattern: "grain" (blobs), "folds" (creases, as of cloth), "stripes-x", "stripes-z" (layers), "grid" (packed
    items), or one of textures.PATTERNS; stripes and grids turn with the solid.
    size: period or blob size, mm. contrast: standard deviation of the multiplier.
    seed: of the pattern's own random numbers, so that a scene renders to the same bytes.
    """

    pattern: str
    size: tuple[float, float]  # mm along x and z
    contrast: float
    seed: int


@dataclass(frozen=True)
class Part:
    """A solid of one material.

    density: g/cm3. sign: -1 takes the solid out again (a hollow, or goods that a concealment displaces).
    """

    shape: Shape
    material: str
    density: float
    sign: int = 1
    texture: Texture | None = None

    @property
    def mass_kg(self) -> float:
        """Signed mass by volume and density."""
        return self.sign * self.shape.volume_cm3 * self.density / 1000


@dataclass(frozen=True)
class Spot:
    """A free or filled volume where something can be concealed.

    host: the goods that are displaced there; None for free space beside, on or between them.
    """

    box: Box
    host: Part | None = None


@dataclass(frozen=True)
class Concealment:
    """Parts that should not be there, and what they displace; the family is the COCO category."""

    family: str
    parts: tuple[Part, ...]
    displaced: tuple[Part, ...] = ()

    @property
    def mass_kg(self) -> float:
        """Mass of what was put there, without what it displaced."""
        return sum(part.mass_kg for part in self.parts)


@dataclass(frozen=True)
class Scene:
    """What stands in the beam.

    conveyance and load: what belongs there. concealments: what does not.
    cargo: kind of load, "a+b" when mixed. extent: box that the picture must show, mm.
    """

    conveyance: tuple[Part, ...]
    load: tuple[Part, ...]
    concealments: tuple[Concealment, ...]
    cargo: str
    extent: Box
    conveyance_kind: str


def enclosing(parts: Sequence[Part]) -> Box:
    """The smallest box around these parts (at least one)."""
    boxes = [part.shape.bounds for part in parts]
    return Box(
        (min(box.x[0] for box in boxes), max(box.x[1] for box in boxes)),
        (min(box.y[0] for box in boxes), max(box.y[1] for box in boxes)),
        (min(box.z[0] for box in boxes), max(box.z[1] for box in boxes)),
    )


def areal_densities(parts: Iterable[Part], view: View) -> dict[str, FloatArray]:
    """Areal density of each material, g/cm2, float32 (row, column)."""
    shape = (view.z.size, view.x.size)
    layers: dict[str, FloatArray] = {}
    for part in parts:
        patch = part.shape.path(view)
        if patch.path.size == 0:
            continue
        amount = patch.path * (part.sign * part.density / 10)  # mm to cm
        if part.texture is not None:
            amount = amount * texture(part.texture, patch, view, turn=_turn(part.shape))
        if part.material not in layers:
            layers[part.material] = np.zeros(shape, np.float32)
        layers[part.material][patch.rows, patch.columns] += amount
    return layers


def solid(parts: Iterable[Part], view: View) -> dict[str, FloatArray]:
    """`areal_densities` of what stands there; not below 0 where solids that are taken out of each other overlap."""
    layers = areal_densities(parts, view)
    for layer in layers.values():
        np.maximum(layer, 0, out=layer)
    return layers


def summed(first: Mapping[str, FloatArray], second: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Areal densities by material of both together; neither is changed."""
    out = dict(first)
    for material, layer in second.items():
        out[material] = out[material] + layer if material in out else layer
    return out


def expected(layers: Mapping[str, FloatArray], shape: tuple[int, int], beams: Sequence[Beam]) -> FloatArray:
    """Expected transmission (energy, row, column) of areal densities by material; what is below 0 counts as 0.

    At least FAINTEST, since it has a logarithm: at 160 kV a steel block lets through less than float32 holds.
    Tile by tile, each with the materials that lie in it: few do, of the dozens in a truck.
    """
    out = np.ones((len(beams), *shape), np.float32)
    for top in range(0, shape[0], TILE[0]):
        for left in range(0, shape[1], TILE[1]):
            tile = (slice(top, top + TILE[0]), slice(left, left + TILE[1]))
            parts = {name: layer[tile] for name, layer in layers.items() if layer[tile].any()}
            if parts:
                planes = np.maximum(np.stack(list(parts.values())), np.float32(0))
                out[:, *tile] = np.maximum(transmission(planes, list(parts), beams), FAINTEST)
    return out


def _turn(shape: Shape) -> float:
    """Angle in the image between the solid's own x axis and the travel, radians."""
    return math.atan2(shape.axes[2][0], shape.axes[0][0]) if isinstance(shape, Oriented) else 0.0


def texture(plan: Texture, patch: Patch, view: View, *, turn: float = 0.0) -> FloatArray:
    """Multiplier of mean about 1, float32 (row, column) of the patch, never below 0.05.

    turn: of stripes and grids in the image, radians.
    """
    rng, shape, step = np.random.default_rng(plan.seed), patch.path.shape, _steps(view)
    if plan.pattern == "grain":
        wave = blobs(rng, shape, plan.size, step)
    elif plan.pattern == "folds":
        fine = (plan.size[0] * 0.4, plan.size[1] * 0.4)
        creases = np.abs(blobs(rng, shape, plan.size, step)) + np.abs(blobs(rng, shape, fine, step)) / 2
        wave = np.asarray((creases - creases.mean()) / max(float(creases.std()), 1e-6), np.float32)
    elif plan.pattern in PATTERNS:
        wave = PATTERNS[plan.pattern](rng, shape, plan.size, step)
    else:
        wave = _periodic(rng, plan, patch, view, turn)
    return np.asarray(np.maximum(1 + plan.contrast * wave, 0.05), np.float32)


def _steps(view: View) -> tuple[float, float]:
    """Pitch along x and z, mm."""
    step_z = float(view.z[0] - view.z[1]) if view.z.size > 1 else 1.0
    return (float(view.x[1] - view.x[0]) if view.x.size > 1 else 1.0), step_z


def _periodic(rng: np.random.Generator, plan: Texture, patch: Patch, view: View, turn: float) -> FloatArray:
    """Stripes along x or z, or a grid of both."""
    rows, columns = patch.path.shape
    step_x, step_z = _steps(view)
    phase = rng.uniform(0, 2 * np.pi, 2)
    x = np.arange(columns, dtype=np.float32)[None, :] * np.float32(step_x)
    z = np.arange(rows, dtype=np.float32)[:, None] * np.float32(step_z)
    if turn:
        c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        x, z = x * c - z * s, z * c + x * s
    along = np.sin(x * np.float32(2 * np.pi / plan.size[0]) + np.float32(phase[0]))
    up = np.sin(z * np.float32(2 * np.pi / plan.size[1]) + np.float32(phase[1]))
    if plan.pattern == "stripes-x":
        return np.broadcast_to(along * 1.4, (rows, columns))
    if plan.pattern == "stripes-z":
        return np.broadcast_to(up * 1.4, (rows, columns))
    return np.asarray(np.abs(along) * np.abs(up) * 3.2 - 1.3)
