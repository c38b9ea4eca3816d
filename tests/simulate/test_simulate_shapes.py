"""Solids: path lengths against closed forms and against points sampled along each ray."""

import numpy as np
import pytest

from nii.simulate.render.scene import Part, areal_densities
from nii.simulate.render.shapes import (
    Box,
    Cylinder,
    Ellipsoid,
    Oriented,
    PrismX,
    PrismY,
    Shape,
    View,
    rotated,
)

STEP = 0.25  # mm between the points sampled on a ray, along y

L_SHAPE = ((-60.0, -40.0), (50.0, -40.0), (50.0, 0.0), (-10.0, 0.0), (-10.0, 45.0), (-60.0, 45.0))
U_SHAPE = ((-60.0, -40.0), (60.0, -40.0), (60.0, 50.0), (25.0, 50.0), (25.0, -5.0), (-20.0, -5.0), (-20.0, 50.0),
           (-60.0, 50.0))  # fmt: skip
"""Concave outlines: columns of L have one piece each, the legs of U give rays two pieces."""


def view(*, distance: float = 900.0, height: float = 30.0, columns: int = 13, rows: int = 17) -> View:
    """Rays through a window of about 200 x 200 mm, from a near source so that they are steep."""
    return View(
        x=np.linspace(-101.3, 99.7, columns),
        z=np.linspace(103.1, -98.9, rows),
        source_y=-distance,
        source_z=height,
    )


def whole(shape: Shape, seen: View) -> np.ndarray:
    """Paths as a whole image, (row, column) mm."""
    image = np.zeros((seen.z.size, seen.x.size))
    patch = shape.path(seen)
    image[patch.rows, patch.columns] = patch.path
    return image


def holds(shape: Shape, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Whether points lie in a solid; written from its definition, sharing nothing with its paths."""
    match shape:
        case Box():
            return between(x, shape.x) & between(y, shape.y) & between(z, shape.z)
        case Cylinder():
            offset = {"x": x - shape.centre[0], "y": y - shape.centre[1], "z": z - shape.centre[2]}
            along = offset.pop(shape.axis)
            return (np.abs(along) < shape.length / 2) & (sum(v**2 for v in offset.values()) < shape.radius**2)
        case Ellipsoid():
            parts = zip((x, y, z), shape.centre, shape.semi, strict=True)
            return sum(((v - c) / s) ** 2 for v, c, s in parts) < 1
        case PrismY():
            return between(y, shape.y) & in_polygon(shape.corners, x, z)
        case PrismX():
            return between(x, shape.x) & in_polygon(shape.corners, y, z)
        case Oriented():
            moved = [v - at for v, at in zip((x, y, z), shape.at, strict=True)]
            own = [sum(shape.axes[i][k] * moved[i] for i in range(3)) for k in range(3)]
            return holds(shape.solid, *own)


def between(value: np.ndarray, interval: tuple[float, float]) -> np.ndarray:
    return (value > interval[0]) & (value < interval[1])


def in_polygon(corners: tuple[tuple[float, float], ...], u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """By the winding of the corners around each point: the sum of the angles they are seen under."""
    u, v = np.broadcast_arrays(u, v)
    angle = np.zeros(u.shape)
    for (u0, v0), (u1, v1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        a, b, c, d = u0 - u, v0 - v, u1 - u, v1 - v
        angle += np.arctan2(a * d - b * c, a * c + b * d)
    return np.abs(angle) > np.pi


def sampled(shape: Shape, seen: View) -> np.ndarray:
    """Paths by counting points inside along each ray, (row, column) mm; error up to STEP per crossing."""
    y = np.arange(-150, 150, STEP) + STEP / 2
    slope = (seen.z - seen.source_z) / -seen.source_y
    z = seen.source_z + (y[None, :] - seen.source_y) * slope[:, None]  # (row, point)
    inside = holds(shape, seen.x[None, :, None], y[None, None, :], z[:, None, :])
    return inside.sum(axis=-1) * STEP * np.sqrt(1 + slope[:, None] ** 2)


SOLIDS = {
    "box": Box((-50, 70), (-30, 90), (-60, 40)),
    "thin box": Box((-50, 70), (-1, 1), (-60, 40)),
    "cylinder along x": Cylinder((10, 5, -8), 45, 110, "x"),
    "cylinder along y": Cylinder((10, 5, -8), 45, 110, "y"),
    "cylinder along z": Cylinder((10, 5, -8), 45, 110, "z"),
    "ellipsoid": Ellipsoid((-5, 12, 8), (70, 40, 55)),
    "triangle over y": PrismY(((-70, -50), (80, -20), (5, 75)), (-40, 60)),
    "L over y": PrismY(L_SHAPE, (-40, 60)),
    "U over y, turned": PrismY(rotated(U_SHAPE, 0.7, (5, 3)), (-40, 60)),
    "triangle over x": PrismX(((-70, -50), (80, -20), (5, 75)), (-40, 60)),
    "L over x": PrismX(L_SHAPE, (-40, 60)),
    "U over x, turned": PrismX(rotated(U_SHAPE, 0.7, (5, 3)), (-40, 60)),
}
VOLUMES_CM3 = {  # by hand
    "box": 1440.0,
    "thin box": 24.0,
    "cylinder along x": 699.79,
    "cylinder along y": 699.79,
    "cylinder along z": 699.79,
    "ellipsoid": 645.07,
    "triangle over y": 825.0,
    "L over y": 665.0,
    "U over y, turned": 832.5,
    "triangle over x": 825.0,
    "L over x": 665.0,
    "U over x, turned": 832.5,
}
ASKEW, _ = np.linalg.qr([[2.0, 1.0, 0.4], [-0.7, 1.5, 0.9], [0.3, -1.1, 1.2]])
for name in tuple(SOLIDS):
    box = SOLIDS[name].bounds
    middle = np.array([sum(side) / 2 for side in (box.x, box.y, box.z)])
    SOLIDS[f"{name}, askew"] = SOLIDS[name].oriented(ASKEW, (3, -6, 2) - ASKEW @ middle)
    VOLUMES_CM3[f"{name}, askew"] = VOLUMES_CM3[name]


@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("source", [(900.0, 30.0), (260.0, -180.0), (5000.0, 0.0)])
def test_paths_equal_points_counted_along_the_ray(name: str, source: tuple[float, float]) -> None:
    seen = view(distance=source[0], height=source[1])
    # a ray crosses these outlines at most 4 times, and each crossing moves the count by up to one point
    np.testing.assert_allclose(whole(SOLIDS[name], seen), sampled(SOLIDS[name], seen), atol=4 * STEP * 1.6)


@pytest.mark.parametrize("name", SOLIDS)
def test_some_rays_meet_each_solid_and_some_miss_it(name: str) -> None:
    image = whole(SOLIDS[name], view())
    assert np.count_nonzero(image) > 10
    assert np.count_nonzero(image == 0) > 10


@pytest.mark.parametrize("name", SOLIDS)
def test_volumes_are_those_computed_by_hand(name: str) -> None:
    assert SOLIDS[name].volume_cm3 == pytest.approx(VOLUMES_CM3[name], rel=1e-4)


def test_a_level_ray_through_the_middle_has_the_length_that_geometry_says() -> None:
    seen = View(x=np.array([0.0]), z=np.array([0.0]), source_y=-1000, source_z=0)
    expected = {
        Box((-1, 1), (-30, 90), (-1, 1)): 120,
        Cylinder((0, 0, 0), 45, 110, "x"): 90,
        Cylinder((0, 0, 0), 45, 110, "y"): 110,
        Cylinder((0, 0, 27), 45, 110, "x"): 72,  # chord at 27 of radius 45: 2 sqrt(45^2 - 27^2)
        Cylinder((27, 0, 0), 45, 110, "z"): 72,
        Ellipsoid((0, 0, 0), (70, 40, 55)): 80,
        Ellipsoid((42, 0, 0), (70, 40, 55)): 64,  # sqrt(1 - 0.6^2) of the axis
        PrismY(((-5, -5), (5, -5), (0, 5)), (10, 35)): 25,
        PrismX(((-5, -5), (5, -5), (0, 5)), (-1, 1)): 5,
    }
    for shape, length in expected.items():
        assert whole(shape, seen)[0, 0] == pytest.approx(length)


def test_a_steep_ray_is_longer_by_its_slope() -> None:
    # from (y, z) = (-300, 0) to the plane y = 0 at height 400: slope 4/3, so 5/3 mm of ray per mm of y
    seen = View(x=np.array([0.0]), z=np.array([400.0]), source_y=-300, source_z=0)
    slab = Box((-1, 1), (-6, 6), (0, 1000))
    assert whole(slab, seen)[0, 0] == pytest.approx(12 * 5 / 3)


def test_a_ray_that_leaves_through_the_roof_counts_only_what_is_below() -> None:
    # slope 0.1: the ray is at height 10 when y = 0 and meets the roof at height 12 when y = 20
    seen = View(x=np.array([0.0]), z=np.array([10.0]), source_y=-100, source_z=0)
    assert whole(Box((-1, 1), (0, 100), (0, 12)), seen)[0, 0] == pytest.approx(20 * np.sqrt(1.01))


@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("away", [(500.0, 0.0, 0.0), (-500.0, 0.0, 0.0), (0.0, 0.0, 800.0), (0.0, 0.0, -800.0)])
def test_a_solid_out_of_view_has_no_path(name: str, away: tuple[float, float, float]) -> None:
    assert not whole(SOLIDS[name].shifted(away), view()).any()


@pytest.mark.parametrize("name", SOLIDS)
def test_a_shifted_solid_shows_the_same_shifted_image(name: str) -> None:
    seen = view()
    moved = View(x=seen.x + 7, z=seen.z - 5, source_y=seen.source_y, source_z=seen.source_z - 5)
    shape = SOLIDS[name].shifted((7, 0, -5))
    tolerance = 2e-3 if isinstance(shape, Oriented) else 1e-9  # mm; solids that stand askew are drawn in float32
    np.testing.assert_allclose(whole(shape, moved), whole(SOLIDS[name], seen), atol=tolerance)
    assert shape.volume_cm3 == pytest.approx(SOLIDS[name].volume_cm3)


@pytest.mark.parametrize("name", SOLIDS)
def test_a_mirrored_or_turned_solid_holds_the_mirrored_or_turned_points(name: str) -> None:
    x, y, z = np.random.default_rng(0).uniform(-110, 110, (3, 4000))
    solid = SOLIDS[name]
    np.testing.assert_array_equal(holds(solid.mirrored("x", 4), 8 - x, y, z), holds(solid, x, y, z))
    np.testing.assert_array_equal(holds(solid.mirrored("y", 4), x, 8 - y, z), holds(solid, x, y, z))
    np.testing.assert_array_equal(holds(solid.turned(), y, x, z), holds(solid, x, y, z))


def test_orienting_twice_is_orienting_once_by_both() -> None:
    once = SOLIDS["L over x"].oriented(ASKEW, (1, 2, 3)).oriented(ASKEW.T, (4, 5, 6))
    np.testing.assert_allclose(once.axes, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(once.at, ASKEW.T @ (1, 2, 3) + (4, 5, 6))


@pytest.mark.parametrize("name", SOLIDS)
def test_bounds_enclose_the_solid_and_touch_round_ones(name: str) -> None:
    x, y, z = np.random.default_rng(0).uniform(-110, 110, (3, 200_000))
    solid = SOLIDS[name]
    inside, box = holds(solid, x, y, z), solid.bounds
    for value, side in ((x, box.x), (y, box.y), (z, box.z)):
        assert side[0] <= value[inside].min()
        assert value[inside].max() <= side[1]
        if name in ("ellipsoid, askew", "cylinder along x, askew"):
            assert side[1] - side[0] - np.ptp(value[inside]) < 15  # of 80 to 140 mm; loose bounds would add 25


def test_bounds_enclose_every_corner() -> None:
    assert SOLIDS["U over y, turned"].bounds.y == (-40, 60)
    assert SOLIDS["cylinder along z"].bounds == Box((-35, 55), (-40, 50), (-63, 47))
    assert SOLIDS["ellipsoid"].bounds == Box((-75, 65), (-28, 52), (-47, 63))
    assert SOLIDS["L over x"].bounds == Box((-40, 60), (-60, 50), (-40, 45))


@pytest.mark.parametrize("name", SOLIDS)
def test_mass_in_the_image_is_volume_times_density(name: str) -> None:
    """Sum of areal density times pixel area, for a source so far that rays are level and parallel.

    Tolerance: a straight edge along a row or column may gain or lose up to one pixel, 0.9 mm of the 100 mm
    between two edges, in each direction; slanting and round edges average that out.
    """
    pitch = (0.7, 0.9)
    seen = View(x=np.arange(-105.03, 105, pitch[1]), z=np.arange(104.97, -105, -pitch[0]), source_y=-1e7, source_z=0)
    layer = areal_densities([Part(SOLIDS[name], "steel", 7.85)], seen)["steel"]
    mass_kg = layer.sum(dtype=float) * pitch[0] * pitch[1] / 100 / 1000
    assert mass_kg == pytest.approx(VOLUMES_CM3[name] * 7.85 / 1000, rel=0.02)


def test_magnification_adds_mass_near_the_source_and_takes_it_behind() -> None:
    """At distance D + y a pixel is (D + y) / D as high as at y = 0; the pitch is that at y = 0."""
    seen = View(x=np.arange(-70, 70, 2.0), z=np.arange(150, -150, -1.0), source_y=-1000, source_z=0)
    for y in (-200.0, 300.0):
        layer = areal_densities([Part(Box((-50, 50), (y - 1, y + 1), (-40, 40)), "water", 1.0)], seen)["water"]
        grams = layer.sum(dtype=float) * 2.0 * 1.0 / 100
        assert grams == pytest.approx(16 * 1000 / (1000 + y), rel=0.03)  # 16 cm3; obliquity under 0.1 %
