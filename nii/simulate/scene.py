"""A scene is a list of parts; rendering it gives areal densities per material.

What is drawn (random) is in `containers`, `loads` and `concealments`; what is here is deterministic.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nii.physics.forward import Beam, transmission
from nii.scan import FloatArray
from nii.simulate.shapes import Box, Patch, Shape, View

TILE = (64, 128)  # rows and columns of a part of an image that fits the cache of one core


@dataclass(frozen=True)
class Texture:
    """Uneven filling of a solid: its path is multiplied by a pattern of mean 1.

    pattern: "grain" (blobs), "stripes-x", "stripes-z" (layers) or "grid" (packed items).
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
            amount = amount * texture(part.texture, patch, view)
        if part.material not in layers:
            layers[part.material] = np.zeros(shape, np.float32)
        layers[part.material][patch.rows, patch.columns] += amount
    return layers


def expected(layers: Mapping[str, FloatArray], shape: tuple[int, int], beams: Sequence[Beam]) -> FloatArray:
    """Expected transmission (energy, row, column) of areal densities by material; what is below 0 counts as 0.

    Tile by tile, each with the materials that lie in it: few do, of the dozens in a truck.
    """
    out = np.ones((len(beams), *shape), np.float32)
    for top in range(0, shape[0], TILE[0]):
        for left in range(0, shape[1], TILE[1]):
            tile = (slice(top, top + TILE[0]), slice(left, left + TILE[1]))
            parts = {name: layer[tile] for name, layer in layers.items() if layer[tile].any()}
            if parts:
                planes = np.maximum(np.stack(list(parts.values())), np.float32(0))
                out[:, *tile] = transmission(planes, list(parts), beams)
    return out


def texture(plan: Texture, patch: Patch, view: View) -> FloatArray:
    """Multiplier of mean about 1, float32 (row, column) of the patch, never below 0.05."""
    rng = np.random.default_rng(plan.seed)
    rows, columns = patch.path.shape
    step_z = float(view.z[0] - view.z[1]) if view.z.size > 1 else 1.0
    step_x = float(view.x[1] - view.x[0]) if view.x.size > 1 else 1.0
    if plan.pattern == "grain":
        small = (
            max(int(columns * step_x / plan.size[0]) + 2, 2),
            max(int(rows * step_z / plan.size[1]) + 2, 2),
        )
        field_ = rng.standard_normal((small[1], small[0])).astype(np.float32)
        wave = cv2.resize(field_, (columns, rows), interpolation=cv2.INTER_CUBIC)
    else:
        phase = rng.uniform(0, 2 * np.pi, 2)
        along = np.sin(np.arange(columns) * (2 * np.pi * step_x / plan.size[0]) + phase[0])
        up = np.sin(np.arange(rows) * (2 * np.pi * step_z / plan.size[1]) + phase[1])
        if plan.pattern == "stripes-x":
            wave = np.broadcast_to(along[None, :] * 1.4, (rows, columns))
        elif plan.pattern == "stripes-z":
            wave = np.broadcast_to(up[:, None] * 1.4, (rows, columns))
        else:
            wave = np.abs(along)[None, :] * np.abs(up)[:, None] * 3.2 - 1.3
    return np.asarray(np.maximum(1 + plan.contrast * wave, 0.05), np.float32)


def stacked(layers: dict[str, FloatArray], materials: Sequence[str], shape: tuple[int, int]) -> FloatArray:
    """The layers as one array (material, row, column), g/cm2, in the order of `materials`."""
    out = np.zeros((len(materials), *shape), np.float32)
    for index, name in enumerate(materials):
        if name in layers:
            out[index] = layers[name]
    return out
