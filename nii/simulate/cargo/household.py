"""Furniture, and the goods of a removal."""

from nii.simulate.cargo.stacked import STACKED, depths, stack
from nii.simulate.render.draws import Rng, drawn_texture
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Ellipsoid


def furniture(rng: Rng, space: Box) -> list[Part]:
    """Sofas, cupboards, tables and mattresses, stacked loosely."""
    parts: list[Part] = []
    for y in depths(rng, space):
        x = space.x[0] + rng.uniform(0, 80)
        while x < space.x[1] - 500:
            width = rng.uniform(450, 2100)
            right = min(x + width, space.x[1])
            z, top = space.z[0], space.z[0] + (space.z[1] - space.z[0]) * rng.uniform(0.4, 1)
            while z < top - 200:
                height = rng.uniform(180, 1000)
                parts += _piece(rng, Box((x, right), y, (z, min(z + height, space.z[1]))))
                z += height + rng.uniform(5, 40)
            x += width + rng.uniform(5, 80)
    return parts


def _piece(rng: Rng, box: Box) -> list[Part]:
    """One piece: upholstered, or boards with up to three shelves and a little in them."""
    wood = str(rng.choice(["pine", "hardwood", "plywood", "cardboard"]))
    board = rng.uniform(15, 32)
    if rng.random() < 0.4:  # upholstered: foam with springs and a frame
        density, look = rng.uniform(0.03, 0.09), drawn_texture(rng, ("grain",), (0.1, 0.4))
        base = Box(box.x, box.y, (box.z[0], box.z[0] + 60))
        return [Part(box, "polyurethane_foam", density, texture=look), Part(base, wood, 0.25)]
    boards = [
        Box(box.x, box.y, (box.z[0], box.z[0] + board)),
        Box(box.x, box.y, (box.z[1] - board, box.z[1])),
        Box((box.x[0], box.x[0] + board), box.y, box.z),
        Box((box.x[1] - board, box.x[1]), box.y, box.z),
    ]
    for x in rng.uniform(box.x[0], box.x[1] - board, rng.integers(0, 4)):
        boards.append(Box((x, x + board), box.y, box.z))
    parts = [Part(one, wood, rng.uniform(0.5, 0.75)) for one in boards]
    parts.append(Part(box, wood, rng.uniform(0.01, 0.06)))
    return parts


def household(rng: Rng, space: Box) -> list[Part]:
    """A removal: furniture at one end, cartons at the other, odd things between."""
    share = rng.uniform(0.3, 0.7)
    cut = space.x[0] + (space.x[1] - space.x[0]) * share
    first = furniture(rng, Box((space.x[0], cut), space.y, space.z))
    second = stack(rng, Box((cut, space.x[1]), space.y, space.z), STACKED["cartons"])
    boxes = [part.shape.bounds for part in (*first, *second)]
    odd = []
    for _ in range(int(rng.integers(3, 14))):
        semi = tuple(rng.uniform(40, 220, 3))
        x = rng.uniform(space.x[0] + 250, space.x[1] - 250)
        top = max((box.z[1] for box in boxes if box.x[0] < x < box.x[1]), default=space.z[0])
        z = rng.uniform(space.z[0], max(top - semi[2], space.z[0] + 1)) + semi[2]  # in what is there or on the floor
        bundle = Ellipsoid((x, rng.uniform(-800, 800), z), semi)
        odd.append(Part(bundle, str(rng.choice(["cotton", "abs", "paper"])), rng.uniform(0.1, 0.6)))
    return first + second + odd
