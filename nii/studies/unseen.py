"""What is answered where one can't see: `nii study unseen BENIGN CONCEALED --out OUT [--scans SCANS...]`.

BENIGN: a set of ordinary scans, by kind of load. CONCEALED: a set whose concealments are covered with plates of lead,
OVER_MM larger at each side, of PLATES_MM; with the noise that the scan shows. SCANS: others, one by one. Of the first
benign scans the source is turned off, all or half is black, or an opaque plate covers the middle. OUT gets unseen.json
and overlays of the first answers of each sort.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.record import Result, analyse, decision, record
from nii.io.scanset import ScanEntry, read_entry, read_listed, read_mask, read_set
from nii.io.write import write_atomically
from nii.model.detector import Detector, choose_model
from nii.physics.beams import standard_beams
from nii.physics.materials import MATERIALS
from nii.run.progress import watched
from nii.scan import FloatArray, Scan
from nii.show.overlay import overlay, png
from nii.simulate.tip.transmission import estimated_noise, projected

Mask = npt.NDArray[np.bool_]

PLATES_MM = (5.0, 20.0, 50.0)
OVER_MM = 30.0
CLOSE = 9  # pixels between parts of a concealment that one plate covers
SEED = 24
SPOILT = 20  # benign scans that are spoilt in each way
SHOWN = 3  # overlays of each sort
FAINT = 1e-4  # rms of the dark current, of air


def plates(mask: Mask, pitch_mm: tuple[float, float]) -> Mask:
    """Upright rectangles over the connected parts of a mask (row, column), OVER_MM larger at each side."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((CLOSE, CLOSE), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed)
    high, wide = (int(OVER_MM / pitch) + 1 for pitch in pitch_mm)
    covered = np.zeros(mask.shape, np.bool_)
    for x, y, w, h, _ in stats[1:].tolist():
        covered[max(y - high, 0) : y + h + high, max(x - wide, 0) : x + w + wide] = True
    return covered


def behind_lead(scan: Scan, mask: Mask, thickness_mm: float, rng: np.random.Generator) -> Scan:
    """A scan with lead of this thickness over a mask (row, column). The scan must say its energies and pitch."""
    beams = standard_beams(scan.energies)
    if beams is None or scan.pitch_mm is None:
        raise ValueError(f"{scan.path}: expected known energies and a pitch")
    covered = plates(mask, scan.pitch_mm)
    layer = covered * np.float32(thickness_mm / 10 * MATERIALS["lead"].density_g_cm3)
    whole = (slice(0, scan.shape[0]), slice(0, scan.shape[1]))
    measured, _ = projected(scan, {"lead": layer}, whole, beams, estimated_noise(scan, beams), rng)
    return replace(scan, transmission=measured)


def off(T: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The source is off: dark current alone."""
    return np.abs(rng.normal(0, FAINT, T.shape)).astype(np.float32)


def black(T: FloatArray, _: np.random.Generator) -> FloatArray:
    """All black."""
    return np.zeros_like(T)


def half_black(T: FloatArray, _: np.random.Generator) -> FloatArray:
    """The right half of the picture is black."""
    return np.asarray(np.where(np.arange(T.shape[2]) < T.shape[2] // 2, T, 0), np.float32)


def plate_in_the_middle(T: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Something opaque over the middle third of rows and columns."""
    rows, columns = T.shape[1] // 3, T.shape[2] // 3
    changed, middle = T.copy(), np.s_[:, rows : 2 * rows, columns : 2 * columns]
    changed[middle] = off(T[middle], rng)
    return changed


SPOILT_BY: Mapping[str, Callable[[FloatArray, np.random.Generator], FloatArray]] = {
    "source off": off,
    "all black": black,
    "half black": half_black,
    "plate in the middle": plate_in_the_middle,
}


class Answers:
    """Counts of answers by group, and overlays of the first of each."""

    def __init__(self, detector: Detector, out: Path) -> None:
        self.detector, self.out = detector, out
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, group: str, scan: Scan, name: str, *, detector: Detector | None = None) -> Result:
        """Score a scan and count its answer."""
        result = analyse(scan, detector or self.detector)
        said = "shows nothing" if result.blank else decision(record(result))
        self.counts[group][said] += 1
        if self.counts[group][said] <= SHOWN:
            file = f"{group} {said} {name}".replace(" ", "_").replace("/", "_")
            write_atomically(self.out / f"{file}.png", png(overlay(result)))
        return result


def score_benign(entries: Sequence[ScanEntry], answers: Answers) -> None:
    """Every benign scan as it is, by kind of load; the first ones spoilt."""
    rng = np.random.default_rng(SEED)
    for number, entry in enumerate(watched(entries, len(entries), "benign scans")):
        scan = read_entry(entry)
        kind = (entry.cargo or "unknown").partition(":")[0]
        answers.add(f"benign/{'mixed' if '+' in kind else kind}", scan, entry.name)
        for way, by in SPOILT_BY.items() if number < SPOILT else ():
            answers.add(f"spoilt/{way}", replace(scan, transmission=by(scan.transmission, rng)), entry.name)


def score_covered(entries: Sequence[ScanEntry], answers: Answers) -> None:
    """Every concealed scan as it is, and behind each plate."""
    for number, entry in enumerate(watched(entries, len(entries), "concealed scans")):
        scan = read_entry(entry)
        answers.add("lead/none", scan, entry.name)
        for thickness in PLATES_MM:
            rng = np.random.default_rng((SEED, number, int(thickness)))
            covered = behind_lead(scan, read_mask(entry, scan.shape) > 0, thickness, rng)
            answers.add(f"lead/{thickness:g} mm", covered, entry.name)


def score_others(paths: Iterable[str], answers: Answers) -> None:
    """Other scans, by the model for their kind."""
    models: dict[str, Detector] = {}
    for path in paths:
        scan = read_listed(path)
        name = choose_model(scan)
        models.setdefault(name, Detector.load(name))
        answers.add(f"others/{name}", scan, Path(path).stem, detector=models[name])


def lines(counts: Mapping[str, Counter[str]]) -> Iterator[str]:
    """The counts as text, a line for each group."""
    for group, found in sorted(counts.items()):
        yield f"{group:32} {found.total():4d}  " + ", ".join(f"{said} {n}" for said, n in sorted(found.items()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Score all, print the counts, write unseen.json and overlays."""
    parser = argparse.ArgumentParser(prog="nii study unseen", description="Answers where one can't see.")
    parser.add_argument("benign", type=Path)
    parser.add_argument("concealed", type=Path)
    parser.add_argument("--scans", nargs="*", default=(), help="others")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="cargo")
    parser.add_argument("--most", type=int, help="scans of each set")
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    answers = Answers(Detector.load(asked.model), asked.out)
    score_benign(list(islice((e for e in read_set(asked.benign).entries if not e.concealed), asked.most)), answers)
    score_covered(list(islice((e for e in read_set(asked.concealed).entries if e.concealed), asked.most)), answers)
    score_others(asked.scans, answers)
    write_atomically(asked.out / "unseen.json", (json.dumps(answers.counts, indent=1) + "\n").encode())
    print("\n".join(lines(answers.counts)))


if __name__ == "__main__":
    main()
