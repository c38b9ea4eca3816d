"""The figures that this package claims, measured: `nii study physics {mass,material,speed}`.

Everything is simulated here and seeded; comparisons with NIST and with Monte Carlo need other people's
data: datasets/physics/compare_nist.py and `nii scanner fit`.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from nii.physics.forward import Beam, linac_beam, transmission
from nii.physics.inverse import invert
from nii.physics.line import CLASSES, MaterialClass
from nii.physics.mass import Mass, excess_mass, layer_excess
from nii.physics.materials import MATERIALS
from nii.physics.noise import NoiseModel, for_beams, measure, unscattered, variance
from nii.scan import FloatArray

PITCH_MM = (6.0, 6.0)
STEEL_MM = (0, 25, 50, 100, 150)
DETECTABLE = 5.0  # standard errors of the mass
POWDERS = (
    *("fentanyl_hcl", "fentanyl_citrate", "fentanyl_street_powder", "fentanyl_pills", "mannitol", "lactose"),
    *("caffeine", "paracetamol", "xylazine_hcl", "cocaine_hcl", "heroin", "heroin_hcl"),
    *("methamphetamine_hcl", "mdma_hcl", "ketamine_hcl", "cannabis", "4_piperidone"),
)
SLABS = {
    MaterialClass.ORGANIC: ("fentanyl_hcl", "cocaine_hcl", "lactose", "cannabis", "polyethylene", "water"),
    MaterialClass.INORGANIC: ("sand", "glass", "salt", "aluminium", "ceramic_tile", "marble"),
    MaterialClass.METAL: ("steel", "copper", "brass", "tool_steel", "nickel", "zinc"),
    MaterialClass.HEAVY_METAL: ("lead", "tungsten", "gold", "bismuth", "uranium", "tin"),
}


def slab(rows: int, columns: int, *, depth: float) -> FloatArray:
    """Areal density of a slab, g/cm2, with a margin of 6 pixels."""
    return np.pad(np.full((rows, columns), depth, np.float32), 6)


def blob(rows: int, columns: int, *, depth: float) -> FloatArray:
    """Areal density of an ellipsoid of this depth at its middle, g/cm2, with a margin of 6 pixels."""
    y = (np.arange(rows) + 0.5) / rows * 2 - 1
    x = (np.arange(columns) + 0.5) / columns * 2 - 1
    return np.pad((depth * np.sqrt(np.maximum(1 - y[:, None] ** 2 - x**2, 0))).astype(np.float32), 6)


def weigh(
    layer: FloatArray,
    material: str,
    steel_mm: float,
    noise: NoiseModel,
    beams: Sequence[Beam],
    rng: np.random.Generator,
) -> tuple[Mass, float]:
    """Measured mass and true mass (kg) of a layer behind steel; the background is known, the noise isn't.

    Scatter is corrected for, as far as that goes.
    The mask is that of the layer, two pixels wider, since the scanner blurs it.
    """
    import cv2

    steel = np.full_like(layer, steel_mm / 10 * MATERIALS["steel"].density_g_cm3)
    names = ["steel", material]
    without = transmission(np.stack([steel, 0 * layer]), names, beams)
    measured = measure(transmission(np.stack([steel, layer]), names, beams), noise, rng)
    measured = unscattered(measured, noise)
    mask = cv2.dilate((layer > 0).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    excess = layer_excess(measured, without, variance(measured, noise))
    mass = excess_mass(excess, mask, measured, pitch_mm=PITCH_MM, beams=beams, noise=noise)
    return mass, float(layer.sum()) * PITCH_MM[0] * PITCH_MM[1] / 1e5


def mass_table(trials: int) -> dict[str, dict[str, float]]:
    """Bias, spread and coverage of the mass of powders, by steel in front; 0.1 to 50 kg, 4/6 MV."""
    rng = np.random.default_rng(1)
    beams = (linac_beam(4.0), linac_beam(6.0))
    table = {}
    for steel_mm in STEEL_MM:
        rows = [_mass_trial(steel_mm, beams, rng) for _ in range(trials)]
        seen = [(m, kg) for m, kg in rows if m.kg > DETECTABLE * (m.high - m.low) / 3.29]
        error = np.array([m.kg / kg - 1 for m, kg in seen])
        table[f"{steel_mm} mm"] = {
            "n": trials,
            "detectable": len(seen),
            "bias_percent": round(100 * float(error.mean()), 2),
            "median_percent": round(100 * float(np.median(np.abs(error))), 2),
            "coverage_percent": round(100 * float(np.mean([m.low <= kg <= m.high for m, kg in rows])), 1),
        }
    return table


def _mass_trial(steel_mm: float, beams: Sequence[Beam], rng: np.random.Generator) -> tuple[Mass, float]:
    kg = float(np.exp(rng.uniform(np.log(0.1), np.log(50))))
    name = str(rng.choice(POWDERS))
    density = MATERIALS[name].density_g_cm3
    depth = float(rng.uniform(0.3, 1.2)) * density * (1000 * kg / density) ** (1 / 3)  # of a compact heap
    shape = slab if rng.random() < 0.5 else blob
    aspect = float(rng.uniform(0.5, 2))
    pixels = kg * 1e5 / PITCH_MM[0] / PITCH_MM[1] / depth
    rows = max(int(np.sqrt(pixels * aspect)), 2)
    layer = shape(rows, max(int(pixels / rows), 2), depth=depth)
    noise = for_beams(NoiseModel(photons=float(np.exp(rng.uniform(np.log(3e4), np.log(3e5))))), beams)
    return weigh(layer, name, steel_mm, noise, beams, rng)


def material_table(trials: int) -> dict[str, dict[str, dict[str, int]]]:
    """Answers by true class, for slabs of 30 x 30 pixels of several areal densities behind steel, 4/6 MV."""
    rng = np.random.default_rng(2)
    beams = (linac_beam(4.0), linac_beam(6.0))
    noise = for_beams(NoiseModel(), beams)
    table: dict[str, dict[str, dict[str, int]]] = {}
    for depth in (3.0, 10.0, 30.0, 60.0):
        for steel_mm in (0, 50, 150):
            answers = {}
            for true in CLASSES:
                names = [str(rng.choice(SLABS[true])) for _ in range(trials)]
                layer = slab(30, 30, depth=depth)
                found = [weigh(layer, n, steel_mm, noise, beams, rng)[0].material_class for n in names]
                answers[str(true)] = dict(Counter(str(f) for f in found).most_common())
            table[f"{depth:g} g/cm2 behind {steel_mm} mm"] = answers
    return table


def speed_table(_: int) -> dict[str, float]:
    """Seconds of processor time for 1 Mpx: forward with 8 materials at both energies, and inverse."""
    rng = np.random.default_rng(3)
    beams = (linac_beam(4.0), linac_beam(6.0))
    layers = rng.uniform(0, 8, (8, 1024, 1024)).astype(np.float32)
    names = ["steel", "aluminium", "pine", "water", "paper", "polyethylene", "glass", "lead"]
    T = transmission(layers, names, beams)
    A = -np.log(T)
    spread = np.full_like(A, 1e-4)
    invert(A[:, :8, :8], beams)  # builds its tables
    return {
        "forward": _seconds(lambda: transmission(layers, names, beams)),
        "inverse": _seconds(lambda: invert(A, beams)),
        "inverse with intervals": _seconds(lambda: invert(A, beams, variance=spread)),
        "noise": _seconds(lambda: measure(T, NoiseModel(), rng)),
    }


def _seconds(act: Callable[[], object]) -> float:
    """Best of three, processor time of all threads."""
    times = []
    for _ in range(3):
        start = time.process_time()
        act()
        times.append(time.process_time() - start)
    return round(min(times), 3)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one table as JSON."""
    tables = {"mass": mass_table, "material": material_table, "speed": speed_table}
    options = argparse.ArgumentParser(prog="nii study physics", description="Measured figures of nii.physics")
    options.add_argument("table", choices=sorted(tables))
    options.add_argument("--trials", type=int, default=100)
    chosen = options.parse_args(arguments)
    print(json.dumps(tables[chosen.table](chosen.trials), indent=1))


if __name__ == "__main__":
    main()
