"""Test phantoms in the spirit of ANSI N42.46: steel wedge, wires, contrast blocks and holes.

A phantom is a flat arrangement of steel parts whose place and size are known, so that a scan of it says what
the scanner can see: how thick steel may be, how thin a wire, how faint a block, how small a hole.
The standard's own phantoms are bigger and read by eye; here a part counts as seen where it stands out of the
noise by Rose's factor of 5, and everything easier of its kind is seen too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from nii.errors import PhysicsError, ScanError
from nii.physics.forward import Beam, transmission
from nii.physics.materials import STEEL_G_CM3
from nii.physics.noise import NoiseModel, measure
from nii.scan import FloatArray, Kind, Scan, attenuation_of

Array = npt.NDArray[np.float64]

ROSE = 5.0  # signal over its noise that an observer needs; Rose, J. Opt. Soc. Am. 38 (1948) 196
INSERT_PERCENT = 20.0  # of a wedge's step: the block on it
MODULATION = 0.15  # of the contrast of a large hole, as between the holes of a group
FINE = 4  # sub-pixels per pixel and direction when drawn
LEAST_MATCH = 0.5  # correlation with the drawing below which there is no phantom in the scan
OPAQUE = 4.0  # attenuation; deeper ones all look alike to the search
BLOCK = 1 / 3  # side of a block over that of its field
RIM = 0.15  # of a field's height, left out on all sides when read


@dataclass(frozen=True)
class Phantom:
    """Parts of a phantom; lengths in mm.

    steps: of the wedge. wires: diameters, vertical, of steel, behind each of plates (0 is air).
    contrasts: blocks in percent of contrast_plate, on it. holes: diameters, in groups of three through
    hole_plate. cell: side of the field of a step or block.
    """

    name: str
    steps: tuple[float, ...]
    wires: tuple[float, ...]
    plates: tuple[float, ...]
    contrasts: tuple[float, ...]
    contrast_plate: float
    holes: tuple[float, ...]
    hole_plate: float
    cell: float


CARGO = Phantom(
    name="cargo",
    steps=(25, 50, 100, 150, 200, 220, 240, 260, 280, 300, 320, 340, 360, 400),
    wires=(30, 20, 15, 10, 8, 6, 4, 3, 2, 1),
    plates=(0, 50, 100, 150),
    contrasts=(20, 10, 5, 3, 2, 1, 0.5),
    contrast_plate=100,
    holes=(60, 40, 30, 24, 20, 16, 12, 10, 8, 6),
    hole_plate=25,
    cell=150,
)
PARCEL = Phantom(
    name="parcel",
    steps=(1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 45, 50),
    wires=(3, 2, 1.5, 1, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1),
    plates=(0, 2, 5, 10),
    contrasts=(20, 10, 5, 3, 2, 1, 0.5),
    contrast_plate=5,
    holes=(10, 8, 6, 5, 4, 3, 2.5, 2, 1.5, 1),
    hole_plate=2,
    cell=30,
)
PHANTOMS = {phantom.name: phantom for phantom in (CARGO, PARCEL)}


@dataclass(frozen=True)
class PhantomPart:
    """One part and its field, mm from the phantom's upper left corner.

    kind: step, wire, contrast or hole. size: thickness, diameter or percent. behind: steel over the whole
    field. x, z: upper left corner of the field; width, height of it.
    """

    kind: str
    size: float
    behind: float
    x: float
    z: float
    width: float
    height: float


def layout(phantom: Phantom) -> tuple[PhantomPart, ...]:
    """All parts, row by row: wedge, wires (a row per plate), blocks, holes; a free row between each."""
    cell, parts, z = phantom.cell, [], 0.0
    rows = [[("step", step, step) for step in phantom.steps]]
    rows += [[("wire", wire, plate) for wire in phantom.wires] for plate in phantom.plates]
    rows.append([("contrast", percent, phantom.contrast_plate) for percent in phantom.contrasts])
    rows.append([("hole", hole, phantom.hole_plate) for hole in phantom.holes])
    for row in rows:
        x = 0.0
        for kind, size, behind in row:
            width = max(cell, 10 * size + cell / 2) if kind == "hole" else cell
            parts.append(PhantomPart(kind, size, behind, x, z, width, cell))
            x += width
        z += 1.25 * cell
    return tuple(parts)


def extent_mm(phantom: Phantom) -> tuple[float, float]:
    """Width and height of the phantom. Example: CARGO is 3240 x 1275 mm."""
    parts = layout(phantom)
    return max(p.x + p.width for p in parts), max(p.z + p.height for p in parts)


def drawing(phantom: Phantom, pitch_mm: tuple[float, float], *, margin: int = 0) -> FloatArray:
    """Steel, float32 (1, FINE x row, FINE x column) in g/cm2, on FINE x FINE sub-pixels; margin in pixels of air."""
    step_z, step_x = pitch_mm[0] / FINE, pitch_mm[1] / FINE
    width, height = extent_mm(phantom)
    rows, columns = (
        FINE * int(np.ceil(length / pitch)) for length, pitch in zip((height, width), pitch_mm, strict=True)
    )
    z: Array = np.asarray((np.arange(rows) + 0.5) * step_z, np.float64)
    x: Array = np.asarray((np.arange(columns) + 0.5) * step_x, np.float64)
    steel = np.zeros((rows, columns), np.float32)  # mm
    for part in layout(phantom):
        inside_z, inside_x = _within(z, part.z, part.height), _within(x, part.x, part.width)
        steel[inside_z, inside_x] += _thickness(part, z[inside_z] - part.z, x[inside_x] - part.x, step_x)
    return np.pad(steel * np.float32(STEEL_G_CM3 / 10), FINE * margin)[None]


def _within(axis: Array, start: float, length: float) -> slice:
    first, last = np.searchsorted(axis, (start, start + length))
    return slice(int(first), int(last))


def _thickness(part: PhantomPart, z: Array, x: Array, step_x: float) -> FloatArray:
    """Steel in mm over a part's field; z and x from its corner."""
    flat = np.full((z.size, x.size), part.behind, np.float32)
    from_x, from_z = x - part.width / 2, z - part.height / 2
    if part.kind == "wire":
        flat += _chord(from_x, part.size, step_x)
    elif part.kind == "hole":
        for centre in _hole_centres(part):
            flat[from_z[:, None] ** 2 + (from_x - centre) ** 2 < part.size**2 / 4] = 0
    else:
        percent = INSERT_PERCENT if part.kind == "step" else part.size
        block = np.ix_(np.abs(from_z) < BLOCK / 2 * part.height, np.abs(from_x) < BLOCK / 2 * part.width)
        flat[block] *= np.float32(1 + percent / 100)
    return flat


def _chord(x: Array, diameter: float, step: float) -> FloatArray:
    """Mean chord of a wire over each sub-pixel of this width, exact however thin the wire."""
    edges = np.clip(np.r_[x - step / 2, x[-1:] + step / 2] * 2 / diameter, -1, 1)
    area = (edges * np.sqrt(1 - edges**2) + np.arcsin(edges)) * diameter**2 / 4
    return np.asarray(np.diff(area) / step, np.float32)


def _hole_centres(part: PhantomPart) -> tuple[float, float, float]:
    """Of the three holes of a group, mm from the middle of the field; a diameter between each two."""
    return -2 * part.size, 0.0, 2 * part.size


def phantom_transmission(
    phantom: Phantom, pitch_mm: tuple[float, float], beams: Sequence[Beam], *, margin: int = 12
) -> FloatArray:
    """Expected transmission (energy, row, column) of the phantom with a margin of air, in pixels.

    Sub-pixels average as transmissions, as in a detector.
    """
    if not (pitch_mm[0] > 0 and pitch_mm[1] > 0):
        raise PhysicsError(f"pitch: expected positive mm, came {pitch_mm}")
    return _expected(phantom, pitch_mm, tuple(beams), margin=margin).copy()


@lru_cache(maxsize=4)
def _expected(phantom: Phantom, pitch_mm: tuple[float, float], beams: tuple[Beam, ...], *, margin: int) -> FloatArray:
    import cv2

    fine = transmission(drawing(phantom, pitch_mm, margin=margin), ["steel"], beams)
    size = (fine.shape[2] // FINE, fine.shape[1] // FINE)
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in fine])


def simulate_phantom(
    phantom: Phantom,
    *,
    pitch_mm: tuple[float, float],
    beams: Sequence[Beam],
    noise: NoiseModel,
    rng: np.random.Generator,
) -> FloatArray:
    """A measured scan of the phantom, float32 (energy, row, column)."""
    return measure(phantom_transmission(phantom, pitch_mm, beams), noise, rng)


def read_phantom(scan: Scan, phantom: Phantom, beams: Sequence[Beam]) -> dict[str, object]:
    """What the scan of a phantom shows, as a record.

    {"match": 0 to 1, "penetration_steel_mm": thickest step whose block is seen, "wire_mm": {"50": thinnest
    wire behind 50 mm, ...}, "contrast_percent": faintest block, "hole_mm": smallest holes told apart}; None
    where not even the easiest part is seen. The phantom may lie anywhere in the scan, upright. beams: of the
    scanner, any of that kind will do: they only help to find it. The high energy is read.
    Raises ScanError without a pitch, for operator images, and where no phantom is found.
    """
    if scan.pitch_mm is None or scan.kind is not Kind.TRANSMISSION:
        raise ScanError(f"{scan.path}: expected a transmission scan with pitch_mm to read a phantom")
    plane = scan.transmission[-1]
    row, column, match = _find(plane, phantom, scan.pitch_mm, beams[-1:])
    seen: dict[tuple[str, float], list[tuple[float, bool]]] = {}
    for part in layout(phantom):
        field = _field(plane, part, row, column, scan.pitch_mm)
        key = (part.kind, part.behind if part.kind == "wire" else 0.0)
        seen.setdefault(key, []).append((part.size, _is_seen(part, field, scan.pitch_mm)))
    return {
        "phantom": phantom.name,
        "match": round(match, 3),
        "penetration_steel_mm": _last_seen(seen["step", 0.0]),
        "wire_mm": {f"{plate:g}": _last_seen(seen["wire", plate]) for plate in phantom.plates},
        "contrast_percent": _last_seen(seen["contrast", 0.0]),
        "hole_mm": _last_seen(seen["hole", 0.0]),
    }


def _last_seen(parts: Sequence[tuple[float, bool]]) -> float | None:
    """The hardest part of which all easier ones are seen too; parts go from easy to hard."""
    last = None
    for size, seen in parts:
        if not seen:
            break
        last = size
    return last


def _find(
    plane: FloatArray, phantom: Phantom, pitch_mm: tuple[float, float], beams: Sequence[Beam]
) -> tuple[int, int, float]:
    """Row and column of the phantom's corner in the scan, and the correlation there."""
    import cv2

    template = _dark(_expected(phantom, pitch_mm, tuple(beams), margin=0)[0])
    if template.shape[0] > plane.shape[0] or template.shape[1] > plane.shape[1]:
        raise ScanError(f"phantom {phantom.name}: expected a scan larger than {template.shape}, came {plane.shape}")
    _, match, _, (column, row) = cv2.minMaxLoc(cv2.matchTemplate(_dark(plane), template, cv2.TM_CCOEFF_NORMED))
    if not match >= LEAST_MATCH:
        raise ScanError(f"phantom {phantom.name}: expected one in the scan, best match {match:.2f}")
    return row, column, float(match)


def _dark(T: FloatArray) -> FloatArray:
    return np.asarray(attenuation_of(T, np.exp(-OPAQUE), 1), np.float32)


def _field(plane: FloatArray, part: PhantomPart, row: int, column: int, pitch_mm: tuple[float, float]) -> FloatArray:
    """The pixels of a part's field, off its edges, over which brighter neighbours blur."""
    z, x = part.z / pitch_mm[0] + row, part.x / pitch_mm[1] + column
    height, width = part.height / pitch_mm[0], part.width / pitch_mm[1]
    off_z, off_x = (max(RIM * part.height / pitch, 1) for pitch in pitch_mm)
    return plane[
        int(np.ceil(z + off_z)) : int(z + height - off_z) + 1,
        int(np.ceil(x + off_x)) : int(x + width - off_x) + 1,
    ]


def _is_seen(part: PhantomPart, field: FloatArray, pitch_mm: tuple[float, float]) -> bool:
    if min(field.shape) < 5:
        return False
    if part.kind == "wire":
        return _wire_seen(field, part.size / pitch_mm[1])
    if part.kind == "hole":
        return _holes_seen(field, part, pitch_mm)
    return _block_seen(field)


def _block_seen(field: FloatArray) -> bool:
    """Whether the block in the middle of a field stands out from its rim (a pixel of blur in between is left out)."""
    rows, columns = field.shape
    z, x = (np.abs(np.arange(n) + 0.5 - n / 2) / n for n in (rows, columns))
    half = BLOCK / 2 / (1 - 2 * RIM)
    inner = (z[:, None] < half - 1.5 / rows) & (x < half - 1.5 / columns)
    outer = (z[:, None] > half + 1.5 / rows) | (x > half + 1.5 / columns)
    if not (inner.any() and outer.any()):
        return False
    rest = field - _background(field, outer)
    noise = float(rest[outer].std()) * np.sqrt(1 / inner.sum() + 1 / outer.sum())
    return bool(rest[outer].mean() - rest[inner].mean() > ROSE * max(noise, 1e-9))


def _background(field: FloatArray, outer: npt.NDArray[np.bool_]) -> Array:
    """The quadratic surface through the outer pixels: scatter from brighter neighbours isn't even."""
    z, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : field.shape[0] * 1j, -1 : 1 : field.shape[1] * 1j])
    terms = np.stack([np.ones_like(x), x, z, x * x, z * z, x * z], axis=1)
    used = outer.ravel()
    shape = np.linalg.lstsq(terms[used], field.ravel()[used].astype(np.float64))[0]
    return np.asarray((terms @ shape).reshape(field.shape))


def _wire_seen(field: FloatArray, diameter: float) -> bool:
    """Whether the middle columns are darker than the rest; diameter in pixels."""
    profile = field.mean(axis=0, dtype=np.float64)
    middle = np.abs(np.arange(profile.size) + 0.5 - profile.size / 2)
    inner, outer = middle < diameter / 2 + 1, middle > diameter / 2 + 2.5
    if inner.sum() < 1 or outer.sum() < 4:
        return False
    noise = float(profile[outer].std(ddof=1)) * np.sqrt(1 / inner.sum() + 1 / outer.sum())
    return bool(profile[outer].mean() - profile[inner].mean() > ROSE * max(noise, 1e-9))


def _holes_seen(field: FloatArray, part: PhantomPart, pitch_mm: tuple[float, float]) -> bool:
    """Whether the steel between the holes is darker than the holes, by a share of the steel's own contrast."""
    half = max(part.size / 4 / pitch_mm[0], 0.5)
    z = np.abs(np.arange(field.shape[0]) + 0.5 - field.shape[0] / 2)
    profile = field[z <= half].mean(axis=0, dtype=np.float64)
    x = (np.arange(profile.size) + 0.5 - profile.size / 2) * pitch_mm[1]
    first, _, last = _hole_centres(part)
    bright = np.interp(_hole_centres(part), x, profile).mean()
    dark = np.interp((first / 2, last / 2), x, profile).mean()
    rim = profile[np.abs(x) > 3.5 * part.size]
    if rim.size < 4:
        return False
    return bool(bright - dark > max(MODULATION * (1 - rim.mean()), ROSE * float(rim.std(ddof=1))))
