"""Arms and press parts with what tells them: trigger guard, magazine with its cartridges, bore, chambers; worn punches.

Everything lies flat on z = 0, x along the barrel, in millimetres.
"""

import numpy as np

from nii.physics.materials import STEEL
from nii.simulate.parcel.fittings import scattered
from nii.simulate.parcel.gathering import gathered
from nii.simulate.parcel.items import LEVEL, Item, bent, block, box_shell, moved, plate, post, ring, rod, shell
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Cylinder, Vector

FRAME = ((4, 92), (0, 104), (186, 104), (186, 94), (122, 92), (112, 64), (66, 60), (60, 52), (48, 0), (8, 4), (22, 88))
GUARD = ((70, 68), (104, 70), (112, 88), (72, 88))  # the hole that a finger goes through
GRIP = ((30, 80), (58, 76), (42, 8), (18, 10))  # the hollow that holds the magazine
DOWN = np.array((-18.0, -70.0))  # from the top of a magazine to its floor
Stuff = tuple[str, float]
FRAMES: tuple[Stuff, ...] = (("steel", 7.8), ("aluminium", 2.7), ("nylon", 1.15))
SHARES = (0.4, 0.2, 0.4)  # of pistols, revolvers, and arms taken to pieces


def firearm(rng: Rng) -> list[Part]:
    """A pistol or a revolver, or one in pieces."""
    metal: Stuff = ("steel", rng.uniform(7.6, 7.9))
    frame = FRAMES[rng.integers(len(FRAMES))]
    scale = rng.uniform(0.8, 1.08)
    match int(rng.choice(3, p=SHARES)):
        case 0:
            groups = [
                _slide(rng, metal, scale, at=(93, 116)),
                _frame(frame, scale),
                _magazine(rng, metal, scale, (44, 78)),
            ]
            whole = Item(tuple(part for group in groups for part in group))
        case 1:
            whole = Item(tuple(_revolver(rng, metal, scale)))
        case _:
            pieces = [_slide(rng, metal, scale, at=(0, 0)), _frame(frame, scale), _magazine(rng, metal, scale, (0, 0)),
                      _barrel(rng, metal, scale), _small(rng, metal)]  # fmt: skip
            chosen = [pieces[i] for i in rng.permutation(5)[: rng.integers(2, 6)]]
            whole = scattered(rng, chosen, (220, 160))
    return list(gathered(whole).parts)


def _slide(rng: Rng, metal: Stuff, scale: float, at: tuple[float, float]) -> list[Part]:
    """Slide with its hollow and ejection port, barrel and spring in it, sights."""
    x, y = (scale * v for v in at)
    long, wide = 184 * scale, 26 * scale
    parts = shell(block((long, wide, 24), (x, y, 2)), block((long - 12, wide * 0.62, 16), (x, y, 6)), *metal)
    parts.append(Part(block((34, wide * 0.5, 10), (x - 12, y, 16)), *metal, -1))
    ends: tuple[Vector, Vector] = ((x - 10, y + 2, 14), (x + long / 2, y + 2, 14))
    parts += [rod(*ends, 7, *metal), rod(*ends, 4.6, metal[0], -metal[1])]
    turns = np.linspace(0, 18 * np.pi, 73)
    spring = [(float(x - 5 + 1.5 * a * scale), float(y - 8 + 4 * np.cos(a)), float(14 + 4 * np.sin(a))) for a in turns]
    parts += bent(spring, 0.8, *STEEL)
    parts += [Part(block((5, 3, 5), (x + dx * long, y + wide / 2, 12)), *metal) for dx in (-0.45, 0.45)]
    parts.append(rod((x - long / 2 - 4, y - 4, 14), (x - long / 2 + 8, y + 4, 14), rng.uniform(3, 5), *metal))  # hammer
    return parts


def _frame(frame: Stuff, scale: float) -> list[Part]:
    """Frame with trigger guard and hollow grip; trigger and pins of steel."""
    outline, guard, grip = ([(u * scale, v * scale) for u, v in one] for one in (FRAME, GUARD, GRIP))
    parts = [plate(outline, 24, *frame)]
    for hole, depth, z in ((guard, 24.0, 0.0), (grip, 18.0, 3.0)):
        (one,) = [plate(hole, depth, frame[0], -frame[1])]
        parts.append(moved(one, LEVEL, (0, 0, z)))
    trigger = [(86 * scale, 88 * scale, 12.0), (90 * scale, 80 * scale, 12.0), (86 * scale, 72 * scale, 12.0)]
    parts += bent(trigger, 2.2, *STEEL)
    pins = ((30, 96), (64, 96), (84, 93), (112, 96))
    return parts + [Part(post(1.8, 24, (u * scale, v * scale, 0)), *STEEL) for u, v in pins]


def _magazine(rng: Rng, metal: Stuff, scale: float, at: tuple[float, float]) -> list[Part]:
    """Sheet steel around a spring that zigzags, and cartridges above it, up to fifteen."""
    top, down = scale * np.array(at), scale * DOWN
    angle = float(np.arctan2(-down[1], -down[0]))
    c, s = np.cos(angle), np.sin(angle)
    turn, long = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]), float(np.hypot(*down))
    parts = shell(block((long, 26, 20)), block((long - 3, 24, 18), (0, 0, 1)), *metal)
    full = int(rng.integers(0, 9))
    for i in range(full):
        x = long / 2 - 6 - i * 8.5
        parts.append(rod((x, -10, 10), (x, 4, 10), 4.6, "brass", 5.5))
        parts.append(rod((x, 4, 10), (x, 10, 10), 3.6, "lead", 10.8))
    left = np.linspace(-long / 2 + 4, long / 2 - 6 - full * 8.5, 13)
    zigzag = [(float(x), (-9.0, 9.0)[i % 2], 10.0) for i, x in enumerate(left)]
    parts += bent(zigzag, 0.9, *STEEL)
    middle = top + down / 2
    return [moved(part, turn, (float(middle[0]), float(middle[1]), 2.0)) for part in parts]


def _barrel(rng: Rng, metal: Stuff, scale: float) -> list[Part]:
    """A barrel with its bore, thicker at the chamber."""
    long = rng.uniform(85, 260) * scale
    parts = [Part(Cylinder((0, 0, 10), r, long, "x"), *metal, sign) for r, sign in ((8.0, 1), (4.5, -1))]
    return [*parts, *box_shell((28, 19, 18), 5.0, *metal, (-long / 2, 0, 1))]


def _small(rng: Rng, metal: Stuff) -> list[Part]:
    """Trigger, sear, pins and springs of an arm."""
    parts: list[Part] = []
    for _ in range(int(rng.integers(3, 9))):
        a, b = rng.uniform(-35, 35, (2, 2))
        parts.append(rod((float(a[0]), float(a[1]), 4), (float(b[0]), float(b[1]), 4), rng.uniform(1.2, 3.5), *metal))
    return parts


def _revolver(rng: Rng, metal: Stuff, scale: float) -> list[Part]:
    """A revolver: barrel with its bore, drum with chambers, loaded or not, frame with guard, grip."""
    long, loaded = rng.uniform(50, 150) * scale, rng.random() < 0.6
    parts = [Part(Cylinder((70 + long / 2, 110, 18), r, long, "x"), *metal, sign) for r, sign in ((9, 1), (4.6, -1))]
    parts += [Part(Cylinder((48, 106, 18), 19 * scale, 42 * scale, "x"), *metal)]
    for i in range(6):
        y, z = 106 + 12 * scale * np.cos(i * np.pi / 3), 18 + 12 * scale * np.sin(i * np.pi / 3)
        hole = Cylinder((48, float(y), float(z)), 4.8, 42 * scale, "x")
        parts.append(Part(hole, *metal, -1))
        if loaded:
            parts.append(Part(Cylinder((42, float(y), float(z)), 4.6, 28 * scale, "x"), "brass", 5.5))
    frame = [(8, 84), (22, 128), (76, 128), (76, 84), (66, 60), (30, 60)]
    parts.append(moved(plate(frame, 16, metal[0], metal[1] * 0.5), LEVEL, (0, 0, 10)))
    parts.append(
        moved(plate([(36, 66), (62, 66), (68, 82), (34, 82)], 16, metal[0], -metal[1] * 0.5), LEVEL, (0, 0, 10))
    )
    grip = [(8, 86), (34, 80), (22, 12), (-22, 18), (-6, 76)]
    parts.append(moved(plate(grip, 26, *(("hardwood", 0.75), ("rubber", 1.15))[rng.integers(2)]), LEVEL, (0, 0, 5)))
    return [*parts, rod((52, 82, 18), (46, 68, 18), 2.2, *metal), rod((6, 112, 18), (18, 132, 18), 4, *metal)]


def press_parts(rng: Rng) -> list[Part]:
    """Punches, dies, cams, gears, springs and bolts of a pill press: laid anyhow, bundled, or in a row as they came."""
    steel: Stuff = ("tool_steel", rng.uniform(7.6, 7.9))
    radius, long = log_uniform(rng, 4, 14), rng.uniform(35, 130)
    groups = [_punch(rng, radius, long, steel) for _ in range(int(rng.integers(0, 8)))]
    for _ in range(int(rng.integers(0 if len(groups) > 1 else 2, 5))):
        groups.append(_wheel(rng, steel))
    if rng.random() < 0.4:
        turns = np.linspace(0, 12 * np.pi, 49)
        r = rng.uniform(6, 16)
        wire = [(float(a * 1.1), float(r * np.cos(a)), float(r + 2 + r * np.sin(a))) for a in turns]
        groups.append(bent(wire, rng.uniform(1, 2.2), *STEEL))
    if rng.random() < 0.4:
        step = radius * rng.uniform(2.1, 3.5)
        row = [moved(part, LEVEL, (i * step, 0, 0)) for i, group in enumerate(groups) for part in group]
        return list(gathered(Item(tuple(row))).parts)
    return list(gathered(scattered(rng, groups, (rng.uniform(40, 120), rng.uniform(40, 110)))).parts)


def _punch(rng: Rng, radius: float, long: float, steel: Stuff) -> list[Part]:
    """Head, neck, barrel, and a tip that shapes the tablet, along y."""
    z = radius
    steps = ((0.0, 0.06, 1.0), (0.06, 0.14, 0.55), (0.14, 0.8, 0.78), (0.8, 1.0, rng.uniform(0.3, 0.6)))
    return [rod((0, a * long, z), (0, b * long, z), radius * r, *steel) for a, b, r in steps]


def _wheel(rng: Rng, steel: Stuff) -> list[Part]:
    """A die, cam, gear or turret: a disc with a bore, teeth or holes around it."""
    r, thick = log_uniform(rng, 10, 55), rng.uniform(6, 24)
    parts = ring(r, r * rng.uniform(0.15, 0.5), thick, *steel)
    count, teeth = int(rng.integers(6, 25)), rng.random() < 0.5
    for a in np.arange(count) * 2 * np.pi / count:
        reach = r * (1.04 if teeth else 0.75)
        at = (float(reach * np.cos(a)), float(reach * np.sin(a)), 0.0)
        parts.append(Part(post(max(r * 0.06, 1.2), thick, at), *steel, 1 if teeth else -1))
    return parts
