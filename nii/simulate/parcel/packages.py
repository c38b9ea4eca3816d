"""What parcels are packed in: cartons, padded envelopes, mailers, tins, tubes; and what fills them up."""

from dataclasses import dataclass

import numpy as np

from nii.physics.materials import STEEL
from nii.simulate.parcel.items import Item, block, box_shell, can_shell, grain, post, shell
from nii.simulate.render.draws import SEEDS, Rng, log_uniform
from nii.simulate.render.scene import Part, Texture
from nii.simulate.render.shapes import Box, Cylinder, Ellipsoid, Interval, Vector

LARGEST = (600.0, 450.0, 400.0)  # mm, inside
FLAT = 45.0  # mm; what is no thicker goes into envelopes
SOFT = ("clothes", "textiles", "leather", "paper", "empty")  # kinds that are often sent in bags
ROUND_SHARE = 0.7  # half side of the box that a round package is taken for, over its radius
SLACK = 3.0  # mm that a package is wider than its largest thing


@dataclass(frozen=True)
class Package:
    """kind: what it is. outside, inside: where its walls end and begin, mm. parts: walls, flaps, seams."""

    kind: str
    outside: Box
    inside: Box
    parts: tuple[Part, ...]


def draw_package(rng: Rng, kind: str, items: list[Item], *, fill: Interval) -> Package:
    """A package that each of these things of this kind fits in, with room for most of them together.

    fill: their volume over that of the room; above 1 they are pressed.
    """
    size = _room(rng, items, fill)
    choice = rng.random()
    flat = size[2] < FLAT
    if (flat and choice < 0.75) or (kind in SOFT and choice < 0.55):
        return _envelope(rng, size) if choice < 0.4 else _mailer(rng, size)
    if choice > 0.95 and max(size) < 240:
        return _tin(rng, size)
    if choice > 0.87 and size[0] > 1.6 * size[1] and size[1] < 140:
        return _tube(rng, size)
    return _carton(rng, size)


def _room(rng: Rng, items: list[Item], fill: Interval) -> Vector:
    """Inside length, width and height, falling."""
    if not items:
        a = log_uniform(rng, 120, 420)
        return (a, a * rng.uniform(0.5, 0.9), a * rng.uniform(0.05, 0.45))
    sizes = np.array([sorted(item.size, reverse=True) for item in items])
    need = sizes.max(axis=0) + SLACK
    grow = max(float(sizes.prod(axis=1).sum() / rng.uniform(*fill) / need.prod()), rng.uniform(1.0, 1.3))
    shares = rng.dirichlet((2.0, 3.0, 4.0))
    room = np.maximum(np.minimum(need * grow**shares, LARGEST), need)
    return (float(room[0]), float(room[1]), float(room[2]))


def _carton(rng: Rng, size: Vector) -> Package:
    """Corrugated board: walls, flaps above and below, now and then staples or a second carton's wall."""
    wall, density = log_uniform(rng, 1.5, 6), rng.uniform(0.1, 0.18)
    outside = (size[0] + 2 * wall, size[1] + 2 * wall, size[2] + 4 * wall)
    inner = block(size, (0, 0, 2 * wall))
    parts = shell(block(outside), block((size[0], size[1], outside[2])), "cardboard", density)
    flute = Texture("stripes-x", (rng.uniform(5, 9),) * 2, rng.uniform(0, 0.15), int(rng.integers(SEEDS)))
    length, reach = size[0], min(size[1] / 2, size[0] / 2) - 0.5
    for z in (wall, size[2] + 2 * wall):  # the inner flaps, from the short sides
        for x in (-length / 2 + reach / 2, length / 2 - reach / 2):
            parts.append(Part(block((reach, size[1], wall), (x, 0, z)), "cardboard", density, texture=flute))
    for z in (0.0, size[2] + 3 * wall):  # the outer ones, from the long sides
        for y in (-size[1] / 4, size[1] / 4):
            parts.append(Part(block((length, size[1] / 2 - 0.5, wall), (0, y, z)), "cardboard", density, texture=flute))
    if rng.random() < 0.15:
        for x in np.linspace(-0.42, 0.42, int(rng.integers(2, 6))) * length:
            parts.append(Part(block((13, 1.2, 1.0), (float(x), rng.normal(0, 3), size[2] + 4 * wall - 1)), *STEEL))
    return Package("carton", block(outside), inner, tuple(parts))


def _envelope(rng: Rng, size: Vector) -> Package:
    """Padded: paper or film outside, bubbles or paper wool inside, a seam around."""
    wall, seam = rng.uniform(2, 5), rng.uniform(8, 22)
    material = str(rng.choice(["paper", "polyethylene"]))
    inner = block(size, (0, 0, wall))
    outside = (size[0] + 2 * wall, size[1] + 2 * wall, size[2] + 2 * wall)
    parts = shell(block(outside), inner, material, rng.uniform(0.04, 0.12))
    bubbles = grain(rng, (9, 14) if material == "polyethylene" else (2, 5), (0.2, 0.5), "grid")
    for z in (0.0, size[2] + wall):
        parts.append(Part(block((size[0], size[1], wall), (0, 0, z)), "polyethylene", 0.03, texture=bubbles))
    rim = (outside[0] + 2 * seam, outside[1] + 2 * seam, 1.2)
    middle = size[2] / 2
    parts += shell(block(rim, (0, 0, middle)), block((outside[0], outside[1], 1.2), (0, 0, middle)), material, 0.4)
    return Package("envelope", block((rim[0], rim[1], outside[2])), inner, tuple(parts))


def _mailer(rng: Rng, size: Vector) -> Package:
    """A bag of thin film with a fold and a glued lip."""
    wall = rng.uniform(0.08, 0.3)
    inner = block(size, (0, 0, wall))
    outside = (size[0] + 2 * wall, size[1] + 2 * wall, size[2] + 2 * wall)
    parts = shell(block(outside), inner, "polyethylene", 0.93)
    parts.append(
        Part(block((outside[0] * rng.uniform(0.1, 0.3), outside[1], 0.3), (0, 0, outside[2])), "polyethylene", 0.93)
    )
    for x in (-outside[0] / 2, outside[0] / 2):
        parts.append(Part(block((rng.uniform(6, 16), outside[1], 0.4), (x, 0, size[2] / 2)), "polyethylene", 0.93))
    around = block((outside[0] + 16, outside[1], outside[2] + 0.3))
    return Package("mailer", around, inner, tuple(parts))


def _tin(rng: Rng, size: Vector) -> Package:
    """A round tin with a lid, or a square one."""
    wall = rng.uniform(0.2, 0.4)
    if rng.random() < 0.4:
        outside = (size[0] + 2, size[1] + 2, size[2] + 2)
        return Package("tin", block(outside), block(size, (0, 0, 1)), tuple(box_shell(outside, wall, *STEEL)))
    radius = max(size[0], size[1]) / 2 / ROUND_SHARE + 1
    parts = can_shell(radius, size[2] + 2, wall, *STEEL)
    parts += shell(post(radius + 0.6, 18, (0, 0, size[2] - 16)), post(radius + 0.1, 18, (0, 0, size[2] - 16)), *STEEL)
    side = 2 * ROUND_SHARE * radius - 2
    around = block((2 * radius + 1.2, 2 * radius + 1.2, size[2] + 2))
    return Package("tin", around, block((side, side, size[2]), (0, 0, 1)), tuple(parts))


def _tube(rng: Rng, size: Vector) -> Package:
    """A tube of wound board with caps of plastic."""
    wall = rng.uniform(1.5, 4)
    radius = size[1] / 2 / ROUND_SHARE + wall + 1
    centre = (0.0, 0.0, radius)
    parts = shell(
        Cylinder(centre, radius, size[0] + 6, "x"),
        Cylinder(centre, radius - wall, size[0] + 6, "x"),
        "cardboard",
        rng.uniform(0.6, 0.8),
    )
    for x in (-size[0] / 2 - 1.5, size[0] / 2 + 1.5):
        parts.append(Part(Cylinder((x, 0, radius), radius - wall, 2, "x"), "polyethylene", 0.93))
    side = 2 * ROUND_SHARE * (radius - wall)
    inner = block((size[0], side, side), (0, 0, radius - side / 2))
    return Package("tube", block((size[0] + 6, 2 * radius, 2 * radius)), inner, tuple(parts))


def draw_filling(rng: Rng, inside: Box) -> list[Item]:
    """Crumpled paper, air cushions, foam or peanuts of foam; pieces that a package of this size takes, or none."""
    kind = rng.integers(5)
    if kind == 0:
        return []
    sides = [side[1] - side[0] for side in (inside.x, inside.y, inside.z)]
    found = []
    for _ in range(int(rng.integers(1, 9))):
        a, b, c = (min(log_uniform(rng, 25, 90), 0.48 * side) for side in sides)
        middle: Vector = (0, 0, c)
        if kind == 1:
            look = grain(rng, (8, 30), (0.3, 0.6), "folds")
            found.append(Item((Part(Ellipsoid(middle, (a, b, c)), "paper", rng.uniform(0.015, 0.06), texture=look),)))
        elif kind == 2:
            film = shell(
                Ellipsoid(middle, (a, b, c)), Ellipsoid(middle, (a - 0.2, b - 0.2, c - 0.2)), "polyethylene", 0.93
            )
            found.append(Item(tuple(film)))
        elif kind == 3:
            found.append(Item((Part(block((2 * a, 2 * b, c)), "polystyrene_foam", rng.uniform(0.012, 0.03)),)))
        else:
            look = grain(rng, (12, 25), (0.3, 0.6))
            found.append(
                Item((Part(block((2 * a, 2 * b, 2 * c)), "polystyrene_foam", rng.uniform(0.005, 0.012), texture=look),))
            )
    return found
