"""The driver: a detector over a scan set, then figures, pictures and the report."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nii import __version__
from nii.analysis.fields import RegionRecord
from nii.analysis.record import Result, analyse, smallest_usable_pfa
from nii.errors import CalibrationError, ModelError, ScanError, ScanSetError
from nii.evaluate.metrics.background_attenuation import Mask, steel_mm, surroundings
from nii.evaluate.metrics.collect import metrics
from nii.evaluate.metrics.compare import compare
from nii.evaluate.metrics.pixels import Box, mask_boxes, pixel_statistics
from nii.evaluate.metrics.results import KnownConcealment, ScanResult, ScoredRegion
from nii.evaluate.report.files import write_comparison, write_report
from nii.evaluate.report.gallery import Gallery, ReportPicture, choose_gallery
from nii.io.scanset import ScanEntry, ScanSet, read_entry, read_mask, read_set
from nii.model.contract import Contract
from nii.model.detector import Detector, Layers, choose_model
from nii.show.overlay import Picture as Drawn
from nii.show.overlay import box_in, jpeg, marked, unlayered

PICTURE_WIDTH = 1100  # pixels in the report
TRUE_PLACE = (60, 160, 0)  # blue, green, red
OPERATING_PFA = 0.01


@dataclass(eq=False)
class Evaluation:
    """A set and a model, ready to be scored; pfas: budgets at which Pd is reported."""

    scans: ScanSet
    detector: Detector
    pfas: tuple[float, ...]

    @property
    def safe_pfa(self) -> float:
        """A budget that every calibration of the model supports."""
        return max(OPERATING_PFA, smallest_usable_pfa(self.detector.contract) or 0)

    def operating_pfa(self, results: Sequence[ScanResult]) -> float:
        """The budget at which the model's own promise is checked.

        1 %, or the smallest that the calibrations support by which these scans were ranked.
        """
        names = {result.calibration for result in results}
        used = (calibration for calibration in self.detector.contract.calibrations if calibration.name in names)
        return max([OPERATING_PFA, *(one.smallest_pfa for one in used)])


def prepare(path: Path, model: str | None, pfas: tuple[float, ...], threads: int = 0) -> Evaluation:
    """Open set and model. Raises ScanSetError, ModelError."""
    scans = without_training(read_set(path))
    if not scans.entries:
        raise ScanSetError(f"{path}: expected at least one scan, came none")
    return Evaluation(scans, Detector.load(model or _model_for(scans), threads=threads), pfas)


def without_training(scans: ScanSet) -> ScanSet:
    """The set without the training half of the MVTec layout, which other tools have learnt from."""
    test = tuple(entry for entry in scans.entries if entry.split != "train")
    return replace(scans, entries=test) if test else scans


def _model_for(scans: ScanSet) -> str:
    """The shipped model for the first scan that can be read."""
    for entry in scans.entries:
        try:
            return choose_model(read_entry(entry))
        except ScanError:
            continue
    raise ScanSetError(f"{scans.path}: expected a readable scan, came none")


def run(evaluation: Evaluation) -> Iterator[ScanResult]:
    """Score every scan of the set; a scan that fails, or shows nothing to decide on, is a result with an error."""
    for entry in evaluation.scans.entries:
        try:
            started = time.perf_counter()
            result = analyse(read_entry(entry), evaluation.detector, evaluation.safe_pfa)
            if result.blank is not None:
                raise ScanError(f"{entry.path}: expected a scan to decide on, came one in which {result.blank}")
            seconds = time.perf_counter() - started
            mask = read_mask(entry, result.scan.shape) if entry.mask_path else None
            pixels = None if entry.concealed and mask is None else pixel_statistics(result.layers.heat, mask)
        except (ScanError, ModelError, ScanSetError, CalibrationError) as error:
            yield ScanResult(
                name=entry.name,
                concealed=entry.concealed,
                truth=_truth(entry),
                cargo=entry.cargo,
                scanner=entry.scanner,
                error=str(error),
            )
            continue
        yield ScanResult(
            name=entry.name,
            concealed=entry.concealed,
            score=result.layers.score,
            p_value=result.p_value,
            calibration=result.calibration.name if result.calibration else None,
            truth=_truth(entry, result, mask),
            cargo=entry.cargo,
            scanner=result.scan.scanner or entry.scanner,
            regions=tuple(_region(candidate.to_record()) for candidate in result.candidates),
            pixels=pixels,
            seconds=seconds,
            any_load=str(result.load.answer),
            kinds=likeliest_loads(result.layers, result.contract),
            unseen=result.seen.unseen,
            seen_enough=result.seen.enough,
        )


def likeliest_loads(layers: Layers, contract: Contract) -> tuple[str, ...]:
    """All kinds of load that the model knows, likeliest first."""
    return tuple(contract.cargos[i] for i in (-layers.cargo).argsort(kind="stable"))


def _truth(entry: ScanEntry, result: Result | None = None, mask: Mask | None = None) -> tuple[KnownConcealment, ...]:
    """What the set says about the concealments, and the cargo around each, where the scan can be read.

    Where the set has a mask and no boxes (MVTec layout), each connected area of the mask is a concealment.
    """
    notes, scan = entry.annotations, result.scan if result else None
    if mask is not None and mask.any() and len(notes) == 1 and notes[0].box is None:
        notes = tuple(replace(notes[0], box=box) for box in mask_boxes(mask))
    return tuple(
        KnownConcealment(
            family=note.family,
            box=note.box,
            mass_kg=note.mass_kg,
            material=note.material,
            alike=note.alike,
            dprime=note.dprime,
            unseen=_opaque(result, note.box, mask) if result else None,
            cover=(cover := surroundings(scan, note.box, mask) if scan else None),
            cover_steel_mm=steel_mm(cover, scan.energies) if scan and cover is not None else None,
        )
        for note in notes
    )


def _opaque(result: Result, box: Box | None, mask: Mask | None) -> float | None:
    """Share of a concealment that is opaque, by its box and mask; None where its place is unknown."""
    if mask is None and box is None:
        return None
    x, y, w, h = box or (0, 0, *result.scan.shape[::-1])
    here = (slice(y, y + h), slice(x, x + w))
    dark = result.seen.view.full(result.seen.view.dark)[here]
    there = dark if mask is None or not mask[here].any() else dark[mask[here]]
    return float(there.mean()) if there.size else None


def _region(found: RegionRecord) -> ScoredRegion:
    return ScoredRegion(
        box=found.box,
        score=found.score,
        p_value=found.p_value,
        family=found.family,
        families=tuple((one.family, one.probability) for one in found.families),
        similar=tuple(one.family for one in found.similar),
        material=found.material,
        mass_kg=found.mass_kg,
        mass_low=found.mass_low_kg,
        mass_high=found.mass_high_kg,
    )


def finish(
    evaluation: Evaluation, results: Sequence[ScanResult], out: Path, command: str, operating_pfa: float | None = None
) -> dict[str, Any]:
    """Figures of the results, pictures of the telling scans, and the report on disk.

    operating_pfa: the budget of the promise that is checked; None: `Evaluation.operating_pfa`.
    """
    operating_pfa = operating_pfa or evaluation.operating_pfa(results)
    figures = metrics(
        results,
        model=model_of(evaluation),
        calibrations=evaluation.detector.contract.calibrations,
        pfas=evaluation.pfas,
        operating_pfa=operating_pfa,
        about={"set": str(evaluation.scans.path), "command": command, "software": __version__},
    )
    entries = {entry.name: entry for entry in evaluation.scans.entries}
    groups = choose_gallery(figures, results)
    pictures = {
        group: tuple(_picture(name, entries[name], evaluation.detector, operating_pfa) for name in names)
        for group, names in groups.items()
    }
    write_report(out, figures, results, Gallery(**pictures))
    return dict(figures)


def finish_pair(
    pair: Sequence[Evaluation], results: Sequence[Sequence[ScanResult]], out: Path, command: str
) -> dict[str, Any]:
    """Two models on one set: the whole report of each under a/ and b/, and the two side by side in `out`.

    Both are asked for the same budget: 1 %, or the smallest that both support.
    """
    budget = max(evaluation.operating_pfa(result) for evaluation, result in zip(pair, results, strict=True))
    for side, evaluation, result in zip("ab", pair, results, strict=True):
        finish(evaluation, result, out / side, command, budget)
    figures = {
        "models": {side: model_of(evaluation) for side, evaluation in zip("ab", pair, strict=True)},
        "about": {"set": str(pair[0].scans.path), "command": command, "software": __version__},
        **compare(*results, pfas=pair[0].pfas, operating_pfa=budget),
    }
    write_comparison(out, figures)
    return figures


def model_of(evaluation: Evaluation) -> dict[str, Any]:
    """What names the artefact in a report."""
    contract = evaluation.detector.contract
    return {
        "name": contract.name,
        "version": contract.version,
        "sha256": evaluation.detector.sha256,
        "families": list(contract.families),
        "calibrations": {calibration.name: calibration.n for calibration in contract.calibrations},
    }


def _picture(name: str, entry: ScanEntry, detector: Detector, pfa: float) -> ReportPicture:
    result = analyse(read_entry(entry), detector, pfa)
    return ReportPicture(name, _shrunk(_with_truth(result, entry)), _shrunk(unlayered(result)))


def _with_truth(result: Result, entry: ScanEntry) -> Drawn:
    """The marked scan, with the true places in green."""
    picture = marked(result)
    for annotation in entry.annotations:
        if annotation.box is not None:
            box_in(picture, annotation.box, TRUE_PLACE, gap=5)
    return picture


def _shrunk(picture: Drawn) -> bytes:
    height, width = picture.shape[:2]
    scale = min(1.0, PICTURE_WIDTH / width)
    size = (round(width * scale), round(height * scale))
    return jpeg(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8))
