"""Threat image projection (TIP): a simulated concealment put into a benign scan that somebody took.

What is put in is drawn as areal densities at the scan's pitch and multiplied into the transmissions, with the
hardening that the background allows for; then the noise is added that the lower count would have had. It goes
where goods are or onto what could carry it, never into air. Goods don't give way: it lies between or behind them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from nii.errors import ScanError, UsageError
from nii.physics.beams import standard_beams
from nii.physics.forward import Beam, attenuation_curve, transmission
from nii.physics.noise import NoiseModel, blurred, for_beams, scattered, variance
from nii.quality.measure import assess, noise_curve
from nii.scan import FloatArray, Kind, Scan, attenuation_of, of_tube
from nii.simulate.contraband.concealments import LOOSE
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.render.scene import Part, areal_densities, enclosing
from nii.simulate.render.shapes import View
from nii.simulate.sets.scan import THINNEST, main_material, with_dprime
from nii.simulate.sets.truth import Hidden

Mask = npt.NDArray[np.bool_]

ENERGIES = {1: ("6MV",), 2: ("4MV", "6MV")}  # taken for a scan that names none
LINAC_PITCH_MM, TUBE_PITCH_MM = (6.0, 6.0), (1.0, 1.0)  # taken for a scan that knows none
PARCEL_KG = (0.03, 3.0)  # masses drawn for scans by tubes
DRAWS = 8  # of a thing, of which the one nearest to the wanted mass is taken
FAMILIES_TRIED = 6
LARGEST = 0.5  # of the rows and of the columns that the object covers, that a thing may take
MARGIN = 4  # pixels around a thing, for its blurred edge
EMPTY = 0.04  # attenuation below which there is nothing but air
DARK = 3.0  # attenuation from which on it is goods in any scan
IN_GOODS = 0.6  # share of things put among goods, where both ways are open
WITHIN, LEAST_WITHIN = 0.98, 0.5  # share of a thing's window that should, and at least must, lie in the object
SUPPORT = 3  # rows below a thing that must carry it
FAINTEST = 1e-4  # transmission, below which a background is no longer told apart
BACKGROUNDS = ("cotton", "aluminium", "steel")  # materials that a background is taken to be of, by its two energies
DEPTHS = np.r_[0.0, np.geomspace(0.01, 600, 240)]  # g/cm2


@dataclass(frozen=True, eq=False)
class Threat:
    """A concealment as areal densities by material, g/cm2, float32 (row, column) with MARGIN around it."""

    family: str
    mass_kg: float
    material: str
    layers: dict[str, FloatArray]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = next(iter(self.layers.values())).shape
        return rows, columns

    @property
    def mask(self) -> Mask:
        """Where it is."""
        return np.asarray(np.sum(list(self.layers.values()), axis=0) > THINNEST)


def insert(
    scan: Scan, rng: Rng, family: str | None = None, mass_kg: float | None = None, *, noise: NoiseModel | None = None
) -> tuple[Scan, Hidden]:
    """A scan with a concealment of a loose family in it, and the truth of it.

    scan: transmission of one or two energies; energies or a pitch that it doesn't tell are taken to be 4/6 MV and
    6 mm (kV: 1 mm). family: one of LOOSE, any if None. mass_kg: its mass, as drawn if None (kV: 0.03 to 3 kg);
    the thing that comes nearest is scaled to it. noise: of the scanner; estimated from the scan if None.
    The same scan and random numbers give the same bytes. The truth's excess is that of the thing itself, before
    the scanner's blur. Raises UsageError for a family or mass that is none, ScanError for a scan that can't be used.
    """
    _check(scan, family, mass_kg)
    energies = scan.energies or ENERGIES[len(scan.transmission)]
    beams = standard_beams(energies)
    if beams is None:
        raise ScanError(f"{scan.path or 'scan'}: expected energies such as 4MV or 160kV, came {', '.join(energies)}")
    is_tube = of_tube(energies[0])
    pitch = scan.pitch_mm or (TUBE_PITCH_MM if is_tube else LINAC_PITCH_MM)
    noise = noise or estimated_noise(scan, beams)
    smooth = _smooth(scan)
    attenuation = attenuation_of(smooth, FAINTEST, 1)
    wanted = log_uniform(rng, *PARCEL_KG) if mass_kg is None and is_tube else mass_kg
    thing = draw_thing(rng, family, wanted, pitch, room_in(attenuation[-1], scan.path))
    if mass_kg is not None and thing.mass_kg < 0.999 * mass_kg:
        raise UsageError(f"mass: expected a {thing.family} that fits into the scan, came {mass_kg:g} kg")
    at = draw_place(rng, attenuation[-1], thing.shape, scan.path)
    box = (slice(at[0], at[0] + thing.shape[0]), slice(at[1], at[1] + thing.shape[1]))
    measured, excess = projected(scan, thing.layers, box, beams, noise, rng)
    hidden = Hidden(thing.family, thing.mass_kg, 0.0, *at, excess, thing.mask, thing.material)
    note = f"TIP: {thing.family} of {thing.mass_kg:.3g} kg was put into this scan"
    changed = replace(scan, transmission=measured, sha256="", notes=(*scan.notes, note))
    return changed, with_dprime(hidden, np.maximum(smooth, np.float32(FAINTEST)), noise)


def projected(
    scan: Scan,
    layers: dict[str, FloatArray],
    box: tuple[slice, slice],
    beams: Sequence[Beam],
    noise: NoiseModel,
    rng: Rng,
) -> tuple[FloatArray, FloatArray]:
    """Transmission of a scan with layers of areal density, g/cm2 by material, in a box of it; and their excess there.

    Returns float32 (energy, row, column) and, of the box alone, (energy, h, w).
    """
    smooth = _smooth(scan)
    excess = layer_excess_on(attenuation_of(smooth, FAINTEST, 1)[:, *box], layers, beams)
    measured = scan.transmission.copy()
    measured[:, *box] = _multiplied(scan.transmission, smooth, box, excess, noise, rng)
    return measured, excess


def _smooth(scan: Scan) -> FloatArray:
    return np.stack([cv2.blur(plane, (3, 3)) for plane in scan.transmission])


def estimated_noise(scan: Scan, beams: Sequence[Beam]) -> NoiseModel:
    """A noise model with the dose and the electronics that a scan shows; gains, which scale with it, left out.

    The dose is read off the noise of air and off the curve of noise against transmission; goods and gains can
    only look like noise, so the higher one is taken.
    """
    base = for_beams(NoiseModel(scatter=0, row_gain=0, pulse_jitter=0), beams)
    curves = [curve for plane in scan.transmission if (curve := noise_curve(plane)) is not None]
    of_air = [noise**2 for noise in assess(scan).noise if noise is not None]
    slopes = [float(np.mean(found)) for found in (of_air, [curve.photons for curve in curves]) if found]
    if not slopes:
        return base
    fixed = float(np.mean([curve.fixed for curve in curves])) if curves else 0.0
    return replace(
        base,
        photons=float(np.clip(base.compound / max(min(slopes), 1e-9), 1e3, 1e9)),
        electronic=float(np.sqrt(max(fixed * base.open_beam**2 - 1 / 12, 0))),
    )


def layer_excess_on(behind: FloatArray, layers: dict[str, FloatArray], beams: Sequence[Beam]) -> FloatArray:
    """Excess attenuation (energy, row, column) of layers on a background of this attenuation, same shape.

    The background hardens the beam like cotton, aluminium or steel of its attenuation, whichever explains both
    energies best over the box; steel where there is one energy. Example: 10 g/cm2 of steel behind 100 g/cm2 of it
    adds 6 % less at 6 MV than in air.
    """
    depth = {name: [_depth(A, name, beam) for A, beam in zip(behind, beams, strict=True)] for name in BACKGROUNDS}
    material = "steel"
    if len(beams) == 2:
        means = {name: [float(one.mean()) + THINNEST for one in found] for name, found in depth.items()}
        material = min(BACKGROUNDS, key=lambda name: abs(np.log(means[name][0] / means[name][1])))
    excess = []
    for background, beam in zip(depth[material], beams, strict=True):
        planes = np.stack([background, *(np.maximum(layer, 0) for layer in layers.values())])
        both, alone = transmission(planes, [material, *layers], [beam]), transmission(planes[:1], [material], [beam])
        excess.append(np.log(alone[0]) - np.log(both[0]))
    return np.asarray(np.stack(excess), np.float32)


def _depth(attenuation: FloatArray, material: str, beam: Beam) -> FloatArray:
    """Areal density of a material that attenuates a beam so much, g/cm2."""
    return np.asarray(np.interp(attenuation, attenuation_curve(material, DEPTHS, beam), DEPTHS), np.float32)


def draw_place(rng: Rng, attenuation: FloatArray, size: tuple[int, int], name: str = "") -> tuple[int, int]:
    """Row and column of a corner where a thing of this size (rows, columns) may be, by the attenuation of a scan.

    Among goods, or on something dense with little behind it; where the scan has neither, low in the object.
    Raises ScanError where there is no such place.
    """
    inside = attenuation > EMPTY
    among, on = _among(attenuation, inside, size), _on(attenuation, inside, size)
    ways = [way for way in ((among, on) if rng.random() < IN_GOODS else (on, among)) if way.any()]
    within = _share(inside, size)
    if not within.max() > LEAST_WITHIN:
        raise ScanError(f"{name or 'scan'}: expected an object to put something into, came one too small for it")
    places = ways[0] if ways else _lowest(within >= min(within.max(), WITHIN))
    chosen = np.flatnonzero(places)[rng.integers(np.count_nonzero(places))]
    row, column = np.unravel_index(chosen, places.shape)
    return int(row), int(column)


def _check(scan: Scan, family: str | None, mass_kg: float | None) -> None:
    if scan.kind is not Kind.TRANSMISSION or len(scan.transmission) > 2:
        came = scan.kind if scan.kind is not Kind.TRANSMISSION else f"{len(scan.transmission)} energies"
        raise ScanError(f"{scan.path or 'scan'}: expected a transmission scan of one or two energies, came {came}")
    check_thing(family, mass_kg)


def check_thing(family: str | None, mass_kg: float | None) -> None:
    """Raise UsageError unless such a thing can be drawn."""
    if family is not None and family not in LOOSE:
        raise UsageError(f"family: expected one of {', '.join(sorted(LOOSE))}, came {family}")
    if mass_kg is not None and not 0 < mass_kg < float("inf"):
        raise UsageError(f"mass: expected kg above 0, came {mass_kg}")


def room_in(attenuation: FloatArray, path: str) -> tuple[int, int]:
    """The most rows and columns that a thing may take in this scan."""
    inside = cv2.morphologyEx((attenuation > EMPTY).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, _, wide, high = cv2.boundingRect(inside)
    room = int(high * LARGEST), int(wide * LARGEST)
    if min(room) <= 2 * MARGIN:
        raise ScanError(f"{path or 'scan'}: expected an object to put something into, came only air")
    return room


def draw_thing(
    rng: Rng, family: str | None, mass_kg: float | None, pitch: tuple[float, float], room: tuple[int, int]
) -> Threat:
    """A thing that fits; of a given family one that is made to fit if none does."""
    for _ in range(FAMILIES_TRIED):
        name = family or sorted(LOOSE)[rng.integers(len(LOOSE))]
        draws = [LOOSE[name](rng) for _ in range(DRAWS)]
        scales = [_scale(parts, mass_kg) for parts in draws]
        fits = [i for i in range(DRAWS) if _fitting(draws[i], pitch, room) >= scales[i]]
        if fits or family:
            break
    best = min(fits or range(DRAWS), key=lambda i: abs(np.log(scales[i])))
    return _thing(rng, name, draws[best], min(scales[best], _fitting(draws[best], pitch, room)), pitch)


def _scale(parts: list[Part], mass_kg: float | None) -> float:
    """By how much its sides must grow to have the wanted mass."""
    return 1.0 if mass_kg is None else float((mass_kg / sum(part.mass_kg for part in parts)) ** (1 / 3))


def _fitting(parts: list[Part], pitch: tuple[float, float], room: tuple[int, int]) -> float:
    """The largest scale at which it fits into so many rows and columns."""
    box = enclosing(parts)
    rows, columns = room[0] - 2 * MARGIN - 1, room[1] - 2 * MARGIN - 1
    return min(rows * pitch[0] / (box.z[1] - box.z[0]), columns * pitch[1] / (box.x[1] - box.x[0]))


def _thing(rng: Rng, family: str, parts: list[Part], scale: float, pitch: tuple[float, float]) -> Threat:
    """Seen at `scale`: a view with everything as much smaller, and the paths as much longer."""
    box = enclosing(parts)
    step_z, step_x = (step / scale for step in pitch)
    middle = (box.z[0] + box.z[1]) / 2
    distance = rng.uniform(8, 20) * max(box.z[1] - box.z[0], box.y[1] - box.y[0])
    columns = int((box.x[1] - box.x[0]) / step_x) + 1 + 2 * MARGIN
    rows = int((box.z[1] - box.z[0]) / step_z) + 1 + 2 * MARGIN
    # The plane of the pitch runs through the middle of the thing, and rays are nearly level.
    depth = (box.y[0] + box.y[1]) / 2
    view = View(
        x=box.x[0] + (np.arange(columns, dtype=np.float64) - MARGIN + rng.random()) * step_x,
        z=box.z[1] - (np.arange(rows, dtype=np.float64) - MARGIN + rng.random()) * step_z,
        source_y=-distance,
        source_z=middle + rng.uniform(-0.2, 0.2) * distance,
    )
    level = [replace(part, shape=part.shape.shifted((0.0, -depth, 0.0))) for part in parts]
    layers = areal_densities(level, view)
    mass = scale**3 * sum(part.mass_kg for part in parts)
    seen = sum(float(layer.sum()) for layer in layers.values()) * pitch[0] * pitch[1] / 1e5  # mm2 g/cm2 to kg
    exact = np.float32(mass / seen)  # scale, and the few per cent that coarse pixels and slanting rays make
    return Threat(family, mass, main_material(parts), {name: layer * exact for name, layer in layers.items()})


def _multiplied(
    measured: FloatArray,
    smooth: FloatArray,
    box: tuple[slice, slice],
    excess: FloatArray,
    noise: NoiseModel,
    rng: Rng,
) -> FloatArray:
    """The box of the scan behind the excess, blurred like the scan, with the noise of what is left of the signal.

    Multiplying by f leaves f^2 of the variance; what is missing is drawn. Scatter from around is not attenuated;
    dead detectors stay dead.
    """
    T, f = smooth[:, *box], blurred(np.exp(-excess), noise)
    around = (scattered(smooth, noise) - smooth / np.float32(1 + noise.scatter))[:, *box]
    missing = variance(T * f, noise) - f * f * variance(T, noise)
    drawn = rng.standard_normal(T.shape, np.float32) * np.sqrt(np.maximum(missing, 0))
    before = measured[:, *box]
    after = np.maximum((before - around) * f + around + drawn, 0)
    return np.asarray(np.where(before > 0, after, before), np.float32)


def _among(attenuation: FloatArray, inside: Mask, size: tuple[int, int]) -> Mask:
    """Corners of windows that are full of goods."""
    return np.asarray(_share(_goods(attenuation, inside), size) > 0.85)


def _on(attenuation: FloatArray, inside: Mask, size: tuple[int, int]) -> Mask:
    """Corners of windows with little in them and goods right below, within the object."""
    goods = _goods(attenuation, inside)
    # A thing's own lower edge lies MARGIN above that of its window.
    support = np.zeros_like(_share(inside, size), np.bool_)
    below = _share(goods, (SUPPORT, size[1]))[size[0] - MARGIN :] > 0.6
    rows = min(len(below), len(support))
    support[:rows] = below[:rows]
    core = (max(size[0] - 2 * MARGIN - SUPPORT, 1), size[1])
    free = _share(goods, core)[MARGIN:][: len(support)] < 0.25
    return np.asarray(support & free & (_share(inside, size) > WITHIN))


def _goods(attenuation: FloatArray, inside: Mask) -> Mask:
    """Where there is more than the bare walls of the object, by the threshold of Otsu (IEEE SMC-9, 1979)."""
    if not inside.any():
        return inside
    most = min(float(np.percentile(attenuation[inside], 98)), DARK)
    levels = np.asarray(np.clip(attenuation[inside] / most, 0, 1) * 255, np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    return np.asarray(attenuation > max((threshold + 1) / 255 * most, EMPTY))


def _lowest(places: Mask) -> Mask:
    """Of each column only the lowest place."""
    below = np.cumsum(places[::-1], axis=0)[::-1]
    return np.asarray(places & (below == 1))


def _share(mask: Mask, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Share of a window (rows, columns) that is True, by the corner of the window."""
    rows, columns = size
    total = cv2.integral(mask.astype(np.uint8))
    inner = total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]
    return np.asarray(inner / (rows * columns), np.float64)
