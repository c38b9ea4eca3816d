"""The judge's part of the graph: candidates and what is around them, on maps with a known answer."""

import numpy as np
import pytest
import torch

from training.judge import CANDIDATES, QUANTILES, JudgeModule, Surroundings, names_of, peaks

pytestmark = pytest.mark.slow


def maps(*places, size=(30, 50)):
    """Evidence of noise below -5, with a height at each (row, column)."""
    torch.manual_seed(0)
    evidence = -5 - torch.rand(1, *size)
    for number, (row, column) in enumerate(places):
        evidence[0, row, column] = 5.0 - number
    return evidence


def judged(evidence, energies=2, **changes):
    """What a judge makes of a scan that is alike all over but for its evidence and `changes`."""
    height, width = evidence.shape[1:]
    given = {
        "transmission": torch.full((1, energies, 4 * height, 4 * width), 0.5),
        "excess": torch.zeros(1, energies, height, width),
        "last": torch.zeros(1, 6, height, width),
    } | changes
    return JudgeModule(energies)(given["transmission"], evidence, given["excess"], given["last"])


def feature(features, name, energies=2):
    return features[0, :, names_of(energies).index(name)]


def test_candidates_are_peaks_the_highest_first_and_none_lies_beside_a_higher_one():
    height, row, column = peaks(maps((10, 20), (10, 23), (25, 40)))
    assert [(int(row[0, i]), int(column[0, i]), float(height[0, i])) for i in range(2)] == [(10, 20, 5), (25, 40, 3)]
    assert height.shape == (1, CANDIDATES)
    assert height[0, 2] < -5


def test_an_even_area_is_one_candidate():
    evidence = maps()
    evidence[0, 5:25, 10:40] = 2.0
    height, row, column = peaks(evidence)
    assert (int(row[0, 0]), int(column[0, 0])) == (5, 10)
    assert (height[0, 1:] < -5).all()


def test_a_scan_with_fewer_peaks_has_fewer_candidates_and_finite_features():
    score, candidates, features = judged(torch.zeros(1, 4, 4))
    assert torch.isfinite(candidates[0, :, 2]).tolist() == [True] + [False] * (CANDIDATES - 1)
    assert float(score) == 0.0
    assert torch.isfinite(features).all()


def test_as_it_begins_the_score_is_the_evidence_to_the_bit():
    score, candidates, features = judged(maps((10, 20), (25, 40)))
    assert float(score) == 5.0
    assert torch.equal(candidates[..., 2], features[..., 0])


@pytest.mark.parametrize("energies", [1, 2, 3])
def test_every_feature_has_a_name(energies):
    _, _, features = judged(maps((10, 20)), energies)
    assert features.shape == (1, CANDIDATES, len(names_of(energies)))
    assert len(set(names_of(energies))) == len(names_of(energies))


def test_windows_at_the_edge_count_only_what_lies_in_the_scan():
    plane = torch.arange(24.0).view(1, 1, 4, 6)
    corner = Surroundings(torch.zeros(1, CANDIDATES, dtype=torch.int64), torch.full((1, CANDIDATES), 5), plane[0])
    assert float(corner.mean(plane, 1)[0, 0, 0]) == np.mean([4, 5, 10, 11])
    assert float(corner.spread(plane, 1)[0, 0, 0]) == pytest.approx(np.std([4, 5, 10, 11]))


def test_features_are_the_figures_that_their_names_say():
    evidence, transmission = maps((10, 20), (25, 40)), torch.full((1, 2, 120, 200), 0.5)
    transmission[:, :, 36:48, 76:88] = 0.1
    excess = torch.zeros(1, 2, 30, 50)
    excess[0, 0, 10, 24] = 0.7
    _, _, features = judged(evidence, transmission=transmission, excess=excess)
    ordered = np.sort(evidence.numpy().ravel())
    for share in QUANTILES:
        assert float(feature(features, f"evidence, {share} % of the scan")[0]) == ordered[share * 1499 // 100]
    assert feature(features, "evidence, second peak")[:3].tolist() == [4.0] * 3
    assert float(feature(features, "evidence, lowest 9")[0]) == evidence[0, 6:15, 16:25].min()
    dark, bright = -np.log(0.1), -np.log(0.5)
    assert float(feature(features, "attenuation, mean 5")[0]) == pytest.approx((9 * dark + 16 * bright) / 25, rel=1e-5)
    assert float(feature(features, "difference 1, mean 7")[1]) == pytest.approx(0.16 * bright, rel=1e-4)
    assert float(feature(features, "excess, highest 13")[0]) == pytest.approx(0.7)
    assert float(feature(features, "excess 0, mean 5")[0]) == 0
    assert float(feature(features, "row")[0]) == pytest.approx(10 / 30)


def test_a_place_that_has_its_like_elsewhere_is_less_unlike():
    torch.manual_seed(1)
    last = torch.randn(1, 6, 60, 100) * 0.1
    last[0, :, 8:13, 18:23] += torch.tensor([3.0, -3, 3, 0, 0, 0])[:, None, None]
    evidence = maps((10, 20), (40, 80), size=(60, 100))
    _, _, alone = judged(evidence, last=last)
    last[0, :, 38:43, 58:63] += torch.tensor([3.0, -3, 3, 0, 0, 0])[:, None, None]
    evidence[0, 37:44, 57:64] = 2.5
    _, _, two = judged(evidence, last=last)
    assert feature(two, "unlikeness, 8")[0] < feature(alone, "unlikeness, 8")[0] - 0.2
    assert float(feature(two, "evidence of the alike, 8")[0]) == pytest.approx(2.5, abs=0.5)
    assert feature(alone, "evidence of the alike, 8")[0] < -4
