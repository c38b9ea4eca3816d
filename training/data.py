"""What training learns from: clean backgrounds with the layers of their concealments, and the user's own scans."""

import ctypes
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from nii.errors import ScanSetError
from nii.fit.calibrate import Benign
from nii.io.read import read_file, split_pair
from nii.io.scanset import ScanEntry, read_set
from nii.model.pitch import resized, working_size
from nii.physics.faults import Chain
from nii.physics.forward import Beam
from nii.physics.noise import NoiseModel
from nii.scan import FloatArray, Kind, attenuation_of
from nii.simulate.scanner.operator_image import draw_colours, operator_image
from nii.simulate.scanner.presets import draw_chain
from nii.simulate.sets.scan import drawn_scanner
from nii.simulate.sets.truth import Truth, read_truth, resampled

LEAST_TRANSMISSION = 1e-5  # of a measured scan; no scanner sees through more

AT_ONCE = 64  # truths in memory while a set is loaded

LITTLE_NOISE = NoiseModel(photons=5e5, electronic=1, scatter=0, row_gain=0, pulse_jitter=0, blur=0)
"""On top of a measured scan: so that no two samples are alike, and where a concealment has darkened it."""


@dataclass(frozen=True, eq=False)
class Background:
    """One scan that concealments are put into: its truth, and its load (-1 if mixed or unknown).

    measured: a real one, whose noise is in its pixels already, and of which nobody says what it holds.
    beams: of its scanner, where operator images are made of it.
    """

    truth: Truth
    cargo: int
    measured: bool = False
    beams: tuple[Beam, ...] = ()

    def scanned(
        self, energies: int, rng: np.random.Generator, *, faulty: float = 0.0, coarsest: float = 1.0
    ) -> FloatArray:
        """The scan without its concealments, measured anew: (energies, row, column), 3 of an operator image.

        faulty, coarsest: as in SampleConfig.
        """
        T = np.exp(-self.truth.without[:energies].astype(np.float32))
        chain = Chain(LITTLE_NOISE) if self.measured else draw_chain(rng, faulty=faulty, coarsest=coarsest)
        image = chain.measure(T, rng)
        return operator_image(image, self.beams, draw_colours(rng)) if self.beams else image


def load_set(
    path: Path, cargos: tuple[str, ...], pitch_mm: float, *, coloured: bool = False, without: tuple[str, ...] = ()
) -> list[Background]:
    """All truths of a simulated set at this pitch, on disk but mapped into memory (5 MB a cargo scan at 6 mm).

    coloured: with the beams of their scanners, so that operator images can be made of them. without: families of
    concealments that are left out. Raises ScanSetError for a set of the held-out world.
    """
    refuse_held_out(path)
    entries, scans = read_set(path).entries, []
    beams = _beams(path, len(entries)) if coloured else [()] * len(entries)
    with tempfile.TemporaryFile() as file:
        shelf = Shelf(file)
        for entry, truth in zip(entries, _truths(path, entries, pitch_mm), strict=True):
            shelf.put(truth.without)
            kept = (concealment for concealment in truth.hidden if concealment.family not in without)
            hidden = tuple(replace(one, excess=one.excess.astype(np.float16)) for one in kept)
            # a load of two kinds, of none, or of a kind and none is no example of a kind
            scans.append((hidden, cargos.index(name) if (name := entry.cargo or "") in cargos else -1))
        arrays = shelf.arrays()
    _trim()
    return [
        Background(Truth(without, hidden), cargo, beams=pair)
        for without, (hidden, cargo), pair in zip(arrays, scans, beams, strict=True)
    ]


def _trim() -> None:
    """Give back to the system what reading left in the allocator, where it is glibc's.

    After 150 scans of cargo 160 of 230 MB.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def refuse_held_out(path: Path) -> None:
    """Raises ScanSetError for a set made to validate on alone: what is chosen on it would be chosen on training."""
    annotations = path / "annotations.json"
    if annotations.is_file() and json.loads(annotations.read_bytes()).get("info", {}).get("held_out"):
        raise ScanSetError(f"{path}: expected a set to learn from, came one of held-out kinds")


def _truths(path: Path, entries: tuple[ScanEntry, ...], pitch_mm: float) -> Iterator[Truth]:
    """Truth of each scan, unpacked by as many threads as there are cores."""
    for entry in entries:
        if not _source(path, entry).is_file():
            raise ScanSetError(f"{path}: expected truth/{entry.name}.npz as `nii simulate` writes it, came none")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(entries), AT_ONCE):
            yield from pool.map(partial(_truth, path, pitch_mm), entries[first : first + AT_ONCE])


def _truth(path: Path, pitch_mm: float, entry: ScanEntry) -> Truth:
    if entry.pitch_mm is None:
        raise ScanSetError(f"{path}: expected a pitch of scan {entry.name} in annotations.json, came none")
    truth = read_truth(_source(path, entry))
    rows, columns = truth.without.shape[1:]
    return resampled(truth, working_size((rows, columns), entry.pitch_mm, pitch_mm))


def _source(path: Path, entry: ScanEntry) -> Path:
    return path / "truth" / f"{entry.name}.npz"


def _beams(path: Path, scans: int) -> list[tuple[Beam, ...]]:
    """Beams of each scan of a simulated set, drawn again as when it was made."""
    info = json.loads((path / "annotations.json").read_bytes())["info"]
    if info["scanner"]:
        raise ScanSetError(
            f"{path}: expected a set of many scanners to make operator images of, came one of a single one"
        )
    return [drawn_scanner(info["kind"], info["seed"], index).beams() for index in range(scans)]


class Shelf:
    """Arrays as float16 in one file, mapped into memory: where that is short, the system lets go of them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._shapes: list[tuple[int, ...]] = []

    def put(self, array: FloatArray) -> None:
        """Append an array."""
        self._file.write(array.astype(np.float16).tobytes())
        self._shapes.append(array.shape)

    def arrays(self) -> list[FloatArray]:
        """All that was put, in order; read only. They outlive the file."""
        self._file.flush()
        whole = np.memmap(self._file, np.float16, "r")
        sizes = np.cumsum([np.prod(shape) for shape in self._shapes])
        parts = np.split(whole, sizes[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]


def load_measured(scans: tuple[Benign, ...], pitch_mm: float) -> list[Background]:
    """The user's own benign scans at this pitch; one of a single energy stands for both, other kinds are refused."""
    clean = []
    for one in scans:
        scan = one.read()
        if scan.kind is not Kind.TRANSMISSION or scan.transmission.shape[0] > 2:
            raise ScanSetError(
                f"{one.path}: expected a benign transmission scan of one or two energies, came {scan.kind}"
            )
        T = np.broadcast_to(scan.transmission, (2, *scan.shape)) if len(scan.transmission) == 1 else scan.transmission
        size = working_size(scan.shape, scan.pitch_mm, pitch_mm)
        attenuation = attenuation_of(resized(T, size), LEAST_TRANSMISSION)
        clean.append(Background(Truth(attenuation.astype(np.float16), ()), -1, measured=True))
    return clean


def sample_scans(scans: list[Background], most: int, rng: np.random.Generator) -> list[Background]:
    """All measured scans and `most` of the simulated ones, in their order: those that a round learns from.

    What a round reads again and again should stay in memory: reading it from disk takes the cores from the training.
    """
    simulated = [number for number, scan in enumerate(scans) if not scan.measured]
    if len(simulated) <= most:
        return scans
    left_out = set(rng.permutation(simulated)[most:].tolist())
    return [scan for number, scan in enumerate(scans) if number not in left_out]


def data_hash(sets: list[Path], own: tuple[Benign, ...] = ()) -> str:
    """SHA-256 over the annotations of the sets and the files of the user's own scans, in order.

    It says which scans a model was trained on.
    """
    digest = hashlib.sha256()
    for path in sets:
        digest.update((path / "annotations.json").read_bytes())
    for scan in own:
        for name in split_pair(scan.path):
            digest.update(read_file(name))
    return digest.hexdigest()
