"""What parcels hold, by kind: the things of each kind, how many, and the chapter they are declared under."""

from collections.abc import Callable
from dataclasses import dataclass

from nii.simulate.parcel import machines
from nii.simulate.parcel import things as at_home
from nii.simulate.parcel.items import CLOTH, Item, Pouch, Slab, Vessel, boxed, pouch, slab, vessel
from nii.simulate.render.draws import Rng

Maker = Callable[[Rng], Item]

GLASS, THIN_GLASS = (("glass", (2.45, 2.55)), (2.0, 4.0)), (("glass", (2.45, 2.55)), (1.0, 2.0))
PLASTIC = (("polypropylene", (0.89, 0.92)), (0.8, 2.5))
PET_WALL = (("pet", (1.33, 1.4)), (0.4, 0.9))
TINPLATE = (("steel", (7.8, 7.9)), (0.18, 0.32))
SHEET = (("aluminium", (2.68, 2.75)), (0.2, 0.5))
CREAMS = (("glycerol", (0.95, 1.2)), ("water", (0.95, 1.05)), ("vegetable_oil", (0.88, 0.95)))

CREAM = Vessel((15, 45), (22, 70), (GLASS, PLASTIC), CREAMS, lid=("abs", (1.0, 1.1)))
BOTTLE = Vessel((13, 38), (70, 220), (GLASS, PLASTIC, PET_WALL), (*CREAMS, ("ethanol", (0.8, 0.9))), neck=(0.3, 0.6))
LIPSTICK = Vessel((7, 12), (50, 95), (SHEET, PLASTIC), (("polyethylene", (0.88, 0.95)),), neck=(0.9, 0.98))
SPRAY = Vessel(
    (17, 33), (110, 240), (SHEET, TINPLATE), (("ethanol", (0.75, 0.85)), ("lpg", (0.5, 0.6))), neck=(0.5, 0.8)
)
POWDER_BOX = Vessel((22, 42), (10, 28), (PLASTIC, SHEET), (("talc", (0.8, 1.6)),))
CAN = Vessel(
    (27, 55), (40, 130), (TINPLATE, SHEET),
    (("fruit", (0.9, 1.05)), ("fish_frozen", (0.95, 1.1)), ("vegetables", (0.9, 1.0)), ("juice", (1.0, 1.08))),
    lid=("steel", (7.8, 7.9)), lumpy=(0, 0.15), lump=(8, 25),
)  # fmt: skip
JAM = Vessel(
    (24, 45), (60, 140), (THIN_GLASS, GLASS), (("juice", (1.1, 1.35)), ("vegetable_oil", (0.9, 1.0))),
    lid=("steel", (3, 7)),
)  # fmt: skip
TEA_TIN = Vessel(
    (30, 65), (60, 190), (TINPLATE,),
    (("tea", (0.25, 0.45)), ("coffee_beans", (0.35, 0.5)), ("flour", (0.45, 0.7)), ("milk", (0.4, 0.6))),
    lid=("steel", (7.8, 7.9)), lumpy=(0, 0.2), lump=(2, 8),
)  # fmt: skip
SUPPLEMENT = Vessel(
    (20, 48), (50, 130), (PLASTIC,),
    (("microcrystalline_cellulose", (0.5, 0.8)), ("lactose", (0.5, 0.8)), ("vegetable_oil", (0.5, 0.7))),
    lumpy=(0.1, 0.3), lump=(6, 16), neck=(0.7, 0.95),
)  # fmt: skip
PROTEIN = Vessel((55, 95), (110, 230), (PLASTIC,), (("milk", (0.35, 0.55)), ("flour", (0.4, 0.6))), neck=(0.7, 0.95))
PAINT = Vessel(
    (15, 55), (30, 130), (TINPLATE, PLASTIC, GLASS),
    (("titanium_dioxide", (1.2, 1.6)), ("lubricating_oil", (0.86, 0.92)), ("water", (1.0, 1.4))),
)  # fmt: skip
CANDLE = Vessel((22, 48), (35, 110), (GLASS, TINPLATE), (("polyethylene", (0.85, 0.93)),), lid=("hardwood", (0.6, 0.7)))

BOOK = Slab(
    ((120, 290), (95, 220), (8, 65)), (("books", (0.7, 0.95)), ("paper", (0.75, 1.1))), "stripes-z", (3, 9), (0, 0.04),
    (("cardboard", (0.7, 1.0)), (0.3, 3.0)),
)  # fmt: skip
PAPERS = Slab(((140, 310), (100, 220), (2, 60)), (("paper", (0.65, 0.95)),), "grain", (30, 120), (0, 0.08))
CARDS = Slab(
    ((55, 130), (40, 95), (8, 40)), (("cardboard", (0.7, 1.0)), ("paper", (0.8, 1.1))), "grain", (20, 50), (0, 0.05)
)
CHOCOLATE = Slab(
    ((90, 220), (60, 160), (8, 40)), (("sugar", (1.0, 1.3)), ("cheese", (0.9, 1.1))), "grid", (18, 34), (0.05, 0.3),
    (("cardboard", (0.6, 0.8)), (0.4, 1.2)),
)  # fmt: skip
BISCUITS = Slab(
    ((120, 260), (50, 180), (35, 80)), (("flour", (0.3, 0.55)), ("rice", (0.3, 0.6))), "stripes-x", (6, 14),
    (0.1, 0.35),
    (("polypropylene", (0.89, 0.92)), (0.2, 0.8)),
)  # fmt: skip
SOAP = Slab(((60, 100), (40, 70), (18, 35)), (("vegetable_oil", (0.95, 1.1)), ("glycerol", (1.0, 1.2))))
TOWEL = Slab(((180, 380), (140, 300), (25, 110)), CLOTH[:3], "folds", (15, 60), (0.1, 0.3))
PILLOW = Slab(
    ((220, 400), (160, 320), (40, 130)),
    (("polyester_cloth", (0.02, 0.07)), ("wool", (0.03, 0.08))),
    "folds",
    (30, 90),
    (0.1, 0.35),
)
FOAM = Slab(
    ((80, 300), (60, 220), (15, 90)), (("polyurethane_foam", (0.02, 0.08)), ("polystyrene_foam", (0.012, 0.04)))
)
WOOD = Slab(
    ((60, 300), (40, 160), (8, 60)),
    (("pine", (0.42, 0.55)), ("hardwood", (0.6, 0.85)), ("plywood", (0.5, 0.65))),
    "stripes-z",
    (5, 16),
    (0.02, 0.12),
)
TILE = Slab(
    ((60, 220), (60, 200), (5, 14)), (("ceramic_tile", (2.1, 2.4)), ("marble", (2.6, 2.7)), ("glass", (2.4, 2.6)))
)
METAL_PLATE = Slab(
    ((40, 200), (25, 140), (1.5, 10)), (("steel", (7.8, 7.9)), ("aluminium", (2.65, 2.8)), ("brass", (8.3, 8.6)))
)

GRAINS = Pouch(
    ((45, 130), (35, 90), (12, 42)),
    (("rice", (0.75, 0.88)), ("sugar", (0.8, 0.92)), ("flour", (0.5, 0.65)), ("salt", (1.1, 1.3)),
     ("coffee_beans", (0.35, 0.5)),
     ("tea", (0.2, 0.45)), ("animal_feed", (0.4, 0.7))),
)  # fmt: skip
SWEETS = Pouch(((40, 110), (30, 80), (12, 35)), (("sugar", (0.5, 0.9)), ("fruit", (0.4, 0.8))), (8, 22), (0.15, 0.45))
SEEDS = Pouch(
    ((20, 90), (15, 60), (4, 28)),
    (("rice", (0.5, 0.8)), ("soil", (0.7, 1.4)), ("pine", (0.2, 0.4)), ("fruit", (0.4, 0.7))),
    (3, 18),
    (0.1, 0.5),
)
SCREWS = Pouch(
    ((18, 60), (15, 45), (6, 20)),
    (("steel", (2.5, 4.5)), ("brass", (3.0, 5.0)), ("zinc", (2.5, 4))),
    (4, 12),
    (0.2, 0.5),
)
PLASTIC_BITS = Pouch(
    ((25, 110), (20, 80), (8, 40)),
    (("abs", (0.2, 0.5)), ("polypropylene", (0.15, 0.5)), ("nylon", (0.2, 0.5))),
    (5, 15),
    (0.2, 0.5),
)


EXTRAS = 0.3  # share of parcels that hold a thing or two of another kind

Thing = Maker | Vessel | Slab | Pouch


def make(rng: Rng, thing: Thing) -> Item:
    """One thing, by its maker or within the ranges of its plan."""
    match thing:
        case Vessel():
            return vessel(rng, thing)
        case Slab():
            return slab(rng, thing)
        case Pouch():
            return pouch(rng, thing)
    return thing(rng)


@dataclass(frozen=True)
class ParcelGoods:
    """Goods of a kind. hs: chapter of the Harmonized System. makers: of its at_home. count: most of them in a
    parcel. retail: share of them in a retail box."""

    hs: str
    things: tuple[Thing, ...]
    count: int
    retail: float = 0.2


GOODS: dict[str, ParcelGoods] = {
    "books": ParcelGoods("49", (BOOK,), 12, 0.05),
    "car_parts": ParcelGoods(
        "87",
        (machines.round_part, machines.small_part, machines.casting, machines.air_filter, machines.spring,
         machines.lamp, machines.outline_sheet, machines.cable, machines.moulded),
        9, 0.4,
    ),
    "ceramics": ParcelGoods("69", (at_home.cup, TILE, at_home.carving), 9, 0.3),
    "clothes": ParcelGoods("61", (at_home.garment, at_home.garment, at_home.garment, PILLOW), 10, 0.05),
    "cosmetics": ParcelGoods("33", (CREAM, BOTTLE, LIPSTICK, SPRAY, POWDER_BOX), 15, 0.5),
    "electronics": ParcelGoods(
        "85",
        (machines.phone, machines.device, machines.cells, machines.cable, machines.headphones, machines.lamp),
        9, 0.5,
    ),
    "food": ParcelGoods("21", (CAN, JAM, TEA_TIN, CHOCOLATE, BISCUITS, GRAINS, SWEETS), 15, 0.1),
    "hardware": ParcelGoods(
        "73",
        (SCREWS, METAL_PLATE, machines.outline_sheet, machines.spring, machines.small_part, at_home.chain,
         machines.casting),
        10, 0.2,
    ),
    "household": ParcelGoods(
        "39",
        (at_home.cup, at_home.pan, at_home.cutlery, at_home.framed, CANDLE, SOAP, machines.moulded, machines.lamp,
         machines.hair_dryer),
        9, 0.3,
    ),
    "instruments": ParcelGoods("92", (at_home.flute_or_drum, machines.cable, machines.device), 3, 0.4),
    "jewellery": ParcelGoods("71", (at_home.ornament, at_home.chain, at_home.ornament), 7, 0.2),
    "leather": ParcelGoods("42", (at_home.handbag, at_home.handbag, machines.outline_sheet), 4, 0.2),
    "medical": ParcelGoods("30", (SUPPLEMENT, SUPPLEMENT, PROTEIN, CREAM, at_home.blister, at_home.syringes), 12, 0.4),
    "optics": ParcelGoods("90", (machines.camera, at_home.spectacles), 4, 0.4),
    "paint": ParcelGoods("32", (PAINT, SPRAY, machines.drivers), 10, 0.1),
    "paper": ParcelGoods("48", (PAPERS, CARDS, FOAM), 9, 0.1),
    "plastics": ParcelGoods("39", (machines.moulded, PLASTIC_BITS, FOAM, machines.moulded), 9, 0.2),
    "seeds": ParcelGoods("12", (SEEDS, SEEDS, GRAINS), 12, 0.1),
    "shoes": ParcelGoods("64", (at_home.shoe,), 3, 0.8),
    "sports": ParcelGoods(
        "95", (at_home.ball, at_home.racket, at_home.weight, machines.round_part, machines.moulded), 4, 0.2
    ),
    "stationery": ParcelGoods("96", (CARDS, PAPERS, BOOK, PLASTIC_BITS, machines.drivers, machines.spanner), 12, 0.2),
    "textiles": ParcelGoods("63", (TOWEL, PILLOW, at_home.garment), 6, 0.05),
    "tools": ParcelGoods(
        "82",
        (SCREWS, machines.spanner, machines.drivers, machines.hammer, machines.sockets, machines.motor_tool),
        9, 0.3,
    ),
    "toys": ParcelGoods(
        "95",
        (PLASTIC_BITS, at_home.figure, at_home.toy_car, at_home.bricks_game, at_home.ball, machines.hair_dryer),
        7, 0.4,
    ),
    "watches": ParcelGoods("91", (at_home.watch, at_home.ornament), 6, 0.6),
    "wood": ParcelGoods("44", (WOOD, at_home.carving, at_home.framed), 7, 0.1),
}  # fmt: skip
"""Kinds of goods; a parcel of packaging only is "empty"."""

HS_CHAPTERS = {kind: goods.hs for kind, goods in GOODS.items()} | {"empty": "00"}


def draw_goods(rng: Rng, kind: str) -> list[Item]:
    """The things in one parcel of this kind (one of HS_CHAPTERS), one to many."""
    if kind == "empty":
        return []
    goods = GOODS[kind]
    count = 1 + int(goods.count * rng.beta(1, 1.5))
    favourite = goods.things[rng.integers(len(goods.things))]  # a parcel holds more of one thing than chance would
    found = []
    for _ in range(count):
        item = make(rng, favourite if rng.random() < 0.5 else goods.things[rng.integers(len(goods.things))])
        found.append(boxed(rng, item) if rng.random() < goods.retail else item)
    if rng.random() < EXTRAS:  # what came along: a cable, a leaflet, a present
        other = GOODS[sorted(GOODS)[rng.integers(len(GOODS))]]
        found += [make(rng, other.things[rng.integers(len(other.things))]) for _ in range(int(rng.integers(1, 3)))]
    return found
