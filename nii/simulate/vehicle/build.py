"""One vehicle, whole: its parts, the rooms for goods, and the cavities where something could be hidden."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box
from nii.simulate.vehicle.body import Body, draw_body
from nii.simulate.vehicle.cabin import Cabin, draw_cabin
from nii.simulate.vehicle.drive import Tank, draw_engine_bay, draw_exhaust, draw_pack, draw_tank
from nii.simulate.vehicle.parts import VehicleCavity
from nii.simulate.vehicle.shell import bumper_cavities, draw_shell, floor_cavities, roof_cavities
from nii.simulate.vehicle.sides import door_cavities
from nii.simulate.vehicle.wheels import Wheel, draw_running_gear, draw_wheels, road_kit, wheel_parts

SHARES = {"estate": 0.12, "hatchback": 0.2, "pickup": 0.14, "sedan": 0.22, "suv": 0.2, "van": 0.12}
"""How often each kind of body is drawn."""


@dataclass(frozen=True)
class Vehicle:
    """A vehicle that faces to the left.

    rooms: free space for goods, by name: "boot" (load space or bed), "rear seat", "rear floor", "front seat",
    "front floor". cavities: in the structure, by name. wheels: the spare one, if any, lies flat.
    bags: air bags of the dashboard. tank: None in electric vehicles.
    """

    body: Body
    parts: tuple[Part, ...]
    rooms: Mapping[str, Box]
    cavities: Mapping[str, tuple[VehicleCavity, ...]]
    wheels: tuple[Wheel, ...]
    bags: tuple[Part, ...]
    tank: Tank | None

    @property
    def outside(self) -> Box:
        """Length, width and height; the width without mirrors."""
        return Box((0.0, self.body.length), (-self.body.half, self.body.half), (0.0, self.body.roof))


def draw_vehicle(rng: Rng, kind: str | None = None, *, fuel: bool = False, spare: bool = False) -> Vehicle:
    """One vehicle of a kind (one of BODIES), or of a drawn one; with a tank and a spare wheel if asked for."""
    kind = kind or str(rng.choice(list(SHARES), p=list(SHARES.values())))
    body = draw_body(rng, kind, electric=False if fuel else None)
    wheels = draw_wheels(rng, body, spare=True if spare else None)
    cabin = draw_cabin(rng, body)
    bay, bay_cavities = draw_engine_bay(rng, body)
    tank = None if body.drive == "electric" else draw_tank(rng, body)
    below = draw_pack(rng, body) if tank is None else [*tank.parts, *draw_exhaust(rng, body)]
    parts = [
        *draw_shell(rng, body),
        *bay,
        *below,
        *draw_running_gear(rng, body),
        *wheel_parts(rng, wheels),
        *cabin.parts,
        *road_kit(rng, body),
    ]
    cavities = {
        "bumper": bumper_cavities(body),
        "dashboard": cabin.dashboard,
        "door": door_cavities(body),
        "engine": bay_cavities,
        "floor": floor_cavities(body),
        "roof": roof_cavities(body),
        "seat": cabin.seats,
    }
    return Vehicle(body, tuple(parts), draw_rooms(body, cabin), cavities, wheels, cabin.bags, tank)


def draw_rooms(body: Body, cabin: Cabin) -> dict[str, Box]:
    """Free space for goods."""
    inner = body.half - 210
    rooms = {
        "boot": _boot(body),
        "front seat": Box(
            (body.front - 340, body.front + 60), (110.0, 520.0), (cabin.seat_top + 2, body.top(body.front) - 260)
        ),
        "front floor": Box((body.cowl + 430, body.front - 430), (130.0, 520.0), (body.floor + 26, body.floor + 330)),
    }
    if body.rear is not None:
        top = body.top(body.rear) - 230
        rooms["rear seat"] = Box(
            (body.rear - 380, body.rear + 60), (-inner + 30, inner - 30), (cabin.seat_top + 2, top)
        )
        rooms["rear floor"] = Box(
            (body.front + 330, body.rear - 400), (140.0, inner - 20), (body.floor + 92, body.floor + 330)
        )
    return {name: room for name, room in rooms.items() if room.x[1] - room.x[0] > 150}


def _boot(body: Body) -> Box:
    """The boot, load space or bed, up to the shelf, the lid or the roof."""
    low = body.load_floor + 12
    if body.kind == "pickup":
        wide = body.half - 180
        return Box((body.profile[5][0] + 60, body.length - 90), (-wide, wide), (low, body.belt + 400))
    if body.kind == "van":
        wide, x = body.half - 180, (body.cabin_end + 230, body.length - 150)
        return Box(x, (-wide, wide), (low, min(body.top(x[0]), body.top(x[1])) - 90))
    wide, start = body.half - 290, body.cabin_end + (130 if body.kind in ("sedan", "hatchback") else 190)
    return Box((start, body.length - 150), (-wide, wide), (low, body.belt - 45))


def without_bags(vehicle: Vehicle) -> tuple[Part, ...]:
    """What taking out the dashboard's air bag takes away."""
    return tuple(replace(part, sign=-part.sign) for part in vehicle.bags)
