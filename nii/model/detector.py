"""The detector: a model artefact in ONNX Runtime, scans in, layers and score out."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nii.errors import ModelError
from nii.io.energies import MEGA, kilovolts
from nii.model.contract import Contract, read_contract
from nii.model.pitch import resized, size_at, working_size
from nii.scan import FloatArray, Kind, Scan

OUTPUTS = ("heat", "excess", "family", "cargo", "empty", "evidence", "score")
CANDIDATES = "candidates"  # what the judge makes of them; models of before have no such output
FEATURES = "features"  # of the candidates; only `nii fit` asks for them
MOST_PEAKS, APART = 16, 9  # places, and side of the window in which only the highest is one, where there is no judge
CPU = "CPUExecutionProvider"
PREFERRED = ("CUDAExecutionProvider", CPU)
LARGEST_MODEL = 200_000_000  # bytes; ours are under 10 MB
ON_GPU = 8  # scans of one size that a GPU takes at once: a lone parcel leaves most of it idle
MOST_RESIZED = 4.0  # times as many or as few rows or columns; beyond, a pitch is more likely misstated
LARGEST_RESIZED = 20_000_000  # pixels; 35 m of road train at 3 mm are 15 million


@dataclass(frozen=True, eq=False)
class Layers:
    """What the network says of one scan.

    heat: (row, column) evidence of a concealment in [0, 1]. excess: (energy, row, column) attenuation of
    what was put there. family: (family, row / n, column / n) probabilities. cargo: (kind,)
    probabilities of the load. empty: probability that there is no load. evidence: (row / n, column / n)
    evidence, coarser by the model's own n, a logit averaged over a small window.
    candidates: (candidate, 3) row and column of the evidence, and score, of the places that the judge looked at, the
    highest score first. score: the highest of these; larger = more anomalous, unclipped.
    """

    heat: FloatArray
    excess: FloatArray
    family: FloatArray
    cargo: FloatArray
    empty: float
    evidence: FloatArray
    candidates: FloatArray
    score: float


@dataclass(frozen=True, eq=False)
class Seen:
    """What the judge sees of one scan.

    candidates: (candidate, 3) row, column, score. features: (candidate, feature). grid: rows and columns of the
    evidence. cargo: (kind,) probabilities of the load.
    """

    candidates: FloatArray
    features: FloatArray
    grid: tuple[int, int]
    cargo: FloatArray


class Detector:
    """A loaded model; safe to share between threads."""

    def __init__(self, session: Any, contract: Contract, sha256: str) -> None:
        self.session = session
        self.contract = contract
        self.sha256 = sha256
        self.judged = CANDIDATES in {output.name for output in session.get_outputs()}

    @classmethod
    def load(cls, model: str | Path, *, threads: int = 0, providers: Sequence[str] = PREFERRED) -> "Detector":
        """Load a model by shipped name ("cargo") or path.

        threads: of one inference; 0 lets ONNX Runtime take all cores. providers: in order of preference;
        those that this machine lacks are left out. Raises ModelError for whatever is no model of ours.
        """
        import onnxruntime

        path = find_model(model)
        data = read_model(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_mem_pattern = False  # it keeps a plan for every size of scan, and is no faster
        options.log_severity_level = 4  # what goes wrong is raised; the rest is for developers
        usable = [name for name in providers if name in onnxruntime.get_available_providers()]
        try:
            session = onnxruntime.InferenceSession(data, options, providers=usable)
        except Exception as error:
            raise ModelError(f"{path}: expected an ONNX model, came {_first_line(error)}") from error
        contract = read_contract(data, str(path))
        missing = set(OUTPUTS) - {output.name for output in session.get_outputs()}
        if missing:
            raise ModelError(
                f"{path}: expected the outputs {', '.join(OUTPUTS)}, came a model without {sorted(missing)}"
            )
        _check_sizes(session, contract, path)
        return cls(session, contract, hashlib.sha256(data).hexdigest())

    @property
    def providers(self) -> list[str]:
        """What the model runs on, in order."""
        return list(self.session.get_providers())

    @property
    def at_once(self) -> int:
        """Scans of one size that are best run together: one on a CPU, all of whose cores a single scan keeps busy."""
        return 1 if self.providers[0] == CPU else ON_GPU

    def layers(self, scan: Scan) -> Layers:
        """Run the network on one scan.

        Raises ModelError if the scan is not of the kind it was made for, or the score is not finite.
        """
        return self.layers_of([scan])[0]

    def layers_of(self, scans: Sequence[Scan]) -> list[Layers]:
        """Run the network once on scans of one `inference_shape`. Raises ModelError as `layers` does."""
        found = self._run(OUTPUTS + ((CANDIDATES,) if self.judged else ()), scans)
        judged = found[CANDIDATES] if self.judged else [peaks(evidence) for evidence in found["evidence"]]
        return [
            Layers(
                heat=resized(found["heat"][i : i + 1], scan.shape)[0],
                excess=resized(found["excess"][i], scan.shape),
                family=found["family"][i],
                cargo=found["cargo"][i],
                empty=float(found["empty"][i]),
                evidence=found["evidence"][i],
                candidates=ranked(judged[i]),
                score=self._finite(found["score"][i], scan),
            )
            for i, scan in enumerate(scans)
        ]

    def score(self, scan: Scan) -> float:
        """The score alone. Raises ModelError as `layers` does."""
        return self._finite(self._run(["score"], [scan])["score"][0], scan)

    def cargo(self, scan: Scan) -> FloatArray:
        """Probabilities of the kinds of load alone, (kind,). Raises ModelError as `layers` does."""
        return np.asarray(self._run(["cargo"], [scan])["cargo"][0], np.float32)

    def seen(self, scan: Scan) -> Seen:
        """What the judge sees of one scan. Raises ModelError as `layers` does, and for a model without a judge."""
        if not self.judged:
            raise ModelError(f"{self.contract.name}: expected a model with a judge, came one without; export it again")
        found = self._run([FEATURES, CANDIDATES, "evidence", "cargo"], [scan])
        there = np.isfinite(found[CANDIDATES][0, :, 2])
        grid = found["evidence"].shape[1], found["evidence"].shape[2]
        return Seen(found[CANDIDATES][0][there], found[FEATURES][0][there], grid, found["cargo"][0])

    def _run(self, names: Sequence[str], scans: Sequence[Scan]) -> dict[str, FloatArray]:
        """Outputs by name, (scan, ...). Bound to the device: what nobody asks for never leaves it."""
        pixels = np.stack([model_input(scan, self.contract) for scan in scans])
        binding = self.session.io_binding()
        binding.bind_cpu_input("transmission", pixels)
        for name in names:
            binding.bind_output(name, "cpu" if self.providers[0] == CPU else "cuda")
        self.session.run_with_iobinding(binding)
        return dict(zip(names, binding.copy_outputs_to_cpu(), strict=True))

    def _finite(self, score: np.floating[Any], scan: Scan) -> float:
        if not np.isfinite(score):
            raise ModelError(f"{scan.path}: expected a finite score from model {self.contract.name}, came {score}")
        return float(score)

    def notes(self, scan: Scan) -> tuple[str, ...]:
        """What the reader of the result should know of how scan and model fit."""
        return _adapt_to_model(scan, self.contract)[1]


def ranked(candidates: FloatArray) -> FloatArray:
    """Candidates (candidate, 3) of a scan that there are, the highest score first."""
    found = candidates[np.isfinite(candidates[:, 2])]
    return found[np.argsort(-found[:, 2], kind="stable")]


def peaks(evidence: FloatArray) -> FloatArray:
    """Candidates (candidate, 3) of evidence (row, column) that no judge has looked at, scored by their evidence."""
    highest = evidence == cv2.dilate(evidence, np.ones((APART, APART), np.uint8))
    rows, columns = np.nonzero(highest)
    order = np.argsort(-evidence[rows, columns], kind="stable")[:MOST_PEAKS]
    return np.stack([rows, columns, evidence[rows, columns]], axis=1)[order].astype(np.float32)


def inference_shape(scan: Scan, contract: Contract) -> tuple[int, int]:
    """Rows and columns that the model is given: those that the scan would have at the pitch at which the model works.

    A scan that would have to be changed beyond MOST_RESIZED and LARGEST_RESIZED stays as it is. Models that name no
    such pitch take scans of pitches that they were trained on as they are, and others in the middle of these: what that
    does for a scanner of 14 mm: nii/models/cargo.md.
    """
    if contract.working_pitch_mm is not None:
        rows, columns = working_size(scan.shape, scan.pitch_mm, contract.working_pitch_mm)
    elif scan.pitch_mm is None or _trained_on(scan.pitch_mm, contract):
        return scan.shape
    else:
        middle = sum(contract.pitch_mm) / 2
        rows, columns = size_at(scan.shape, scan.pitch_mm, (middle, middle))
    times = rows / scan.shape[0], columns / scan.shape[1]
    largest = max(LARGEST_RESIZED, math.prod(scan.shape))
    possible = max(*times, 1 / min(times)) <= MOST_RESIZED and rows * columns <= largest
    return (rows, columns) if possible else scan.shape


def _trained_on(pitch_mm: tuple[float, float], contract: Contract) -> bool:
    low, high = contract.pitch_mm
    return low * 0.99 <= min(pitch_mm) and max(pitch_mm) <= high * 1.01


def model_input(scan: Scan, contract: Contract) -> FloatArray:
    """The pixels as the model takes them. Raises ModelError as `Detector.layers` does."""
    planes, _ = _adapt_to_model(scan, contract)
    return np.ascontiguousarray(resized(planes, inference_shape(scan, contract)), np.float32)


def _adapt_to_model(scan: Scan, contract: Contract) -> tuple[FloatArray, tuple[str, ...]]:
    """As many planes as the model takes, at the scan's own pitch, and notes on all that is bent for it."""
    if scan.kind is not contract.kind:
        raise ModelError(
            f"{scan.path}: expected a scan of kind {contract.kind} for model {contract.name}, came {scan.kind}"
        )
    notes = []
    pixels, wanted = scan.transmission, len(contract.energies)
    if pixels.shape[0] == 1 and wanted == 2 and contract.kind is Kind.TRANSMISSION:
        pixels = np.repeat(pixels, 2, axis=0)
        notes.append(
            f"single energy, scored by the dual-energy model {contract.name}: no material from the energy ratio"
        )
    elif pixels.shape[0] == 2 and wanted == 1 and contract.kind is Kind.TRANSMISSION:
        pixels = pixels[-1:]
        notes.append(f"two energies, scored by the high one alone by the single-energy model {contract.name}")
    elif pixels.shape[0] != wanted:
        raise ModelError(f"{scan.path}: expected {wanted} energies for model {contract.name}, came {pixels.shape[0]}")
    elif contract.kind is Kind.TRANSMISSION:
        notes.extend(_energy_notes(scan.energies, contract))
    size = inference_shape(scan, contract)
    if scan.pitch_mm is None:
        notes.append("pixel pitch unknown: no mass")
    elif not _trained_on(scan.pitch_mm, contract):
        pitch, trained = "{:g} x {:g}".format(*scan.pitch_mm), "{:g} to {:g}".format(*contract.pitch_mm)
        done = "" if size == scan.shape else ": looked at through {} x {} pixels".format(*size)
        notes.append(f"pixel pitch {pitch} mm outside of {trained} mm that {contract.name} was trained on{done}")
    return pixels, tuple(notes)


def _energy_notes(energies: tuple[str, ...], contract: Contract) -> list[str]:
    """What is assumed where the scan's energies, as many as the model's, are unknown or others."""
    if not kilovolts(energies):
        return [f"energies unknown, taken for {' and '.join(contract.energies)}"]
    if energies != contract.energies:
        return [
            f"energies {' and '.join(energies)} are not those of {contract.name}, {' and '.join(contract.energies)}"
        ]
    return []


def choose_model(scan: Scan) -> str:
    """Name of the shipped model for this kind of scan; energies unknown means cargo.

    Nothing in a scan tells a vehicle from cargo: whoever scans cars names the model `vehicle`. Raises ModelError
    where no model of that kind ships.
    """
    if scan.kind is Kind.OPERATOR_IMAGE:
        name = "operator-image"
    elif kilovolts(scan.energies) and max(kilovolts(scan.energies)) < MEGA:
        name = "parcel"
    else:
        name = "cargo-single" if len(scan.transmission) == 1 and "cargo-single" in shipped_models() else "cargo"
    if name not in shipped_models():
        raise ModelError(
            f"{scan.path}: expected a model for this kind of scan ({name}), came none that ships "
            f"({', '.join(shipped_models())}); give one with --model"
        )
    return name


def shipped_models() -> list[str]:
    """Names of the models in nii/models."""
    return sorted(p.name.removesuffix(".onnx") for p in files("nii.models").iterdir() if p.name.endswith(".onnx"))


def _check_sizes(session: Any, contract: Contract, path: Path) -> None:
    """Raise ModelError where the network has other numbers of energies, families or kinds than its contract names."""
    axes = {tensor.name: tensor.shape for tensor in (*session.get_inputs(), *session.get_outputs())}
    named = {"transmission": contract.energies, "family": contract.families, "cargo": contract.cargos}
    for tensor, names in named.items():
        size = axes.get(tensor, [None])[1:2]
        if size and isinstance(size[0], int) and size[0] != len(names):
            raise ModelError(
                f"{path}: expected {size[0]} names for the network's {tensor}, came {len(names)} in its contract"
            )


def find_model(model: str | Path) -> Path:
    """Path of a shipped name or of a file."""
    path = Path(model)
    if path.is_file():
        return path
    shipped = Path(str(files("nii.models") / f"{model}.onnx"))
    if shipped.is_file():
        return shipped
    raise ModelError(f"{model}: expected a model file or one of {', '.join(shipped_models())}, came neither")


def read_model(path: Path) -> bytes:
    """The bytes of a model file, bounded."""
    try:
        size = path.stat().st_size
        if not 0 < size <= LARGEST_MODEL:
            raise ModelError(f"{path}: expected a model of 1 to {LARGEST_MODEL} bytes, came {size}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: expected a readable model, came {error.strerror}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
