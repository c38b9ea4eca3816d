"""Vehicle scenes: a car, van or pickup at a drive-through portal, what is carried in it, what is concealed."""

from collections.abc import Sequence
from dataclasses import replace

from nii.simulate.contraband.concealments import LOOSE, draw_loose
from nii.simulate.contraband.placing import displaced
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Concealment, Part, Scene, enclosing
from nii.simulate.render.shapes import Box, Interval
from nii.simulate.scanner.presets import Scanner, draw_scanner
from nii.simulate.vehicle.build import Vehicle, draw_vehicle
from nii.simulate.vehicle.goods import ITEMS, UNLISTED, fill, fill_unlisted, hosts, oddments
from nii.simulate.vehicle.hides import HIDES
from nii.simulate.vehicle.parts import drawn_start

FAMILIES = tuple(sorted({*LOOSE, *HIDES}))

EMPTY = 0.3  # share of vehicles without goods
CABIN = 0.3  # share of vehicles with goods in the cabin, too
CABIN_KG = 80.0  # of goods there
IN_GOODS = 0.5  # share of things put into goods, where some can hold them
ATTEMPTS = 60  # draws of a thing until one fits; in a small boot without goods a pill press takes up to 20
HEAVY_KG = 60.0  # what weighs more goes into the boot
HEAVIEST_KG = 300.0
ROAD = 0.4  # share of pictures that show the road
CLEARANCE = 1.0  # mm between a thing and what carries it


def draw_vehicle_scene(rng: Rng, *, concealed: bool, unlisted: float = 0.0) -> Scene:
    """One vehicle; with `concealed`, one concealment in it (in one of ten scenes two).

    unlisted: share of goods of no kind; above 0, concealments of no kind and shields are drawn more broadly, too.
    """
    families = _draw_families(rng) if concealed else ()
    vehicle, load, goods, concealments = draw_laden(rng, families, unlisted)
    scene = Scene(
        conveyance=(*vehicle.parts, *_road(rng, vehicle)),
        load=tuple(goods),
        concealments=tuple(concealments),
        cargo=load,
        extent=_extent(rng, vehicle),
        conveyance_kind=vehicle.body.kind,
    )
    return _facing(rng, scene, vehicle)


def draw_vehicle_scanner(rng: Rng) -> Scanner:
    """A drive-through portal for cars: pitch of 3 to 5 mm, source beside the lane, 0.3 to 1.8 m over the road."""
    pitch = rng.uniform(3, 5)
    return replace(
        draw_scanner(rng),
        pitch_mm=(round(pitch, 2), round(pitch * rng.uniform(0.9, 1.1), 2)),
        source_distance=rng.uniform(2800, 7000),
        source_height=rng.uniform(300, 1800),
    )


def draw_laden(
    rng: Rng, families: Sequence[str], unlisted: float = 0.0
) -> tuple[Vehicle, str, list[Part], list[Concealment]]:
    """A vehicle, the kind of its goods, their parts, and one concealment of each family; drawn until these fit."""
    while True:
        vehicle = draw_vehicle(rng, fuel="tank_hide" in families, spare="spare_hide" in families)
        built = {family: HIDES[family](rng, vehicle) for family in families if family in HIDES}
        vehicle = _raised(vehicle, list(built.values()))
        load, goods = draw_goods(rng, vehicle, unlisted)
        broad = unlisted > 0
        found = [built.get(family) or draw_thing(rng, family, vehicle, goods, broad=broad) for family in families]
        placed = [one for one in found if one is not None]
        if len(placed) == len(found):
            return vehicle, load, goods, placed


def _raised(vehicle: Vehicle, built: list[Concealment]) -> Vehicle:
    """With a boot that begins above what was built on its floor."""
    boot = vehicle.rooms["boot"]
    boxes = [part.shape.bounds for one in built if one.family == "floor_hide" for part in one.parts]
    tops = [box.z[1] + CLEARANCE for box in boxes if _overlap(box.x, boot.x) and _overlap(box.z, boot.z)]
    low = max(tops, default=boot.z[0])
    return replace(vehicle, rooms={**vehicle.rooms, "boot": replace(boot, z=(low, boot.z[1]))})


def draw_goods(rng: Rng, vehicle: Vehicle, unlisted: float = 0.0) -> tuple[str, list[Part]]:
    """Kind of goods, "a+b" if two, and their parts; "empty" holds at most some things that lie about.

    unlisted: share of goods of no kind.
    """
    rooms = vehicle.rooms
    payload = 900.0 if vehicle.body.kind in ("pickup", "van") else 350.0
    loads, goods = ["empty"], []
    if rng.random() >= EMPTY:
        loads = [_kind(rng, unlisted)]
        boot = rooms["boot"]
        cut = boot.x[0] + (boot.x[1] - boot.x[0]) * rng.uniform(0.35, 1)
        goods += _goods(rng, replace(boot, x=(boot.x[0], cut)), loads[0], rng.uniform(0.2, 1), payload)
        if rng.random() < CABIN and (cabin := [name for name in rooms if name.endswith("seat")]):
            loads.append(_kind(rng, unlisted))
            goods += _goods(rng, rooms[str(rng.choice(cabin))], loads[1], rng.uniform(0.4, 1), CABIN_KG)
    for name, room in rooms.items():
        if name.endswith("floor") and rng.random() < 0.4:
            goods += oddments(rng, room)
    return "+".join(dict.fromkeys(loads)), goods


def _kind(rng: Rng, unlisted: float) -> str:
    # no draw where there are none of no kind, so that sets without them keep their bytes
    return UNLISTED if unlisted and rng.random() < unlisted else str(rng.choice(list(ITEMS)))


def _goods(rng: Rng, room: Box, kind: str, share: float, most_kg: float) -> list[Part]:
    if kind == UNLISTED:
        return fill_unlisted(rng, room, share=share, most_kg=most_kg)
    return fill(rng, room, kind, share=share, most_kg=most_kg)


def draw_thing(
    rng: Rng, family: str, vehicle: Vehicle, goods: list[Part], *, broad: bool = False
) -> Concealment | None:
    """One thing of a family (one of LOOSE) in the goods or in a room; None if nothing that was drawn fits.

    broad: as in concealments.draw_concealment.
    """
    for _ in range(ATTEMPTS):
        parts = draw_loose(rng, family) if broad else LOOSE[family](rng)
        if rng.random() < 0.5:
            parts = [replace(part, shape=part.shape.turned()) for part in parts]
        size, mass = enclosing(parts), sum(part.mass_kg for part in parts)
        rooms = [room for name, room in vehicle.rooms.items() if mass < HEAVY_KG or name == "boot"]
        if mass < HEAVIEST_KG and (place := _draw_place(rng, size, rooms, goods)):
            box, host = place
            move = (box.x[0] - size.x[0], box.y[0] - size.y[0], box.z[0] - size.z[0])
            moved = tuple(replace(part, shape=part.shape.shifted(move)) for part in parts)
            return Concealment(family, moved, displaced(moved, host))
    return None


def _draw_place(rng: Rng, size: Box, rooms: list[Box], goods: list[Part]) -> tuple[Box, Part | None] | None:
    """Where something of this size goes: inside goods, or on what is below it in a room; None if it fits nowhere."""
    holding = [host for host in hosts(goods) if _fits(size, host.shape.bounds)]
    if holding and rng.random() < IN_GOODS:
        host = holding[rng.integers(len(holding))]
        return _at_random(rng, size, host.shape.bounds), host
    wide = [room for room in rooms if _fits(size, room)]
    if not wide:
        return None
    room = wide[rng.integers(len(wide))]
    box = _at_random(rng, size, room)
    tops = [other.z[1] for other in (part.shape.bounds for part in goods if part.sign > 0)
            if _overlap(other.x, box.x) and _overlap(other.y, box.y)]  # fmt: skip
    low = max(tops, default=room.z[0]) + CLEARANCE
    box = replace(box, z=(low, low + size.z[1] - size.z[0]))
    return (box, None) if box.z[1] <= room.z[1] else None


def _fits(size: Box, room: Box) -> bool:
    pairs = ((size.x, room.x), (size.y, room.y), (size.z, room.z))
    return all(a[1] - a[0] + 2 * CLEARANCE <= b[1] - b[0] for a, b in pairs)


def _at_random(rng: Rng, size: Box, room: Box) -> Box:
    """A box of this size anywhere in a room that holds it."""
    starts = [drawn_start(rng, b, a[1] - a[0]) for a, b in
              ((size.x, room.x), (size.y, room.y), (size.z, room.z))]  # fmt: skip
    return Box(*((s, s + a[1] - a[0]) for s, a in zip(starts, (size.x, size.y, size.z), strict=True)))


def _overlap(a: Interval, b: Interval) -> bool:
    return a[0] < b[1] and a[1] > b[0]


def _draw_families(rng: Rng) -> tuple[str, ...]:
    count = 2 if rng.random() < 0.1 else 1
    return tuple(str(name) for name in rng.choice(FAMILIES, count, replace=False))


def _road(rng: Rng, vehicle: Vehicle) -> list[Part]:
    """The slab that the vehicle stands on, where the picture reaches down to it."""
    if rng.random() >= ROAD:
        return []
    x = (-2000.0, vehicle.body.length + 2000)
    return [Part(Box(x, (-1500.0, 1500.0), (-rng.uniform(150, 400), 0.0)), "concrete", rng.uniform(2.1, 2.4))]


def _extent(rng: Rng, vehicle: Vehicle) -> Box:
    """What the picture shows: some air around, and the near wheels or not quite."""
    out = vehicle.outside
    margins = rng.uniform(150, 700, 2)
    low, high = rng.uniform(-420, 20), out.z[1] + rng.uniform(200, 600)
    return Box((out.x[0] - margins[0], out.x[1] + margins[1]), out.y, (float(low), float(high)))


def _facing(rng: Rng, scene: Scene, vehicle: Vehicle) -> Scene:
    """The scene as drawn, or driving the other way, or with the other side to the source."""
    for axis, at in (("x", vehicle.body.length / 2), ("y", 0.0)):
        if rng.random() < 0.5:
            scene = Scene(
                conveyance=_all_mirrored(scene.conveyance, axis, at),
                load=_all_mirrored(scene.load, axis, at),
                concealments=tuple(
                    Concealment(
                        concealment.family,
                        _all_mirrored(concealment.parts, axis, at),
                        _all_mirrored(concealment.displaced, axis, at),
                    )
                    for concealment in scene.concealments
                ),
                cargo=scene.cargo,
                extent=scene.extent.mirrored(axis, at),
                conveyance_kind=scene.conveyance_kind,
            )
    return scene


def _all_mirrored(parts: tuple[Part, ...], axis: str, at: float) -> tuple[Part, ...]:
    return tuple(replace(part, shape=part.shape.mirrored(axis, at)) for part in parts)
