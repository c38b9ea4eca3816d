"""Contact sheets of the simulator: loads, conveyances, families, projection, presets, vehicles, things of no kind.

    python datasets/contact_sheets.py [OUT [SHEET ...]]        (default: all, in datasets/pictures beside this script)

Three draws of each, at 6 MV as the preset "portal-6mv" sees them at a coarser pitch, square root of the
transmission; concealments outlined in red. About a minute on one core.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from nii.physics.noise import for_beams, measure
from nii.scan import FloatArray, Scan
from nii.simulate.cargo.loads import KINDS, UNLISTED, draw_load
from nii.simulate.contraband.concealments import FAMILIES, LOOSE, draw_concealment
from nii.simulate.conveyance.draw import SHARES, draw_conveyance
from nii.simulate.conveyance.structure import Conveyance
from nii.simulate.parcel import scenes as parcel
from nii.simulate.render.scene import Part, areal_densities, enclosing, expected
from nii.simulate.render.shapes import Box, View
from nii.simulate.scanner.presets import BELTS, PORTALS, Scanner
from nii.simulate.sets.scan import THINNEST, simulate
from nii.simulate.sets.truth import Truth
from nii.simulate.tip.transmission import insert
from nii.simulate.vehicle import body as vehicle_body
from nii.simulate.vehicle import build as vehicle_build
from nii.simulate.vehicle import goods as vehicle_goods
from nii.simulate.vehicle import scenes as vehicle

Picture = npt.NDArray[np.uint8]

DRAWS = 3  # of each kind
PITCH_MM = 12.0  # of the sheets of loads and families; 20-ft containers are 6 m long
TILE = (228, 540)  # rows and columns of a picture in a sheet
CAPTION = 18  # rows
QUALITY = 72  # of the JPEG files, which keeps a sheet under 400 kB
FINE_QUALITY = 60  # of sheets that are full of fine patterns
SURROUND_MM = 150.0  # shown around the container
END_MM = 380.0  # left free at the ends of a room where a second wall is shown
EYE, NEARER = 1100.0, 1.25  # height of the source in mm, and how much larger the near side looks
RED = (40, 40, 230)

OF_NO_KIND = (3, 30, 34, 40, 46, 50, 12, 20, 42)  # seeds of loads of no kind: of unlike arrangements

HOLDERS = {"reefer_hide": "reefer", "tank_hide": "box-truck", "tyre_hide": "semi-trailer"}
"""Conveyances of families that a container can't hold."""


def scan(parts: tuple[Part, ...], view: View, scanner: Scanner, rng: np.random.Generator) -> FloatArray:
    """Measured transmission at the high energy, (row, column)."""
    layers = areal_densities(parts, view)
    beams = scanner.beams()
    return measure(expected(layers, (view.z.size, view.x.size), beams), for_beams(scanner.noise, beams), rng)[1]


def outline(parts: tuple[Part, ...], view: View) -> npt.NDArray[np.bool_]:
    """Where these parts are; nowhere if there are none."""
    nothing = np.zeros((view.z.size, view.x.size), np.float32)
    return np.asarray(sum(areal_densities(parts, view).values(), start=nothing) > THINNEST)


def tile(pixels: FloatArray, caption: str, mask: npt.NDArray[np.bool_] | None = None) -> Picture:
    """One picture with its caption, TILE + CAPTION rows."""
    grey = np.asarray(np.sqrt(np.clip(pixels, 0, 1)) * 255, np.uint8)
    scale = min(TILE[0] / grey.shape[0], TILE[1] / grey.shape[1])
    size = (int(grey.shape[1] * scale), int(grey.shape[0] * scale))
    colour = cv2.cvtColor(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
    if mask is not None and mask.any():
        small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        edges, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(colour, edges, -1, RED, 1)
    beyond = ((0, TILE[0] - size[1]), (0, TILE[1] - size[0]), (0, 0))
    colour = np.pad(colour, beyond, constant_values=255)
    strip = np.full((CAPTION, TILE[1], 3), 255, np.uint8)
    cv2.putText(strip, caption, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([strip, colour])


def write_sheets(out: Path, name: str, tiles: list[Picture], rows: int, quality: int) -> None:
    """Sheets of `rows` rows of DRAWS pictures, as NAME-1.jpg and so on, with this quality of JPEG."""
    for number, start in enumerate(range(0, len(tiles), rows * DRAWS), start=1):
        page = tiles[start : start + rows * DRAWS]
        page += [np.full_like(tiles[0], 255)] * (-len(page) % DRAWS)
        lines = [np.concatenate(page[i : i + DRAWS], axis=1) for i in range(0, len(page), DRAWS)]
        path = out / f"{name}-{number}.jpg"
        cv2.imwrite(str(path), np.concatenate(lines), [cv2.IMWRITE_JPEG_QUALITY, quality])
        print(path, f"{path.stat().st_size / 1000:.0f} kB")


def around(box: Box) -> Box:
    """The container, some air around it, and the chassis below."""
    x, z = box.x, box.z
    return Box((x[0] - SURROUND_MM, x[1] + SURROUND_MM), box.y, (z[0] - 3 * SURROUND_MM, z[1] + SURROUND_MM))


def loads(scanner: Scanner) -> Iterator[Picture]:
    """DRAWS pictures of each kind of load."""
    for kind in KINDS:
        for draw in range(DRAWS):
            rng = np.random.default_rng((draw, KINDS.index(kind)))
            conveyance = draw_conveyance(rng, "20ft")
            load = draw_load(rng, kind, conveyance.inside)
            view = scanner.view(around(conveyance.outside))
            mass = sum(part.mass_kg for part in load.parts) / 1000
            yield tile(scan((*conveyance.parts, *load.parts), view, scanner, rng), f"{kind}, {mass:.1f} t")


def shown_whole(conveyance: Conveyance) -> Box:
    """All of a conveyance, with what its near side shows above and below."""
    box = enclosing(conveyance.parts)
    z = tuple(EYE + (height - EYE) * NEARER for height in box.z)
    return Box((box.x[0] - SURROUND_MM, box.x[1] + SURROUND_MM), box.y, (z[0], z[1]))


def conveyances(scanner: Scanner) -> Iterator[Picture]:
    """DRAWS pictures of each kind of conveyance, with three loads."""
    for number, kind in enumerate(SHARES):
        for draw in range(DRAWS):
            rng = np.random.default_rng((draw, 200 + number))
            conveyance = draw_conveyance(rng, kind)
            goods = ("empty", "cartons", "machinery")[draw]
            parts = [part for room in conveyance.rooms for part in draw_load(rng, goods, room).parts]
            mass = sum(part.mass_kg for part in conveyance.parts) / 1000
            pixels = scan((*conveyance.parts, *parts), scanner.view(shown_whole(conveyance)), scanner, rng)
            yield tile(pixels, f"{kind}, {mass:.1f} t without its load ({goods})")


def families(scanner: Scanner) -> Iterator[Picture]:
    """DRAWS pictures of each family, in loads that let it be seen."""
    for family in FAMILIES:
        for draw in range(DRAWS):
            rng = np.random.default_rng((draw, 100 + FAMILIES.index(family)))
            conveyance = draw_conveyance(rng, HOLDERS.get(family, "20ft"))
            room = conveyance.inside
            if family in ("door_hide", "false_wall"):
                room = Box((room.x[0] + END_MM, room.x[1] - END_MM), room.y, room.z)
            load = draw_load(rng, ("cartons", "furniture", "empty")[draw], room)
            found = draw_concealment(rng, family, conveyance, room, load.spots)
            whole = family in ("tank_hide", "tyre_hide")
            view = scanner.view(shown_whole(conveyance) if whole else around(conveyance.outside))
            everything = (*conveyance.parts, *load.parts, *found.parts, *found.displaced)
            caption = f"{family}, {found.mass_kg:.1f} kg in {load.kind}"
            yield tile(scan(everything, view, scanner, rng), caption, outline(found.parts, view))


def projections(scanner: Scanner) -> Iterator[Picture]:
    """A picture of each loose family put into a benign scan."""
    for number, family in enumerate(sorted(LOOSE)):
        benign = simulate("cargo", 17, number, concealed=False, scanner=scanner)
        before = Scan(transmission=benign.measured, energies=scanner.energies, pitch_mm=scanner.pitch_mm)
        after, hidden = insert(before, np.random.default_rng(number), family)
        mask = Truth(benign.truth.without, (hidden,)).mask()
        caption = f"TIP: {family}, {hidden.mass_kg:.1f} kg in {benign.cargo}, {benign.conveyance}"
        yield tile(after.transmission[1], caption, mask)


def presets() -> Iterator[Picture]:
    """The same container by each preset, at its own pitch: the right end of it."""
    for name, scanner in sorted(PORTALS.items()):
        for draw, kind in enumerate(("electronics", "machinery", "drinks")):
            rng = np.random.default_rng(draw)
            conveyance = draw_conveyance(rng, "20ft")
            load = draw_load(rng, kind, conveyance.inside)
            out = conveyance.outside
            end = Box((out.x[1] - 2600, out.x[1] + SURROUND_MM), out.y, (0.0, 1160.0))
            pixels = scan((*conveyance.parts, *load.parts), scanner.view(end), scanner, rng)
            yield tile(pixels, f"{name}, {kind}, {scanner.pitch_mm[0]:g} mm")


def road(box: Box) -> Box:
    """A vehicle, some air around it, and the near wheels, which the beam throws below the road."""
    x, z = box.x, box.z
    return Box((x[0] - SURROUND_MM, x[1] + SURROUND_MM), box.y, (z[0] - 1.5 * SURROUND_MM, z[1] + SURROUND_MM))


def vehicles(scanner: Scanner) -> Iterator[Picture]:
    """DRAWS pictures of each kind of body, then one of each kind of goods."""
    for number, kind in enumerate(vehicle_body.BODIES):
        for draw in range(DRAWS):
            rng = np.random.default_rng((draw, number))
            car = vehicle_build.draw_vehicle(rng, kind)
            pixels = scan(car.parts, scanner.view(road(car.outside)), scanner, rng)
            mass = sum(part.mass_kg for part in car.parts)
            yield tile(pixels, f"{kind}, {car.body.drive}, {mass:.0f} kg")
    for number, load in enumerate(vehicle_goods.ITEMS):
        rng = np.random.default_rng((3, number))
        car = vehicle_build.draw_vehicle(rng, ("suv", "van", "estate", "pickup")[number % 4])
        goods = vehicle_goods.fill(rng, car.rooms["boot"], load, share=0.8)
        pixels = scan((*car.parts, *goods), scanner.view(road(car.outside)), scanner, rng)
        yield tile(pixels, f"{load}, {sum(part.mass_kg for part in goods):.0f} kg in {car.body.kind}")


def vehicle_families(scanner: Scanner) -> Iterator[Picture]:
    """A picture of each family in a vehicle."""
    for number, family in enumerate(vehicle.FAMILIES):
        rng = np.random.default_rng((2, number))
        car, load, goods, (found,) = vehicle.draw_laden(rng, (family,))
        view = scanner.view(road(car.outside))
        pixels = scan((*car.parts, *goods, *found.parts, *found.displaced), view, scanner, rng)
        caption = f"{family}, {found.mass_kg:.2g} kg in {car.body.kind}, {load}"
        yield tile(pixels, caption, outline(found.parts, view))


def on_belt(
    rng: np.random.Generator, held: list[parcel.Parcel], scanner: Scanner, caption: str, *, power: int = 3
) -> Picture:
    """These parcels on a belt, in their true proportions. power: of the transmission; goods of parcels are thin."""
    scene = parcel.on_belt(rng, held)
    view = scanner.view(scene.extent)
    hidden = [part for concealment in scene.concealments for part in (*concealment.parts, *concealment.displaced)]
    pixels = scan((*scene.conveyance, *scene.load, *hidden), view, scanner, rng)
    mask = outline(tuple(part for concealment in scene.concealments for part in concealment.parts), view)
    rows, columns = pixels.shape
    wide, high = max(columns, rows * TILE[1] // TILE[0]), max(rows, columns * TILE[0] // TILE[1])
    border = ((0, high - rows), (0, wide - columns))
    shown = np.pad(pixels, border, constant_values=1) ** power
    return tile(shown, caption, np.pad(mask, border))


def parcels(scanner: Scanner) -> Iterator[Picture]:
    """Three parcels of each kind in a picture."""
    for number, kind in enumerate(parcel.KINDS):
        rng = np.random.default_rng((4, number))
        held = [parcel.draw_parcel(rng, kind) for _ in range(DRAWS)]
        mass = sum(part.mass_kg for one in held for part in one.parts)
        yield on_belt(rng, held, scanner, f"{kind}, {mass:.1f} kg, {', '.join(one.package.kind for one in held)}")


def parcel_families(scanner: Scanner) -> Iterator[Picture]:
    """DRAWS pictures of each family, each in a parcel beside another."""
    for number, family in enumerate(parcel.FAMILIES):
        for draw in range(DRAWS):
            rng = np.random.default_rng((5, number, draw))
            kinds = rng.choice(parcel.KINDS, 2)
            held = [parcel.draw_parcel(rng, str(kinds[0]), family), parcel.draw_parcel(rng, str(kinds[1]))]
            found = held[0].concealment
            mass = found.mass_kg * 1000 if found else 0
            yield on_belt(rng, held, scanner, f"{family}, {mass:.0f} g in {kinds[0]} beside {kinds[1]}")


def unlisted(portal: Scanner, beside: Scanner) -> Iterator[Picture]:
    """Six loads of no kind, a hidden thing of no kind in each of three others, and three vehicles."""
    for number, seed in enumerate(OF_NO_KIND):
        rng = np.random.default_rng(seed)
        conveyance = draw_conveyance(rng, "20ft")
        load = draw_load(rng, UNLISTED, conveyance.inside)
        view = portal.view(around(conveyance.outside))
        parts, caption = (*conveyance.parts, *load.parts), f"{len(load.parts)} parts"
        hidden: tuple[Part, ...] = ()
        if number >= 6:
            found = draw_concealment(rng, "other", conveyance, conveyance.inside, load.spots, broad=True)
            parts, hidden, caption = (*parts, *found.parts, *found.displaced), found.parts, f"{found.mass_kg:.0f} kg"
        mass = sum(part.mass_kg for part in load.parts) / 1000
        yield tile(scan(parts, view, portal, rng), f"{mass:.1f} t, {caption}", outline(hidden, view))
    for number, kind in enumerate(("van", "estate", "pickup")):
        rng = np.random.default_rng((7, number))
        car = vehicle_build.draw_vehicle(rng, kind)
        goods = vehicle_goods.fill_unlisted(rng, car.rooms["boot"], share=1.0, most_kg=400.0)
        pixels = scan((*car.parts, *goods), beside.view(road(car.outside)), beside, rng)
        yield tile(pixels, f"{kind}, {sum(part.mass_kg for part in goods):.0f} kg of goods, {len(goods)} parts")


def busy_parcels(scanner: Scanner) -> Iterator[Picture]:
    """Pairs of busy parcels, then one of each family in such a parcel."""
    for draw in range(2 * DRAWS):
        rng = np.random.default_rng((6, draw))
        held = [parcel.draw_parcel(rng, UNLISTED) for _ in range(2)]
        mass = sum(part.mass_kg for one in held for part in one.parts)
        yield on_belt(rng, held, scanner, f"busy, {mass:.1f} kg", power=1)
    for number, family in enumerate(parcel.FAMILIES):
        rng = np.random.default_rng((7, number))
        held = [parcel.draw_parcel(rng, UNLISTED, family, broad=True)]
        found = held[0].concealment
        yield on_belt(rng, held, scanner, f"{family}, {found.mass_kg * 1000 if found else 0:.0f} g", power=1)


def main() -> None:
    """Write the sheets that are asked for, or all."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pictures"
    out.mkdir(parents=True, exist_ok=True)
    coarse = replace(PORTALS["portal-6mv"], pitch_mm=(PITCH_MM, PITCH_MM))
    beside = replace(PORTALS["portal-6mv-fine"], pitch_mm=(8.0, 8.0), source_distance=5000.0, source_height=900.0)
    sheets = {
        "loads": (loads(coarse), 7),
        "conveyances": (conveyances(coarse), 7),
        "families": (families(coarse), 7),
        "projections": (projections(coarse), 7),
        "presets": (presets(), 7),
        "unlisted": (unlisted(coarse, beside), 4),
        "vehicles": (vehicles(beside), 6),
        "vehicle-families": (vehicle_families(beside), 4),
        "parcels": (parcels(BELTS["parcel-160kv"]), 9),
        "parcels-busy": (busy_parcels(BELTS["parcel-160kv"]), 5),
        "parcel-families": (parcel_families(BELTS["parcel-160kv"]), 9),
    }
    for name in sys.argv[2:] or sheets:
        tiles, rows = sheets[name]
        write_sheets(out, name, list(tiles), rows=rows, quality=FINE_QUALITY if name == "unlisted" else QUALITY)


if __name__ == "__main__":
    main()
