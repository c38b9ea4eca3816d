"""Many plain solids as one part: what has hundreds of pieces renders many times faster so."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nii.simulate.parcel.items import Item
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, Ellipsoid, Float64Array, Oriented, Shape, Swarm, Vector
from nii.simulate.render.swarms import BOX, CYLINDER, ELLIPSOID, Solids

Plain = Box | Cylinder | Ellipsoid
ALONG: dict[str, list[int]] = {"x": [0, 1, 2], "y": [1, 2, 0], "z": [2, 0, 1]}
"""Axes of a solid in the order that a swarm's cylinders have, whose axis 0 is their length."""


def gathered(item: Item) -> Item:
    """The same item with its untextured boxes of one material as one part, and its cylinders and ellipsoids likewise.

    Each solid's density, negative where it is taken out of another, is its weight; so the part's own density is 1.
    """
    kept: list[Part] = []
    groups: dict[tuple[str, str], list[Part]] = {}
    for part in item.parts:
        solid = _plain(part.shape)
        if solid is None or part.texture is not None:
            kept.append(part)
        else:
            groups.setdefault((type(solid).__name__, part.material), []).append(part)
    for (_, material), parts in groups.items():
        if len(parts) == 1:
            kept += parts
        else:
            shape = swarm([part.shape for part in parts], [part.sign * part.density for part in parts])
            kept.append(Part(shape, material, 1.0))
    return replace(item, parts=tuple(kept))


def swarm(shapes: Sequence[Shape], weights: Sequence[float]) -> Swarm:
    """These solids as one, each with its weight: all boxes, all cylinders or all ellipsoids, upright or oriented."""
    forms = [_form(shape) for shape in shapes]
    half, axes, middle = (np.array([form[i] for form in forms], float) for i in (1, 2, 3))
    (name,) = {form[0] for form in forms}
    return Swarm(Solids(name, half, axes, middle, np.array(weights, float)).split())


def _plain(shape: Shape) -> Plain | None:
    """The solid if it can be in a swarm."""
    solid = shape.solid if isinstance(shape, Oriented) else shape
    return solid if isinstance(solid, Plain) else None


def _form(shape: Shape) -> tuple[str, Vector, Float64Array, Float64Array]:
    """Name, half sides along its own axes, those axes as columns, and its middle."""
    solid = _plain(shape)
    if solid is None:
        raise TypeError(f"swarm: expected boxes, cylinders or ellipsoids, came {type(shape).__name__}")
    axes, at = (np.array(shape.axes), np.array(shape.at)) if isinstance(shape, Oriented) else (np.eye(3), np.zeros(3))
    sides = np.array([solid.bounds.x, solid.bounds.y, solid.bounds.z])
    half, middle = (sides[:, 1] - sides[:, 0]) / 2, axes @ sides.mean(axis=1) + at
    if isinstance(solid, Cylinder):
        return CYLINDER, (solid.length / 2, solid.radius, solid.radius), axes[:, ALONG[solid.axis]], middle
    return BOX if isinstance(solid, Box) else ELLIPSOID, (half[0], half[1], half[2]), axes, middle
