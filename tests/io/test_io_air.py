"""Air level of scans that don't tell it."""

import numpy as np
import pytest

from nii.io.air import estimate_air


def noisy(rng: np.random.Generator, level: float, shape: tuple[int, int], spread: float = 0.01) -> np.ndarray:
    return level * (1 + spread * rng.standard_normal(shape))


def test_air_is_found_though_a_wall_fills_more_of_the_picture(rng: np.random.Generator) -> None:
    picture = noisy(rng, 53000, (200, 300))
    picture[:, :20] = noisy(rng, 64250, (200, 20))  # 7 % air
    level, found = estimate_air(np.clip(picture, 0, 65535).astype(np.uint16), 65535)
    assert found
    assert level == pytest.approx(64250, rel=0.003)


def test_hot_pixels_and_quantised_values_do_not_move_the_level() -> None:
    picture = np.full((200, 200), 58261, np.uint16)
    picture[50:150] = 20000
    picture[0, :20] = 65535  # 0.05 % hot
    picture[1, :] = 63014  # 0.5 %, a brighter step but no plateau
    assert estimate_air(picture, 65535) == (58261.0, True)


def test_a_dense_picture_has_no_air_and_says_so() -> None:
    ramp = np.linspace(0, 250, 90000).reshape(300, 300)
    dense = ramp**3 / 250**2  # ever fewer pixels towards the bright end: no plateau
    assert estimate_air(dense.astype(np.uint8), 255) == (255.0, False)
    level, found = estimate_air((dense * 10).astype(np.uint16), 65535)
    assert not found
    assert level == pytest.approx(2500, rel=0.01)  # the brightest, for 65535 would mean T < 0.04 everywhere


def test_a_black_picture_has_no_level() -> None:
    assert estimate_air(np.zeros((20, 20), np.uint16), 65535) == (0.0, False)


def test_a_picture_of_air_alone_is_air(rng: np.random.Generator) -> None:
    level, found = estimate_air(noisy(rng, 4000, (64, 64)), 4095)
    assert found
    assert level == pytest.approx(4000, rel=0.003)
