"""The kinds of scenes that can be simulated: what draws them, what they hold, who scans them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from nii.errors import UsageError
from nii.simulate.cargo import loads
from nii.simulate.cargo import scenes as cargo
from nii.simulate.contraband import concealments
from nii.simulate.held_out import scanners as held_out_scanners
from nii.simulate.held_out import scenes as held_out_scenes
from nii.simulate.parcel import goods as parcel_goods
from nii.simulate.parcel import scenes as parcel
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Scene
from nii.simulate.scanner import presets as scanners
from nii.simulate.scanner.presets import Scanner
from nii.simulate.vehicle import goods as vehicle_goods
from nii.simulate.vehicle import scenes as vehicle


class DrawScene(Protocol):
    """Draws one scene; with `concealed`, something is hidden in it."""

    def __call__(self, rng: Rng, *, concealed: bool) -> Scene: ...


class DrawUnlisted(Protocol):
    """Draws one scene whose loads are of no kind with the probability `unlisted`."""

    def __call__(self, rng: Rng, *, concealed: bool, unlisted: float) -> Scene: ...


@dataclass(frozen=True)
class SceneKind:
    """A kind of scene.

    draw: one scene. families: what can be concealed in it, sorted. hs_chapters: its loads, each with its
    chapter of the Harmonized System. draw_scanner: a scanner that such things are scanned by. draw_unlisted: draws
    scenes with loads of no kind, if it has them.
    """

    draw: DrawScene
    families: tuple[str, ...]
    hs_chapters: Mapping[str, str]
    draw_scanner: Callable[[Rng], Scanner]
    draw_unlisted: DrawUnlisted | None = None

    @property
    def loads(self) -> tuple[str, ...]:
        """Names of the loads, sorted."""
        return tuple(sorted(self.hs_chapters))


KINDS: Mapping[str, SceneKind] = {
    "cargo": SceneKind(
        cargo.draw_cargo, concealments.FAMILIES, loads.HS_CHAPTERS, scanners.draw_scanner, cargo.draw_cargo
    ),
    "parcel": SceneKind(
        parcel.draw_scene, parcel.FAMILIES, parcel_goods.HS_CHAPTERS, scanners.draw_belt_scanner, parcel.draw_scene
    ),
    "vehicle": SceneKind(
        vehicle.draw_vehicle_scene,
        vehicle.FAMILIES,
        vehicle_goods.HS_CHAPTERS,
        vehicle.draw_vehicle_scanner,
        vehicle.draw_vehicle_scene,
    ),
}

HELD_OUT: Mapping[str, SceneKind] = {
    "cargo": SceneKind(
        held_out_scenes.draw_held_out,
        concealments.FAMILIES,
        held_out_scenes.HS_CHAPTERS,
        held_out_scanners.draw_held_out_scanner,
    ),
}
"""Worlds that no training sees, by the kind of scene that they stand in for."""

FAMILIES = tuple(sorted({family for kind in KINDS.values() for family in kind.families}))
"""Of all kinds; the COCO categories of every set, so that sets of several kinds can be joined."""


def kind_of(name: str, *, held_out: bool = False) -> SceneKind:
    """The kind of this name, or its held-out world. Raises UsageError if there is none."""
    kinds, what = (HELD_OUT, "held-out kind of scene") if held_out else (KINDS, "kind of scene")
    if name not in kinds:
        raise UsageError(f"{what}: expected one of {', '.join(sorted(kinds))}, came {name}")
    return kinds[name]
