"""What a user gains who has nothing but benign scans of his own scanner: python datasets/benchmarks/own_scanner.py OUT

The scanner: 6 and 9 MV, coarse, noisy, unlike every one that `cargo` was trained on. 150 benign scans of it are
simulated, and a test set that nothing else touches. `nii fit cargo OUT/benign/scans --out OUT/site.onnx`, with
--train MINUTES where these are given, is timed. Beside it stands the shipped model, with operating points from the same
scans. OUT/report compares both.
"""

import argparse
import time
from pathlib import Path

from nii.evaluate.run import finish_pair, prepare, run
from nii.fit.calibrate import benign_scans, calibrated, score_benign, write_model
from nii.fit.site import Request, fit_site
from nii.model.contract import read_contract
from nii.model.detector import Detector, find_model, read_model
from nii.physics.noise import NoiseModel
from nii.simulate.scanner.presets import Linac, Scanner
from nii.simulate.sets.generate import simulate_set

SCANNER = Scanner(
    "yard-9mv",
    (Linac(6.0, 1.8, 30.0), Linac(9.0, 1.8, 30.0)),
    (8.0, 8.0),
    9000.0,
    2200.0,
    NoiseModel(photons=4e4, row_gain=0.006, blur=1.8),
)
BENIGN, TEST = 150, 200
SEEDS = 8101, 8102
PFAS = (0.01, 0.05)


def main() -> None:
    """Simulate, fit, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", type=float, help="minutes of training before the judge is fitted")
    asked = parser.parse_args()
    out = asked.out
    for name, scans, concealed, seed in (("benign", BENIGN, 0.0, SEEDS[0]), ("test", TEST, 0.5, SEEDS[1])):
        if not (out / name / "annotations.json").is_file():
            made = simulate_set(
                "cargo", out / name, scans=scans, concealed=concealed, seed=seed, workers=2, scanner=SCANNER
            )
            print(f"{name}: {len(list(made))} scans", flush=True)
    own = out / "benign" / "scans"
    began = time.monotonic()
    fitted = out / "site.onnx"
    _, lines = fit_site(Request(model="cargo", benign=(str(own),), out=fitted, minutes=asked.train))
    print(f"from benign scans to a calibrated model: {(time.monotonic() - began) / 60:.1f} minutes", *lines, sep="\n")
    shipped = out / "cargo.onnx"
    contract = read_contract(read_model(find_model("cargo")), "cargo")
    outcomes = score_benign(Detector.load("cargo"), benign_scans([str(own)]))
    write_model("cargo", calibrated(contract, outcomes, scanner=None, name=None), shipped)
    pair = [prepare(out / "test", str(model), PFAS) for model in (shipped, fitted)]
    finish_pair(pair, [list(run(one)) for one in pair], out / "report", "datasets/benchmarks/own_scanner.py")
    print(f"{out / 'report' / 'report.html'}: a is the shipped model, b the one of this scanner")


if __name__ == "__main__":
    main()
