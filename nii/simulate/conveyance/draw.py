"""The conveyances of cargo scenes: which there are, how often, and how one is drawn."""

from dataclasses import replace

from nii.simulate.conveyance.containers import LENGTHS, dry_container
from nii.simulate.conveyance.rail import flat_car
from nii.simulate.conveyance.reefers import reefer
from nii.simulate.conveyance.structure import Conveyance
from nii.simulate.conveyance.trailers import box_truck, curtain_sider, on_trailer, semi_trailer
from nii.simulate.render.draws import Rng

SHARES = {
    "20ft": 0.40,
    "40ft": 0.24,
    "reefer": 0.10,
    "box-truck": 0.08,
    "semi-trailer": 0.06,
    "curtain-sider": 0.06,
    "rail": 0.06,
}
"""How often each kind of conveyance is drawn; sum 1."""

ON_TRAILER = 0.5  # of containers
WITH_TRACTOR = 0.65  # of containers on a trailer
REEFER_20FT = 0.4  # of reefers


def draw_conveyance(rng: Rng, kind: str) -> Conveyance:
    """One conveyance of this kind (one of SHARES)."""
    match kind:
        case "box-truck":
            return box_truck(rng)
        case "semi-trailer":
            return semi_trailer(rng)
        case "curtain-sider":
            return curtain_sider(rng)
        case "rail":
            lengths = (("40ft",), ("20ft", "20ft"), ("20ft",))[rng.choice(3, p=(0.4, 0.4, 0.2))]
            return flat_car(rng, tuple(dry_container(rng, LENGTHS[name]) for name in lengths))
        case "reefer":
            container = reefer(rng, LENGTHS["20ft" if rng.random() < REEFER_20FT else "40ft"])
        case _:
            container = replace(dry_container(rng, LENGTHS[kind]), kind=kind)
    if rng.random() < ON_TRAILER:
        return on_trailer(rng, container, with_tractor=rng.random() < WITH_TRACTOR)
    return container
