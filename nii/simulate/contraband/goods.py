"""Other contraband: ammunition, banknotes, gold and cigarettes; built at the origin, in millimetres."""

from collections.abc import Callable

from nii.physics.materials import STEEL
from nii.simulate.contraband.hidden_goods import at
from nii.simulate.render.draws import Rng, layers, log_uniform
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, PrismY


def contraband(rng: Rng) -> list[Part]:
    """One of the four kinds."""
    return KINDS[rng.integers(len(KINDS))](rng)


def ammunition(rng: Rng) -> list[Part]:
    """Steel cans or cartons with rows of cartridges: brass cases with powder, bullets of lead in copper."""
    parts: list[Part] = []
    calibre, case = rng.uniform(4, 6.5), rng.uniform(19, 58)
    across, rows = int(rng.integers(8, 26)), int(rng.integers(2, 8))
    cans = int(log_uniform(rng, 1, 5.9))
    wide, deep, high = across * 2.2 * calibre + 12, rng.uniform(90, 240), rows * (case + 22) + 12
    packed = rng.uniform(0.6, 0.9)  # rounds behind each other, against a solid rod along the beam
    steel = rng.random() < 0.6
    for can in range(cans):
        left = can * (wide + 10)
        if steel:
            outer = at(left, 0, 0, (wide, deep, high))
            inner = at(left + 1, 1, 1, (wide - 2, deep - 2, high - 2))
            parts += [Part(outer, *STEEL), Part(inner, *STEEL, -1)]
        for row in range(rows):
            for i in range(across):
                x, z = left + 6 + (i + 0.5) * 2.2 * calibre, 6 + row * (case + 22)
                rod = (x - calibre * 0.8, x + calibre * 0.8), (5.0, deep - 5)
                parts.append(Part(Box(*rod, (z, z + case)), "brass", 2.6 * packed))
                parts.append(Part(Box(*rod, (z + case, z + case + 16)), "lead", 8.0 * packed))
    return parts


def banknotes(rng: Rng) -> list[Part]:
    """Bundles in a block, one to several blocks, in a suitcase or in film."""
    note, deep = rng.uniform(130, 165), rng.uniform(60, 78)
    count = [int(log_uniform(rng, 1, n)) for n in (4.9, 6.9, 5.9)]
    density = rng.uniform(0.7, 0.95)
    parts = []
    for i in range(count[0]):
        for k in range(count[2]):
            high = rng.uniform(70, 110)
            block = at(i * (note + 3), 0, k * 112, (note, deep * count[1], high))
            parts.append(Part(block, "banknotes", density, texture=layers(rng, 12, 0.05)))
    if rng.random() < 0.4:
        size = (count[0] * (note + 3) + 20, deep * count[1] + 20, count[2] * 112 + 20.0)
        shell = at(-10, -10, -3, size)
        hollow = Box(*((side[0] + 3, side[1] - 3) for side in (shell.x, shell.y, shell.z)))
        parts += [Part(shell, "abs", 1.05), Part(hollow, "abs", 1.05, -1)]
    return parts


def gold(rng: Rng) -> list[Part]:
    """Bars of gold or lead: small ones, or large ones in layers."""
    metal, density = ("gold", 19.3) if rng.random() < 0.7 else ("lead", 11.34)
    large = rng.random() < 0.35
    long, deep, high = (rng.uniform(200, 260), 75.0, 38.0) if large else (rng.uniform(40, 118), 50.0, 9.0)
    taper = long * 0.04
    parts = []
    for i in range(int(log_uniform(rng, 1, 6.9))):
        for k in range(int(log_uniform(rng, 1, 3.9))):
            x, z = i * (long + 6), k * (high + 1)
            bar = ((x, z), (x + long, z), (x + long - taper, z + high), (x + taper, z + high))
            parts.append(Part(PrismY(bar, (0.0, deep * int(rng.integers(1, 3)))), metal, density))
    return parts


def cigarettes(rng: Rng) -> list[Part]:
    """Master cases of cartons, one to a wall of them; or loose rolls of tobacco."""
    if rng.random() < 0.15:
        radius = rng.uniform(120, 300)
        return [Part(Cylinder((radius, 300.0, radius), radius, 600, "y"), "tobacco", rng.uniform(0.2, 0.4))]
    size = (rng.uniform(380, 620), rng.uniform(300, 480), rng.uniform(250, 560))
    density = rng.uniform(0.16, 0.28)
    across, high = int(log_uniform(rng, 1, 4.9)), int(log_uniform(rng, 1, 3.9))
    return [
        Part(at(i * (size[0] + 4), 0, k * (size[2] + 4), size), "cigarettes", density, texture=layers(rng, 55, 0.15))
        for i in range(across)
        for k in range(high)
    ]


KINDS: tuple[Callable[[Rng], list[Part]], ...] = (ammunition, banknotes, gold, cigarettes)
