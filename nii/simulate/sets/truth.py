"""The exact truth of a simulated scan: the background, and each concealment's excess over it.

On disk one .npz per scan (no pickle): `without`, uint16 (energy, row, column), attenuation in steps of
1/5000; and for concealment i: `excess_i`, int16 (energy, h, w), attenuation in steps of 1/2500, `mask_i`, bool (h, w),
`at_i`, int (row, column) of its corner; `families`, `masses` and `dprimes`, one entry each per concealment.
"""

import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nii.errors import ScanSetError
from nii.io.write import write_atomically
from nii.model.pitch import Size, axis_weights, resized, touched
from nii.scan import FloatArray

STEP = 5000  # steps per unit of attenuation; fine against photon noise of 1e6 photons
EXCESS_STEP = 2500
DEEPEST = 13.0  # 65535 / 5000
HALF_COVERED = 0.5  # share of a coarser pixel that a concealment must cover to count there


@dataclass(frozen=True, eq=False)
class Hidden:
    """A concealment as the scan sees it.

    excess: float32 (energy, h, w), attenuation with minus without; negative where goods were displaced.
    mask: bool (h, w), where the concealment itself is. row, column: corner in the scan.
    dprime: detectability for an ideal observer who knows the background. material: class of most of its mass,
    one of MaterialClass; "" where read from disk, since annotations.json has it. alike: whether it is as dense as the
    goods whose place it takes (scan.alike); False where read from disk, for the same reason.
    """

    family: str
    mass_kg: float
    dprime: float
    row: int
    column: int
    excess: FloatArray
    mask: npt.NDArray[np.bool_]
    material: str = ""
    alike: bool = False


@dataclass(frozen=True, eq=False)
class Truth:
    """without: float32 (energy, row, column), noise-free attenuation of what belongs there."""

    without: FloatArray
    hidden: tuple[Hidden, ...]

    def mask(self) -> npt.NDArray[np.bool_]:
        """Union of the concealments, bool (row, column)."""
        out = np.zeros(self.without.shape[1:], np.bool_)
        for concealment in self.hidden:
            height, width = concealment.mask.shape
            out[concealment.row : concealment.row + height, concealment.column : concealment.column + width] |= (
                concealment.mask
            )
        return out


def resampled(truth: Truth, size: Size) -> Truth:
    """The truth as pixels of another size see it: means of transmission, which is what a detector counts.

    A concealment whose mask has no pixel left is left out.
    """
    old = truth.without.shape[1:]
    if old == size:
        return truth
    transmission = np.exp(-truth.without)
    found = [_resampled(concealment, transmission, size) for concealment in truth.hidden]
    return Truth(-np.log(resized(transmission, size)), tuple(one for one in found if one.mask.any()))


def _resampled(one: Hidden, transmission: FloatArray, size: Size) -> Hidden:
    """A concealment through other pixels; transmission: (energy, row, column) without it, at the old ones."""
    height, width = one.mask.shape
    at = (slice(one.row, one.row + height), slice(one.column, one.column + width))
    axes = list(zip(transmission.shape[1:], size, at, strict=True))
    new, old = zip(*(touched(*axis) for axis in axes), strict=True)
    rows, columns = (axis_weights(n, m, i, j) for (n, m, _), i, j in zip(axes, new, old, strict=True))
    inside = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(at, old, strict=True))
    before = transmission[:, *old]
    after, mask = before.copy(), np.zeros(before.shape[1:], np.float32)
    after[:, *inside] *= np.exp(-one.excess.astype(np.float32))
    mask[inside] = one.mask
    excess = np.log(rows @ before @ columns.T) - np.log(rows @ after @ columns.T)
    return replace(
        one, row=new[0].start, column=new[1].start, excess=excess, mask=rows @ mask @ columns.T >= HALF_COVERED
    )


def write_truth(path: Path, truth: Truth) -> None:
    """Write as described above; a reader sees the whole file or none."""
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "without": np.rint(np.clip(truth.without, 0, DEEPEST) * STEP).astype(np.uint16),
        "families": np.array([concealment.family for concealment in truth.hidden], np.str_),
        "masses": np.array([concealment.mass_kg for concealment in truth.hidden]),
        "dprimes": np.array([concealment.dprime for concealment in truth.hidden]),
    }
    for i, concealment in enumerate(truth.hidden):
        arrays[f"excess_{i}"] = np.rint(np.clip(concealment.excess, -DEEPEST, DEEPEST) * EXCESS_STEP).astype(np.int16)
        arrays[f"mask_{i}"] = concealment.mask
        arrays[f"at_{i}"] = np.array([concealment.row, concealment.column])
    buffer = io.BytesIO()
    # not numpy's own level, which takes a third longer and saves 5 % of the space
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    write_atomically(path, buffer.getvalue())


def read_truth(path: Path) -> Truth:
    """Read what write_truth wrote. Raises ScanSetError for anything else."""
    try:
        # as bytes: numpy leaves the file open where it is no archive
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return Truth(
                file["without"].astype(np.float32) / STEP,
                tuple(
                    Hidden(
                        family=str(family),
                        mass_kg=float(file["masses"][i]),
                        dprime=float(file["dprimes"][i]),
                        row=int(file[f"at_{i}"][0]),
                        column=int(file[f"at_{i}"][1]),
                        excess=file[f"excess_{i}"].astype(np.float32) / EXCESS_STEP,
                        mask=file[f"mask_{i}"],
                    )
                    for i, family in enumerate(file["families"])
                ),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ScanSetError(f"{path}: expected the truth of a simulated scan, came {error}") from error
