import numpy as np
import pytest
from tiny_model import calibrated_model

from nii.contract import read_contract
from nii.detector import Layers
from nii.regions import LOWEST, find_regions
from nii.scan import Scan

CONTRACT = read_contract(calibrated_model(), "tiny.onnx")
SIZE = 80, 120


def found(evidence):
    layers = Layers(
        np.zeros(SIZE, np.float32),
        np.zeros((2, *SIZE), np.float32),
        np.full((2, SIZE[0] // 4, SIZE[1] // 4), 0.5, np.float32),
        np.zeros(2, np.float32),
        0.0,
        evidence,
        float(evidence.max()),
    )
    return find_regions(Scan(transmission=np.ones((2, *SIZE), np.float32)), layers, CONTRACT, None)


def peaks(*heights, level=0.0):
    """Evidence at half the resolution: a level, and peaks of 3 x 5 places at (4, 6), (4, 26) and so on."""
    evidence = np.full((SIZE[0] // 2, SIZE[1] // 2), level, np.float32)
    for number, height in enumerate(heights):
        evidence[4:7, 6 + 20 * number : 11 + 20 * number] = level + height
    return evidence


def test_regions_are_the_peaks_from_the_highest_on():
    regions = found(peaks(4.0, 8.0))
    assert [(one.box, one.score) for one in regions] == [((52, 8, 10, 6), 8.0), ((12, 8, 10, 6), 4.0)]


@pytest.mark.parametrize("level", [-9.0, -3.0, 2.0])
def test_places_of_regions_do_not_depend_on_the_level_of_the_scan(level):
    regions = found(peaks(4.0, 8.0, level=level))
    assert [one.box for one in regions] == [one.box for one in found(peaks(4.0, 8.0))]
    assert [one.score for one in regions] == [level + 8, level + 4]


def test_what_hardly_stands_out_beside_the_highest_is_no_region():
    assert len(found(peaks(8.0, 8.0 * (LOWEST - 0.01), level=-6))) == 1
    assert len(found(peaks(8.0, 8.0 * (LOWEST + 0.01), level=-6))) == 2


def test_a_scan_that_is_alike_all_over_is_one_region():
    (region,) = found(peaks())
    assert region.box == (0, 0, 120, 80)
