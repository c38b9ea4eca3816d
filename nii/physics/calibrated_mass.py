"""The mass of what was found, calibrated: by how far masses of known things were off."""

from dataclasses import replace

import numpy as np

from nii.physics.mass import Mass

FEWEST_RATIOS = 20  # for a 90 % interval, one in each tail


def calibrate_mass(mass: Mass, ratios: tuple[float, ...]) -> Mass:
    """The mass times the median of true over estimated mass; interval from the ratios' 5 % and 95 % order statistics.

    What noise alone would give is far too narrow: most of the error is in the separated layer. With ratios of
    scans that are exchangeable with this one the interval holds the true mass in at least 90 % of cases.
    """
    if len(ratios) < FEWEST_RATIOS or not np.isfinite(mass.high):
        return mass
    n, middle = len(ratios), ratios[len(ratios) // 2]
    tail = int(0.05 * (n + 1))
    return replace(
        mass,
        kg=mass.kg * middle,
        low=mass.kg * ratios[tail - 1],
        high=mass.kg * ratios[n - tail],
        areal_density=mass.areal_density * middle,
    )
