import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from nii.errors import ScanSetError
from nii.evaluate.metrics.missing import Unknown
from nii.evaluate.metrics.pixels import BINS, add_up, aupro, heat_bins, mask_boxes, pixel_metrics, pixel_statistics


def row(*values: float) -> np.ndarray:
    return np.array([values], dtype=np.float32)


def test_auroc_and_ap_of_four_pixels_are_counted_by_hand():
    # concealed .9 and .4, benign .6 and .1: three of four pairs in order;
    # precision 1 at recall 1/2, 2/3 at recall 1
    figures = pixel_metrics([pixel_statistics(row(0.9, 0.6, 0.4, 0.1), row(1, 0, 1, 0))])
    assert figures["auroc"] == pytest.approx(0.75)
    assert figures["ap"] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert (figures["pixels_benign"], figures["pixels_concealed"], figures["components"]) == (2, 2, 2)


def test_aupro_of_two_components_is_integrated_by_hand():
    # components of 1 and 4 pixels; overlap .5 (at .9), .75 (.8), 1 (.3); benign share 0 until
    # .5 (0.1), then 1 at .2. Area to 0.3: 0.1 * 0.75 + 0.2 * 1 = 0.275
    heat = row(0.9, 0.5, 0.8, 0.8, 0.3, 0.3, *[0.2] * 9)
    mask = row(1, 0, 1, 1, 1, 1, *[0] * 9)
    assert aupro(add_up([pixel_statistics(heat, mask)])) == pytest.approx(0.275 / 0.3)


def test_a_curve_that_leaves_the_limit_between_two_points_is_cut_there():
    # all benign pixels tie at .2 with half of the component: from (0, .5) straight to (1, 1)
    total = add_up([pixel_statistics(row(0.9, 0.2, 0.2, 0.2), row(1, 1, 0, 0))])
    assert aupro(total, limit=0.3) == pytest.approx((0.5 + 0.65) / 2)


def test_touching_corners_are_one_component_and_boxes_follow():
    mask = np.zeros((6, 9), np.uint8)
    mask[1, 2] = mask[2, 3] = 255
    mask[4:6, 6:9] = 255
    assert pixel_statistics(np.full(mask.shape, 0.5, np.float32), mask).components == 2
    assert mask_boxes(mask) == [(2, 1, 2, 2), (6, 4, 3, 2)]


def test_binned_figures_equal_exact_ones_over_several_scans(rng):
    heats, masks = rng.beta(0.3, 5, size=(4, 50, 60)).astype(np.float32), np.zeros((4, 50, 60), bool)
    masks[1, 10:30, 10:25], masks[2, 5:9, 40:55] = True, True
    heats[masks] = rng.beta(1, 4, size=masks.sum())
    figures = pixel_metrics(pixel_statistics(h, m if m.any() else None) for h, m in zip(heats, masks, strict=True))
    # a bin is 1.7 % of the odds wide: ties move an area by far less
    assert figures["auroc"] == pytest.approx(roc_auc_score(masks.ravel(), heats.ravel()), abs=2e-4)
    assert figures["ap"] == pytest.approx(average_precision_score(masks.ravel(), heats.ravel()), abs=2e-3)


def test_bins_rise_with_heat_and_hold_both_ends():
    heat = np.array([0, 1e-9, 1e-6, 1e-3, 0.5, 0.999, 1 - 1e-6, 1], np.float32)
    bins = heat_bins(heat)
    assert bins[0] == bins[1] == 0
    assert np.all(np.diff(bins[1:]) > 0)
    assert bins[4] == BINS // 2
    assert bins[-1] < BINS


def test_a_scan_of_any_size_leaves_less_than_40_kb(rng):
    heat = rng.random((300, 400), dtype=np.float32)
    one = pixel_statistics(heat, heat > 0.5)
    assert one.negative.nbytes + one.positive.nbytes + one.overlap.nbytes < 40_000


def test_without_concealed_or_benign_pixels_every_figure_is_unknown():
    only_benign = pixel_metrics([pixel_statistics(row(0.1, 0.2), None)])
    assert only_benign["auroc"] == only_benign["ap"] == Unknown("no heat map with concealed pixels in this set")
    everything = pixel_metrics([pixel_statistics(row(0.1, 0.2), row(1, 1))])
    assert everything["aupro"] == Unknown("no heat map with benign pixels in this set")
    assert isinstance(pixel_metrics([])["auroc"], Unknown)


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.5])
def test_heat_outside_zero_to_one_is_refused(bad):
    with pytest.raises(ScanSetError, match=r"heat map: expected values in \[0, 1\], came"):
        pixel_statistics(row(0.5, bad), None)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ScanSetError, match=r"expected \(row, column\) and a mask like it, came \(1, 2\), \(1, 3\)"):
        pixel_statistics(row(0.5, 0.5), row(0, 1, 0))
