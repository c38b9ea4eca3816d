"""What `nii evaluate` costs beyond reading and scoring, on scans of the size of a 20-ft container.

python tests/evaluate_overhead.py [SCANS]   # default 1000; processor seconds and peak memory

The scans, results and heat maps are made up here; everything after the network is the real thing:
pixel statistics, cover, figures with all bootstraps, plots, tables and report, but not the pictures of
the gallery, of which a report has at most 18 (printed apart, from one scan).
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tiny_model import calibrated_model

from nii.detector import Detector
from nii.evaluate.cover import steel_mm, surroundings
from nii.evaluate.metrics import metrics
from nii.evaluate.pixels import pixel_statistics
from nii.evaluate.report import write_report
from nii.evaluate.results import Region, ScanResult, Truth
from nii.operating_point import Calibration
from nii.overlay import overlay, png, without_layer
from nii.report import analyse
from nii.scan import Scan

SHAPE, BOX = (499, 1093), (500, 200, 80, 40)
FAMILIES = ("bricks", "pill_press", "firearm", "die_mould", "false_wall", "bag")


def main(count: int) -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(-6, 2.5, SHAPE).astype(np.float32)
    heat, mask = 1 / (1 + np.exp(-logits)), np.zeros(SHAPE, bool)
    mask[BOX[1] : BOX[1] + BOX[3], BOX[0] : BOX[0] + BOX[2]] = True
    attenuation = np.full((2, *SHAPE), 1.0, np.float32)
    scan = Scan(transmission=np.exp(-attenuation), energies=("4MV", "6MV"), pitch_mm=(6.0, 6.0))
    calibration = Calibration.from_scores(rng.normal(size=1999))
    started = time.process_time()
    results = [result(f"{i:05}", i % 2 == 1, scan, heat, mask, calibration, rng) for i in range(count)]
    counted = time.process_time()
    figures = metrics(results, model={"name": "made up", "version": "1"}, calibrations=[calibration])
    measured = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        write_report(Path(folder), figures, results)
    written = time.process_time()
    gallery = 18 * picture(scan)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} scans of {SHAPE[0]} x {SHAPE[1]}, processor seconds beyond scoring:")
    print(f"pixels, cover {counted - started:.1f}, figures {measured - counted:.1f}, report {written - measured:.1f}")
    print(f"18 pictures (drawing, not scoring) {gallery:.1f}; total {written - started + gallery:.1f}")
    print(f"peak memory {memory:.0f} MB")


def result(name, concealed, scan, heat, mask, calibration, rng) -> ScanResult:
    score = float(rng.normal(1.5 * concealed))
    hidden = mask if concealed else None
    truth = ()
    if concealed:
        cover = surroundings(scan, BOX, mask)
        family, mass, dprime = FAMILIES[int(rng.integers(6))], float(rng.gamma(2, 5)), float(rng.gamma(1, 100))
        steel = steel_mm(cover, scan.energies)
        truth = (Truth(family=family, box=BOX, mass_kg=mass, dprime=dprime, cover=cover, cover_steel_mm=steel),)
    near = Region(box=BOX, score=score, p_value=0.1, family="bricks", mass_kg=8.0, mass_low=4.0, mass_high=16.0)
    far = Region(box=(5.0, 5.0, 20.0, 20.0), score=score - 1, p_value=0.5, family="bag")
    return ScanResult(
        name=name, concealed=concealed, score=score, p_value=calibration.p_value(score), truth=truth, cargo="sacks",
        scanner="portal", regions=(near, *[far] * 9), pixels=pixel_statistics(heat, hidden), seconds=0.3,
    )  # fmt: skip


def picture(scan: Scan) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.onnx"
        path.write_bytes(calibrated_model())
        found = analyse(scan, Detector.load(path, threads=1))
    started = time.process_time()
    for drawn in (overlay(found), without_layer(found)):
        png(drawn)
    return time.process_time() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
