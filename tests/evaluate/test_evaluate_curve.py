import math

import numpy as np
import pytest

from nii.evaluate.metrics.curve import detection_curve
from nii.evaluate.metrics.missing import Unknown
from nii.evaluate.report.files import limit


def test_the_limit_of_a_known_curve_is_found_within_its_interval(rng):
    # log-odds -2 + 1.5 ln x: half are found at e^(4/3) = 3.79, 90 % at e^((2 + ln 9) / 1.5) = 16.4
    x = np.exp(rng.normal(1.5, 1.2, 800))
    found = rng.random(800) < 1 / (1 + np.exp(2 - 1.5 * np.log(x)))
    made = detection_curve(x, found, rng)
    assert made["half"] == pytest.approx(math.exp(4 / 3), rel=0.2)
    low, high = made["limit_ci"]
    assert low < math.exp((2 + math.log(9)) / 1.5) < high
    assert low < made["limit"] < high < 2 * low
    assert np.all(np.diff(made["pd"]) > 0)
    assert all(a <= b <= c for a, b, c in zip(made["low"], made["pd"], made["high"], strict=True))
    assert (made["n"], made["found"]) == (800, int(found.sum()))


def test_a_mass_that_separates_found_from_missed_gives_a_steep_finite_curve(rng):
    made = detection_curve(range(1, 11), [x > 5 for x in range(1, 11)], rng)
    assert 5 < made["half"] < 6
    assert 5.5 < made["limit"] < 10


def test_a_curve_that_does_not_rise_has_no_limit(rng):
    made = detection_curve(range(1, 11), [x < 6 for x in range(1, 11)], rng)
    assert isinstance(made["limit"], Unknown)
    assert made["limit"].reason == "beyond the concealments of this set"


@pytest.mark.parametrize("found", [[True] * 20, [False] * 20, [True, False] * 2])
def test_too_few_found_or_missed_scans_make_no_curve(rng, found):
    reason = detection_curve(range(1, len(found) + 1), found, rng)
    assert isinstance(reason, Unknown)
    assert f"these have {sum(found)} found and {len(found) - sum(found)} missed" in reason.reason


def test_concealments_of_one_size_make_no_curve(rng):
    assert detection_curve([2.0] * 20, [True, False] * 10, rng) == Unknown("all concealments are of one size")


def test_the_limit_is_said_in_words():
    assert limit(None, "{} kg") == ""
    assert "only beyond" in limit({"limit": None}, "{} kg")
    said = limit({"limit": 12.34, "limit_ci": [8.0, None]}, "{} kg")
    assert said == "Of concealments of 12.3 kg, 90 % are found; 95 % interval 8 kg to beyond this set."
