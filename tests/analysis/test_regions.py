import numpy as np
import pytest
from tiny_model import calibrated_model

from nii.analysis.regions import LOWEST, find_regions
from nii.model.contract import read_contract
from nii.model.detector import Layers
from nii.scan import Scan

pytestmark = pytest.mark.slow

CONTRACT = read_contract(calibrated_model(), "tiny.onnx")
SIZE = 80, 120


def candidates(evidence):
    """Peaks of `peaks`, the highest first, scored by their evidence."""
    tops = [(4.0, 6.0 + 20 * number) for number in range(3)]
    rows = sorted(((row, column, evidence[int(row), int(column)]) for row, column in tops), key=lambda one: -one[2])
    return np.array(rows, np.float32)


def found(evidence, judged=None):
    layers = Layers(
        np.zeros(SIZE, np.float32),
        np.zeros((2, *SIZE), np.float32),
        np.full((2, SIZE[0] // 4, SIZE[1] // 4), 0.5, np.float32),
        np.zeros(2, np.float32),
        0.0,
        evidence,
        candidates(evidence) if judged is None else judged,
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
    assert [(region.box, region.score) for region in regions] == [((52, 8, 10, 6), 8.0), ((12, 8, 10, 6), 4.0)]


@pytest.mark.parametrize("level", [-9.0, -3.0, 2.0])
def test_places_of_regions_do_not_depend_on_the_level_of_the_scan(level):
    regions = found(peaks(4.0, 8.0, level=level))
    assert [region.box for region in regions] == [one.box for one in found(peaks(4.0, 8.0))]
    assert [region.score for region in regions] == [level + 8, level + 4]


def test_what_hardly_stands_out_beside_the_highest_is_no_region():
    assert len(found(peaks(8.0, 8.0 * (LOWEST - 0.01), level=-6))) == 1
    assert len(found(peaks(8.0, 8.0 * (LOWEST + 0.01), level=-6))) == 2


def test_a_scan_that_is_alike_all_over_is_one_region():
    (region,) = found(peaks())
    assert region.box == (0, 0, 120, 80)


def test_regions_are_ranked_by_the_judge_and_not_by_their_evidence():
    judged = np.array([[4, 6, 3.5], [4, 26, -1.0]], np.float32)
    regions = found(peaks(4.0, 8.0), judged)
    assert [(region.box, region.score) for region in regions] == [((12, 8, 10, 6), 3.5), ((52, 8, 10, 6), -1.0)]


def test_a_region_reaches_down_to_no_higher_peak():
    evidence = peaks(4.0)
    evidence[4:7, 11:15] = 2.0  # a bridge, above the share of its height down to which a region reaches
    evidence[4:7, 15:18] = 9.0
    (first, *_) = found(evidence, np.array([[4, 6, 3.5], [4, 15, -1.0]], np.float32))
    assert first.box == (12, 8, 10, 6)


def test_without_a_candidate_there_is_no_region():
    assert found(peaks(4.0), np.zeros((0, 3), np.float32)) == []
