"""Patterns for the fillings of things of no kind: fields of mean 0 and variance about 1 in the image, float32."""

import cv2
import numpy as np

from nii.scan import FloatArray

OCTAVES = 5  # of a fractal, each half as large as the one before
RODS_VARY = 0.3  # rms by which rods beside each other differ
MOST_SEEDS = 40_000  # of cells; smaller ones than the pixels are noise anyway

Step = tuple[float, float]  # mm a pixel along x and z
Size = tuple[float, float]  # mm along x and z


def fractal(rng: np.random.Generator, shape: tuple[int, int], size: Size, step: Step) -> FloatArray:
    """Blobs of this size, and finer ones down to the pixels: uneven at every scale."""
    out = np.zeros(shape, np.float32)
    for octave in range(OCTAVES):
        blob = (size[0] / 2**octave, size[1] / 2**octave)
        if octave and min(blob) < min(step):
            break
        out += np.float32(0.7**octave) * blobs(rng, shape, blob, step)
    return standard(out)


def blobs(rng: np.random.Generator, shape: tuple[int, int], size: Size, step: Step) -> FloatArray:
    """Smooth random field of about unit variance, blobs of this size."""
    rows, columns = shape
    small = (max(int(columns * step[0] / size[0]) + 2, 2), max(int(rows * step[1] / size[1]) + 2, 2))
    field = rng.standard_normal((small[1], small[0])).astype(np.float32)
    return np.asarray(cv2.resize(field, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)


def granules(rng: np.random.Generator, shape: tuple[int, int], size: Size, step: Step) -> FloatArray:
    """Round grains side by side, each of its own size and density: thick in its middle."""
    distance, grain, count = _cells(rng, shape, size, step)
    widest = np.zeros(count, np.float32)
    np.maximum.at(widest, grain, distance)
    height = np.sqrt(np.maximum(1 - (distance / np.maximum(widest[grain], 1)) ** 2, 0))
    return standard(height * rng.lognormal(0, 0.4, count).astype(np.float32)[grain])


def cells(rng: np.random.Generator, shape: tuple[int, int], size: Size, step: Step) -> FloatArray:
    """Cells with thick walls, as of foam, nets or packed fruit."""
    distance, _, _ = _cells(rng, shape, size, step)
    return standard(distance**2)


def fibres(rng: np.random.Generator, shape: tuple[int, int], size: Size, step: Step) -> FloatArray:
    """Threads in two directions, ten times as long as wide."""
    thin, out = min(size), np.zeros(shape, np.float32)
    for angle in rng.uniform(0, np.pi, 2):
        u, v = _turned(shape, step, float(angle))
        noise = rng.standard_normal((64, 64)).astype(np.float32)
        out += cv2.remap(noise, u / (10 * thin), v / thin, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return standard(out)


def rods(rng: np.random.Generator, shape: tuple[int, int], size: Size, step: Step) -> FloatArray:
    """Rods beside each other, upright, lying or slanting, of size[0] each; interrupted at every size[1] or not."""
    angle = float(rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]))
    u, v = _turned(shape, step, angle)
    number, along = np.floor(u / size[0]), np.abs(u / size[0] % 1 * 2 - 1)
    strength = rng.normal(1, RODS_VARY, 256).astype(np.float32)[number.astype(int) % 256]
    thick = np.sqrt(1 - along**2) * strength
    if rng.random() < 0.5:
        thick = thick * (v / (3 * size[1]) % 1 > 0.15)
    return standard(thick)


def _turned(shape: tuple[int, int], step: Step, angle: float) -> tuple[FloatArray, FloatArray]:
    """Coordinates in mm along axes turned by an angle in radians, float32 (row, column) each."""
    x = np.arange(shape[1], dtype=np.float32)[None, :] * np.float32(step[0])
    z = np.arange(shape[0], dtype=np.float32)[:, None] * np.float32(step[1])
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * c + z * s, z * c - x * s


def _cells(
    rng: np.random.Generator, shape: tuple[int, int], size: Size, step: Step
) -> tuple[FloatArray, np.typing.NDArray[np.int32], int]:
    """Distance to the nearest of many random points, which of them that is, and their number plus one."""
    rows, columns = shape
    count = int(np.clip(rows * columns * step[0] * step[1] / (size[0] * size[1]), 1, MOST_SEEDS))
    apart = np.full(shape, 255, np.uint8)
    apart[rng.integers(rows, size=count), rng.integers(columns, size=count)] = 0
    distance, nearest = cv2.distanceTransformWithLabels(apart, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    return np.asarray(distance, np.float32), np.asarray(nearest, np.int32), count + 1


def standard(field: FloatArray) -> FloatArray:
    """With mean 0 and variance 1; 0 where there is no variance."""
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-6), np.float32)


PATTERNS = {"cells": cells, "fibres": fibres, "fractal": fractal, "granules": granules, "rods": rods}
"""By the name that a texture gives."""
