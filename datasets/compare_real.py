"""Simulated scans beside real ones, by statistics: attenuation, local contrast, edges, spectrum; colours of parcels.

    python datasets/compare_real.py REAL [OUT.png]     (default: datasets/pictures/compare_real.png)

REAL holds real-cargo/ (a railcar at 4/6 MV and a truck, see the dataset card) and real-parcel/benign/. Nothing of it
is copied: the figure holds curves only. 24 cargo scans and 70 parcels are simulated (seed 4001), benign; they are
brought to the pixel size and the steps of the real ones first. Two minutes on one core.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from nii.scan import FloatArray
from nii.simulate.scanner.operator_image import draw_image
from nii.simulate.sets.scan import simulate

Values = npt.NDArray[np.float64]
Named = dict[str, Values]

SEED, CARGO_SCANS, PARCELS = 4001, 24, 70
PIXEL_MM = 14.0  # of the railcar; the truck's is unknown and about the same
STEP = 0.039  # of attenuation, in which the railcar was published
DEEPEST = 5.5  # attenuation that 8 bits can tell
INSIDE = 0.1  # attenuation, or share of lightness lost, from which on it is an object and not air
WINDOW = 9  # pixels, for local contrast
TILE = 64  # pixels, for the spectrum
OBJECT_SHARE = 0.5  # of a tile that must be object
PARCEL_SCALE = 0.5  # of the real operator images, which are enlarged about twice
HUES = {"organic": (10, 65), "inorganic": (65, 170), "metal": (170, 260)}  # degrees


def statistics(plane: FloatArray, valid: npt.NDArray[np.bool_] | None = None) -> Named:
    """Values, local standard deviations and gradients inside the object, and the mean radial spectrum.

    plane: attenuation, or darkness of an operator image, (row, column). valid: pixels to be used.
    """
    valid = np.ones(plane.shape, np.bool_) if valid is None else valid
    inside = (plane > INSIDE) & valid
    mean, square = (cv2.blur(p, (WINDOW, WINDOW)) for p in (plane, plane * plane))
    slope = np.hypot(cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)) / 8
    return {
        "value": plane[inside].astype(np.float64),
        "contrast": np.sqrt(np.maximum(square - mean * mean, 0))[inside].astype(np.float64),
        "edge": slope[inside].astype(np.float64),
        "spectrum": spectrum(plane, valid),
    }


def spectrum(plane: FloatArray, valid: npt.NDArray[np.bool_]) -> Values:
    """Power by radial frequency (1 to TILE / 2 cycles per tile), (tile, frequency), each of sum 1."""
    window = np.outer(np.hanning(TILE), np.hanning(TILE))
    across = np.fft.fftfreq(TILE, 1 / TILE)
    radius = np.rint(np.hypot(across[:, None], across)).astype(int)
    found = []
    for top in range(0, plane.shape[0] - TILE + 1, TILE // 2):
        for left in range(0, plane.shape[1] - TILE + 1, TILE // 2):
            at = (slice(top, top + TILE), slice(left, left + TILE))
            if valid[at].all() and (plane[at] > INSIDE).mean() > OBJECT_SHARE:
                tile = (plane[at] - plane[at].mean()) * window
                power = np.bincount(radius.ravel(), (np.abs(np.fft.fft2(tile)) ** 2).ravel())
                ring = power / np.maximum(np.bincount(radius.ravel()), 1)
                found.append(ring[1 : TILE // 2] / max(ring[1 : TILE // 2].sum(), 1e-12))
    return np.array(found).reshape(-1, TILE // 2 - 1)


def joined(many: Iterable[Named]) -> Named:
    """Statistics of several scans as one."""
    every = list(many)
    return {name: np.concatenate([one[name] for one in every]) for name in every[0]}


def railcar(real: Path) -> Iterator[Named]:
    """The railcar at 6 MV; the median of 3 x 3 fills single missing detectors."""
    counts = cv2.imread(str(real / "real-cargo/eagle2_high_6mv.png"), cv2.IMREAD_UNCHANGED)
    yield statistics(as_published(-np.log(np.maximum(counts.astype(np.float32), 1) / 65535)))


def truck(real: Path) -> Iterator[Named]:
    """The truck, as if its grey levels were transmission, without what was drawn on it."""
    grey = cv2.imread(str(real / "real-cargo/truck_trailer_toys.png"), cv2.IMREAD_GRAYSCALE)
    drawn = cv2.imread(str(real / "real-cargo/truck_trailer_toys_overlaymask.png"), cv2.IMREAD_GRAYSCALE)
    plain = cv2.dilate(drawn, np.ones((5, 5), np.uint8)) == 0
    yield statistics(np.minimum(-np.log(np.maximum(grey.astype(np.float32), 1) / 255), DEEPEST), plain)


def cargo() -> Iterator[Named]:
    """Simulated cargo at 6 MV, at the pixel size and in the steps of the railcar."""
    for index in range(CARGO_SCANS):
        scan = simulate("cargo", SEED, index, concealed=False)
        rows, columns = scan.measured.shape[1:]
        size = [int(n * p / PIXEL_MM) for n, p in zip((columns, rows), scan.scanner.pitch_mm[::-1], strict=True)]
        small = cv2.resize(scan.measured[1], size, interpolation=cv2.INTER_AREA)
        yield statistics(as_published(-np.log(np.maximum(small, 1e-5))))


def as_published(attenuation: FloatArray) -> FloatArray:
    """In steps, up to what 8 bits tell, without single dead pixels."""
    stepped = np.minimum(np.rint(attenuation / STEP) * STEP, DEEPEST).astype(np.float32)
    return np.asarray(cv2.medianBlur(stepped, 3), np.float32)


def real_parcels(real: Path) -> Iterator[Named]:
    """The benign operator images at about 1 mm a pixel."""
    for path in sorted((real / "real-parcel/benign").iterdir()):
        rgb = cv2.imread(str(path))[..., ::-1]
        yield coloured(cv2.resize(rgb, None, fx=PARCEL_SCALE, fy=PARCEL_SCALE, interpolation=cv2.INTER_AREA))


def parcels() -> Iterator[Named]:
    """Simulated parcels as operator images."""
    for index in range(PARCELS):
        scan = simulate("parcel", SEED, index, concealed=False)
        data, _ = draw_image(np.random.default_rng(index), scan.measured, scan.scanner.beams())
        yield coloured(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1])


def coloured(rgb: npt.NDArray[np.uint8]) -> Named:
    """Statistics of the darkness (1 - lightness over that of the background), and hue and saturation."""
    hue, light, saturation = cv2.split(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2HLS))
    dark = np.maximum(1 - light / np.percentile(light, 99), 0).astype(np.float32)
    vivid = (dark > INSIDE) & (saturation > 0.15) & (light > 0.1)
    return statistics(dark) | {"hue": hue[vivid].astype(float), "saturation": saturation[vivid].astype(float)}


def slope(power: Values) -> float:
    """Exponent of the mean spectrum between 2 and 20 cycles per tile: -2 is that of edges, 0 white noise."""
    frequency = np.arange(2, 21)
    return float(np.polyfit(np.log(frequency), np.log(power.mean(axis=0)[frequency - 1]), 1)[0])


def table(groups: dict[str, Named]) -> None:
    """Print percentiles of every group."""
    for name, of in groups.items():
        line = [f"{name:20s}"]
        for what in ("value", "contrast", "edge"):
            line.append(f"{what} " + " / ".join(f"{q:.3f}" for q in np.percentile(of[what], (5, 50, 95))))
        line.append(f"spectrum {slope(of['spectrum']):.2f} ({len(of['spectrum'])} tiles)")
        if "hue" in of:
            shares = (f"{kind} {np.mean((of['hue'] >= a) & (of['hue'] < b)):.2f}" for kind, (a, b) in HUES.items())
            line.append(", ".join(shares) + f", saturation {np.median(of['saturation']):.2f}")
        print("; ".join(line))


def histogram(axis: Axes, groups: dict[str, Named], what: str, bins: Values, title: str) -> None:
    """One curve a group."""
    for name, of in groups.items():
        axis.hist(of[what], bins, density=True, histtype="step", label=name)
    axis.set(title=title, yscale="log", ylim=(1e-4 if what == "hue" else 5e-3, None))


def draw(cargo_groups: dict[str, Named], parcel_groups: dict[str, Named], out: Path) -> None:
    """Histograms and spectra, a row for cargo and one for parcels."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    axes = figure.subplots(2, 4)
    histogram(axes[0, 0], cargo_groups, "value", np.linspace(0, 6, 80), "cargo: attenuation")
    histogram(axes[0, 1], cargo_groups, "contrast", np.linspace(0, 1, 60), "local contrast (9 x 9)")
    histogram(axes[0, 2], cargo_groups, "edge", np.linspace(0, 0.5, 60), "gradient per pixel")
    histogram(axes[1, 0], parcel_groups, "value", np.linspace(0, 1, 60), "parcels: darkness")
    histogram(axes[1, 1], parcel_groups, "contrast", np.linspace(0, 0.4, 60), "local contrast (9 x 9)")
    histogram(axes[1, 2], parcel_groups, "hue", np.linspace(0, 270, 91), "hue, degrees")
    for row, groups in zip(axes, (cargo_groups, parcel_groups), strict=True):
        for name, of in groups.items():
            row[3].loglog(np.arange(1, TILE // 2) / TILE, of["spectrum"].mean(axis=0), label=name)
        row[3].set(title="power by cycles per pixel")
        row[3].xaxis.set_minor_formatter(NullFormatter())
        row[3].legend(fontsize=7)
    figure.savefig(out, dpi=90)
    print(out, f"{out.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Compare and draw."""
    if len(sys.argv) < 2 or not (Path(sys.argv[1]) / "real-cargo").is_dir():
        sys.exit("usage: python datasets/compare_real.py REAL [OUT.png], where REAL holds real-cargo and real-parcel")
    real = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "pictures" / "compare_real.png"
    in_cargo = {"railcar": joined(railcar(real)), "truck": joined(truck(real)), "simulated": joined(cargo())}
    in_parcels = {"real": joined(real_parcels(real)), "simulated": joined(parcels())}
    table(in_cargo)
    table(in_parcels)
    draw(in_cargo, in_parcels, out)


if __name__ == "__main__":
    main()
