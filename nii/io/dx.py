"""DICOS DX (NEMA IIC 1) digital X-ray images, read through pydicom.

What a DX tells about transmission: PixelIntensityRelationship LIN and its sign say that pixels are
proportional to the beam's intensity, the air level isn't in the file. Every attribute that gives stored
values another meaning is applied or refused: sign, photometric interpretation, rescale and padding are
applied; LOG, which has no scale in the file, look-up tables other than palettes and images of derived quantities
(effective atomic number, basis materials) are refused. Window, VOI tables and overlays are for display: not
applied, and noted.
"""

import io
import math
import re
from collections.abc import Callable
from itertools import count

import numpy as np
import numpy.typing as npt
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut
from pydicom.tag import BaseTag
from pydicom.uid import UID, JPEG2000TransferSyntaxes

from nii.errors import ScanError
from nii.io.frames import JPEG_BASELINE, LOSSY, Pixels, stored_pixels
from nii.io.picture import Content, Metadata, Picture, Pitch, foreign
from nii.io.raster import from_rgb
from nii.scan import check_size

DX_CLASSES = "1.2.840.10008.5.1.4.1.1.501.2."  # 1 presentation, 2 processing; 2.3 is V02A's float variant
DEFLATED = re.compile(rb"1\.2\.840\.10008\.1\.2\.1\.99(?![0-9.])")
ITEM = b"\xfe\xff\x00\xe0"
MOST_ELEMENTS = 10_000  # and items of sequences; scanners write about 200, and pydicom takes 0.1 ms for each
GREY, PALETTE = ("MONOCHROME1", "MONOCHROME2"), "PALETTE COLOR"
REFUSED = (
    "ModalityLUTSequence",
    "SharedFunctionalGroupsSequence",  # of enhanced images: these hold rescales and look-up tables of their own
    "PerFrameFunctionalGroupsSequence",
)
ONLY_SHOWN = {  # what is for display, by any of the attributes that tell it
    "window": ("WindowCenter", "VOILUTSequence"),
    "presentation table": ("PresentationLUTSequence",),
    "palette": ("RedPaletteColorLookupTableDescriptor",),
    "real world values": ("RealWorldValueMappingSequence",),
}
RESCALED_COUNTS = ("", "US", "UNSPECIFIED")
TOOLKITS_DEFAULT = "HU"  # what the reference toolkit writes as RescaleType of any image
OVERLAYS = range(0x6000, 0x6100)  # groups
STRAIGHT = (1, 0, 0, 0, 1, 0)  # ImageOrientationPatient of an image that isn't turned
DERIVED = ("Z_EFFECTIVE", "BASIS_MATERIAL", "COMPTON", "PHOTOELECTRIC", "DENSITY", "MU")
UNTOLD = ("", "unknown")


def read_dicos(data: bytes, name: str) -> Dataset:
    """The data set, without pydicom's warnings: real DICOS files have identifiers it finds odd."""
    if DEFLATED.search(data):  # pydicom would unpack all of it, whatever the size, before any check
        raise ScanError(f"{name}: expected an undeflated DICOS file, came Deflated Explicit VR Little Endian")
    if data.count(ITEM) > MOST_ELEMENTS:
        raise ScanError(f"{name}: expected at most {MOST_ELEMENTS} items in a DICOS file, came more")
    with foreign(name, "a readable DICOS file"), config.disable_value_validation():
        dataset = read_partial(io.BytesIO(data), _counting(name))
        _ = [dataset.get(tag) for tag in list(dataset.keys())]  # convert all values while unvalidated
    return dataset


def _counting(name: str) -> Callable[[BaseTag, str | None, int], bool]:
    """What pydicom asks before each element whether to stop. Raises ScanError for too many."""
    numbers = count(1)

    def stop(*_: object) -> bool:
        if next(numbers) > MOST_ELEMENTS:
            raise ScanError(f"{name}: expected at most {MOST_ELEMENTS} elements in a DICOS file, came more")
        return False

    return stop


def decode_dx(data: bytes, name: str) -> Picture:
    """Counts of one energy, or an operator image if the file has a colour palette."""
    dataset = read_dicos(data, name)
    with foreign(name, "a readable DICOS DX"), config.disable_value_validation():
        _check_header(dataset, name)
        pixels, overlaid = stored_pixels(dataset, name)
        picture = _coloured if pixels.ndim == 3 or dataset.PhotometricInterpretation == PALETTE else _counts
        return picture(dataset, pixels, name).with_notes(*_notes(dataset, overlaid))


def _check_header(dataset: Dataset, name: str) -> None:
    sop_class = UID(str(dataset.get("SOPClassUID", "")))
    if not sop_class.startswith(DX_CLASSES):
        raise ScanError(f"{name}: expected a DICOS DX image, came {sop_class.name or 'no SOP class'}")
    check_size(int(dataset.Columns), int(dataset.Rows), name)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise ScanError(f"{name}: expected one frame per DX file, came {frames}")
    derived = [word for word in _image_type(dataset) if word.startswith(DERIVED)]
    if derived:
        raise ScanError(f"{name}: expected an image of the beam's intensity, came {derived[0]}")


def _image_type(dataset: Dataset) -> list[str]:
    """ImageType's characteristics, such as INTENSITY or LOW_ENERGY (some write LOW ENERGY)."""
    value = dataset.get("ImageType") or []
    words = [value] if isinstance(value, str) else list(value)
    return [str(word).replace(" ", "_") for word in words[1:]]


def _coloured(dataset: Dataset, pixels: Pixels, name: str) -> Picture:
    """An operator image; a palette of greys is found out by its pixels and read as grey."""
    told, syntax = str(dataset.PhotometricInterpretation), dataset.file_meta.TransferSyntaxUID
    readable = ["RGB"] if pixels.ndim == 3 else [PALETTE]
    if pixels.ndim == 3 and syntax == JPEG_BASELINE:
        readable += ["YBR_FULL", "YBR_FULL_422"]  # which its decoder has turned to RGB already
    elif pixels.ndim == 3 and syntax in JPEG2000TransferSyntaxes:
        readable += ["YBR_RCT", "YBR_ICT"]
    if told not in readable:
        raise ScanError(f"{name}: expected {', '.join(readable)}, came {told}")
    stored = int(dataset.BitsStored)
    if pixels.ndim == 2:
        pixels = apply_color_lut(pixels, dataset)
        stored = pixels.dtype.itemsize * 8
    rgb = (pixels >> stored - 8 if stored > 8 else pixels).astype(np.uint8)
    notes = ["DICOS colour image, as displayed"]
    if "PixelPaddingValue" in dataset:
        notes.append("DICOS padding of a colour image not applied")
    return from_rgb(np.ascontiguousarray(rgb), "DICOS").with_notes(*notes)


def _counts(dataset: Dataset, pixels: Pixels, name: str) -> Picture:
    if dataset.PhotometricInterpretation not in GREY:
        raise ScanError(f"{name}: expected {' or '.join(GREY)}, came {dataset.PhotometricInterpretation}")
    padding = _padding(dataset, pixels, name)
    intensity, full_scale, meaning = _intensity(dataset, pixels, name)
    return Picture(
        planes=intensity[None],
        content=Content.COUNTS,
        full_scale=full_scale,
        metadata=Metadata(pitch_mm=_pitch(dataset), energies=_energy(dataset), scanner=_scanner(dataset)),
        notes=meaning,
        padding=padding,
        role=_role(dataset),
        study=str(dataset.get("StudyInstanceUID", "")),
    )


def _intensity(dataset: Dataset, pixels: Pixels, name: str) -> tuple[Pixels, float, tuple[str, ...]]:
    """Pixels that grow with the beam's intensity, from 0; the largest possible one; notes on what was assumed.

    Inverse pixels (sign -1, or none and MONOCHROME1) are turned round at the stored full scale, unless a rescale does.
    """
    _check_relationship(dataset, name)
    sign, slope, intercept = _sign(dataset, name), *_rescale(dataset, name)
    floats = pixels.dtype.kind == "f"
    full_scale = float(pixels.max()) if floats else float(2 ** int(dataset.BitsStored) - 1)
    inverse = sign == -1 or (sign is None and _shown_inverse(dataset))
    if slope < 0 and sign != -1:
        raise ScanError(f"{name}: expected a RescaleSlope above 0 unless the sign is -1, came {slope:g}")
    if inverse and slope > 0 and (floats or intercept != 0):
        raise ScanError(
            f"{name}: expected inverse pixels whose zero of intensity is known, came RescaleIntercept {intercept:g}"
        )
    if inverse and slope > 0:
        pixels = full_scale - pixels.astype(np.float32)
    elif (slope, intercept) != (1.0, 0.0):
        pixels = slope * pixels.astype(np.float32) + intercept
        full_scale = max(slope * full_scale, 0.0) + intercept
    return pixels, full_scale, _meaning(dataset, sign, inverse=inverse)


def _check_relationship(dataset: Dataset, name: str) -> None:
    relationship = str(dataset.get("PixelIntensityRelationship") or "LIN")
    if relationship != "LIN":
        raise ScanError(
            f"{name}: expected PixelIntensityRelationship LIN, came {relationship} (its scale is not in the file)"
        )
    refused = next((key for key in REFUSED if key in dataset), None)
    if refused is not None:
        raise ScanError(f"{name}: expected pixels without look-up tables, came {refused}")


def _sign(dataset: Dataset, name: str) -> int | None:
    """1: pixels grow with the beam's intensity; -1: they fall; None if the file doesn't tell."""
    value = dataset.get("PixelIntensityRelationshipSign")
    if value in (None, ""):
        return None
    if value not in (1, -1):
        raise ScanError(f"{name}: expected PixelIntensityRelationshipSign 1 or -1, came {value}")
    return int(value)


def _rescale(dataset: Dataset, name: str) -> tuple[float, float]:
    """Slope and intercept, of counts only."""
    slope, intercept = _number(dataset, "RescaleSlope", 1.0), _number(dataset, "RescaleIntercept", 0.0)
    if not (math.isfinite(slope) and math.isfinite(intercept) and slope != 0):
        raise ScanError(f"{name}: expected a finite rescale, came slope {slope:g}, intercept {intercept:g}")
    kind = str(dataset.get("RescaleType") or "")
    identity = (slope, intercept) == (1.0, 0.0)
    if kind not in RESCALED_COUNTS and not (kind == TOOLKITS_DEFAULT and identity):
        raise ScanError(f"{name}: expected counts after rescale, came RescaleType {kind[:20]}")
    return slope, intercept


def _shown_inverse(dataset: Dataset) -> bool:
    told = str(dataset.PhotometricInterpretation), str(dataset.get("PresentationLUTShape", ""))
    return told[0] == "MONOCHROME1" or told[1] == "INVERSE"


def _meaning(dataset: Dataset, sign: int | None, *, inverse: bool) -> tuple[str, ...]:
    told = " (not told)" if not dataset.get("PixelIntensityRelationship") else ""
    turned = f", {f'sign {sign}' if sign else 'shown inverse'} (inverted)" if inverse else ""
    notes = [f"DICOS DX: pixels taken as linear in the beam's intensity{told}{turned}"]
    if _shown_inverse(dataset) and sign == 1:
        notes.append("DICOS DX shown inverse (MONOCHROME1 or INVERSE), yet of sign 1: taken as the sign says")
    return tuple(notes)


def _padding(dataset: Dataset, pixels: Pixels, name: str) -> npt.NDArray[np.bool_] | None:
    """Where the stored pixels have the padding value, or lie between it and its limit."""
    kind = {"float32": "Float", "float64": "DoubleFloat"}.get(pixels.dtype.name, "")
    value, limit = (dataset.get(f"{kind}PixelPadding{end}") for end in ("Value", "RangeLimit"))
    if value is None:
        if limit is not None:
            raise ScanError(f"{name}: expected PixelPaddingValue beside its range limit, came none")
        return None
    ends = [float(number) for number in (value, value if limit is None else limit)]
    if pixels.dtype.kind == "u":  # stored in the same bits as the pixels, whatever its own type
        ends = [int(number) & (1 << int(dataset.BitsStored)) - 1 for number in ends]
    low, high = np.sort(np.asarray(ends, pixels.dtype))
    return np.asarray((pixels >= low) & (pixels <= high))


def _notes(dataset: Dataset, overlaid: float) -> tuple[str, ...]:
    """What is for display or about the view, which isn't applied, and what was lost before."""
    shown = [what for what, keys in ONLY_SHOWN.items() if any(dataset.get(key) not in (None, "") for key in keys)]
    if dataset.PhotometricInterpretation == PALETTE:
        shown = [what for what in shown if what != "palette"]
    kilovolts = _number(dataset, "KVP", 0.0)
    lossy = dataset.file_meta.TransferSyntaxUID in LOSSY or str(dataset.get("LossyImageCompression", "")) == "01"
    overlays = overlaid > 0 or any(element.tag.group in OVERLAYS for element in dataset)
    found = {
        "DICOS DX for presentation: it may have been processed for display": (
            str(dataset.get("PresentationIntentType", "")) == "FOR PRESENTATION"
        ),
        f"DICOS DX: {', '.join(shown)} not applied, for display only": bool(shown),
        "DICOS DX with burned-in annotation": str(dataset.get("BurnedInAnnotation", "")) == "YES",
        "DICOS DX with overlays, left out": overlays,
        "DICOS DX after lossy compression": lossy,
        f"DICOS DX: KVP {kilovolts:g} is no voltage of a scanner, energy unknown": kilovolts != 0
        and not _energy(dataset),
        f"DICOS DX: {_view(dataset)}: left as stored": bool(_view(dataset)),
    }
    return tuple(text for text, so in found.items() if so)


def _view(dataset: Dataset) -> str:
    """How the image is told to be turned against its detector or object."""
    turned = []
    if _number(dataset, "FieldOfViewRotation", 0.0) != 0 or dataset.get("FieldOfViewHorizontalFlip") == "YES":
        turned.append("field of view rotated or flipped")
    orientation = [float(value) for value in dataset.get("ImageOrientationPatient") or STRAIGHT]
    if orientation != list(STRAIGHT):
        turned.append("image orientation " + " ".join(f"{value:g}" for value in orientation))
    aspect = [float(value) for value in dataset.get("PixelAspectRatio") or (1, 1)]
    if aspect[0] != aspect[-1]:
        turned.append("pixel aspect " + ":".join(f"{value:g}" for value in aspect))
    if dataset.get("PatientOrientation"):
        turned.append("patient orientation " + " ".join(map(str, dataset.PatientOrientation)))
    return ", ".join(turned)


def _number(dataset: Dataset, key: str, default: float) -> float:
    """The one number of an attribute; the default where it is absent or empty. Raises TypeError for several."""
    value = dataset.get(key)
    if value in (None, ""):
        return default
    if isinstance(value, list | MultiValue):
        raise TypeError(f"several numbers as {key}: {value}")
    return float(value)


def _role(dataset: Dataset) -> str:
    words = _image_type(dataset)
    if "LOW_ENERGY" in words:
        return "low"
    return "high" if "HIGH_ENERGY" in words else ""


def _energy(dataset: Dataset) -> tuple[str, ...]:
    """Name of the energy from KVP: 5000 gives 5MV, 160 gives 160kV; below 20 kV it was left unset."""
    kilovolts = _number(dataset, "KVP", 0.0)
    if not 20 <= kilovolts < 30000:
        return ()
    return (f"{kilovolts / 1000:g}MV" if kilovolts >= 1000 else f"{kilovolts:g}kV",)


def _scanner(dataset: Dataset) -> str | None:
    words = [str(dataset.get(key) or "") for key in ("Manufacturer", "ManufacturerModelName")]
    return " ".join(word for word in words if word not in UNTOLD) or None


def _pitch(dataset: Dataset) -> Pitch | None:
    """Pixel pitch at the object: PixelSpacing, else the detector's over the magnification, if told."""
    spacing = dataset.get("PixelSpacing")
    magnification = 1.0
    if not spacing:
        spacing = dataset.get("ImagerPixelSpacing")
        magnification = _number(dataset, "EstimatedRadiographicMagnificationFactor", 0.0)
    if not spacing or not magnification > 0:
        return None
    row, column = (float(value) / magnification for value in spacing)
    return (row, column) if row > 0 and column > 0 else None
