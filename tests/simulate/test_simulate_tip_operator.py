"""Threat image projection into operator images: darker, in the hue of the material, and nowhere else."""

from functools import cache

import cv2
import numpy as np
import pytest

from nii.errors import ScanError, UsageError
from nii.io.read import decode_scan
from nii.physics.forward import transmission
from nii.scan import Scan
from nii.simulate.scanner.operator_image import ColourMap, render, to_jpeg
from nii.simulate.scanner.presets import PRESETS
from nii.simulate.tip.operator_image import colours_of, insert_coloured

pytestmark = pytest.mark.slow

SHOWN = ColourMap(hues=(25.0, 120.0, 230.0), gamma=1.5)


@cache
def parcel() -> Scan:
    """A carton with two stacks of paper, an aluminium and a steel part in it, as a viewer shows it; from JPEG."""
    planes = np.zeros((3, 260, 320), np.float32)
    planes[0, 20:240, 20:300] = 0.6
    planes[0, 60:200, 40:110] = 6.0
    planes[0, 120:230, 200:290] = 3.0
    planes[1, 30:60, 150:180] = 4.0
    planes[2, 70:100, 150:180] = 2.5
    beams = PRESETS["parcel-160kv"].beams()
    T = transmission(planes, ["paper", "aluminium", "steel"], beams)
    return decode_scan(to_jpeg(render(T, beams, SHOWN), 95), "parcel")


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def hue(rgb: np.ndarray) -> float:
    """Of the mean colour, (3, pixel), degrees."""
    mean = rgb.mean(axis=1, dtype=np.float64).astype(np.float32)
    return float(cv2.cvtColor(mean.reshape(1, 1, 3), cv2.COLOR_RGB2HLS)[0, 0, 0])


def test_the_hues_of_a_viewer_are_read_off_its_picture() -> None:
    np.testing.assert_allclose(colours_of(parcel().transmission).hues, SHOWN.hues, atol=5)
    assert colours_of(np.ones((3, 30, 30), np.float32)).hues == ColourMap().hues


@pytest.mark.parametrize("family", ["bricks", "firearm", "pills", "die_moulds"])
def test_a_concealment_makes_its_place_darker_and_changes_nothing_else(family: str) -> None:
    before = parcel()
    after, hidden = insert_coloured(before, rng(2), family)
    rows, columns = (
        slice(at, at + size) for at, size in zip((hidden.row, hidden.column), hidden.mask.shape, strict=True)
    )
    assert (hidden.family, hidden.excess.shape) == (family, (2, *hidden.mask.shape))
    place = after.transmission[:, rows, columns], before.transmission[:, rows, columns]
    assert (place[0] <= place[1]).all()
    assert (place[0] < place[1] - 0.01)[:, hidden.mask].any(axis=0).mean() > 0.9
    rest = after.transmission.copy()
    rest[:, rows, columns] = place[1]
    np.testing.assert_array_equal(rest, before.transmission)
    assert family in after.notes[-1]


def test_what_goes_through_has_the_hue_of_the_material() -> None:
    """Where the thing lets through some light: orange powder, and no orange in a steel firearm."""
    groups = {}
    for family in ("bricks", "firearm"):
        after, hidden = insert_coloured(parcel(), rng(5), family, 0.4)
        rows, columns = (
            slice(at, at + size) for at, size in zip((hidden.row, hidden.column), hidden.mask.shape, strict=True)
        )
        ratio = after.transmission[:, rows, columns] / np.maximum(parcel().transmission[:, rows, columns], 0.05)
        groups[family] = ratio[:, hidden.mask & (ratio.max(axis=0) > 0.2)]
    assert hue(groups["bricks"]) == pytest.approx(SHOWN.hues[0], abs=20)
    assert hue(groups["firearm"]) > 100


def test_the_same_random_numbers_give_the_same_picture() -> None:
    first, again, other = (insert_coloured(parcel(), rng(seed))[0].transmission for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_what_cannot_be_done_is_refused() -> None:
    grey = Scan(transmission=np.ones((2, 60, 60), np.float32))
    with pytest.raises(ScanError, match="expected an operator image, came transmission"):
        insert_coloured(grey, rng(1))
    with pytest.raises(UsageError, match=r"family: expected one of .*, came cake"):
        insert_coloured(parcel(), rng(1), "cake")
    with pytest.raises(UsageError, match="mass: expected kg above 0, came -1"):
        insert_coloured(parcel(), rng(1), mass_kg=-1)
