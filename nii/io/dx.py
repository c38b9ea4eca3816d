"""DICOS DX (NEMA IIC 1) digital X-ray images, read through pydicom.

What a DX tells about transmission: PixelIntensityRelationship LIN and its sign say that pixels are
proportional to the beam's intensity, the air level isn't in the file. Window and VOI tables are for
display and are not applied. LOG has no scale in the file and is refused, as are images of derived
quantities (effective atomic number, basis materials).
"""

import io
import re
import struct
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes

from nii.errors import ScanError
from nii.io.picture import Content, Metadata, Picture, Pitch, foreign
from nii.io.raster import decode_jpeg, from_rgb, jpeg_frame
from nii.scan import check_size

DX_CLASSES = "1.2.840.10008.5.1.4.1.1.501.2."  # 1 presentation, 2 processing; 2.3 is V02A's float variant
DEFLATED = re.compile(rb"1\.2\.840\.10008\.1\.2\.1\.99(?![0-9.])")
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
FLOAT_TAGS = (0x7FE00008, 0x7FE00013)  # FloatPixelData, and where V02A files of the reference toolkit put it
DERIVED = ("Z_EFFECTIVE", "BASIS_MATERIAL", "COMPTON", "PHOTOELECTRIC", "DENSITY", "MU")
UNTOLD = ("", "unknown")


def read_dicos(data: bytes, name: str) -> Dataset:
    """The data set, without pydicom's warnings: real DICOS files have identifiers it finds odd."""
    if DEFLATED.search(data):  # pydicom would unpack all of it, whatever the size, before any check
        raise ScanError(f"{name}: expected an undeflated DICOS file, came Deflated Explicit VR Little Endian")
    with foreign(name, "a readable DICOS file"), config.disable_value_validation():
        dataset = dcmread(io.BytesIO(data))
        _ = [dataset.get(tag) for tag in list(dataset.keys())]  # convert all values while unvalidated
    return dataset


def decode_dx(data: bytes, name: str) -> Picture:
    """Counts of one energy, or an operator image if the file has a colour palette."""
    dataset = read_dicos(data, name)
    with foreign(name, "a readable DICOS DX"), config.disable_value_validation():
        _check_header(dataset, name)
        pixels = _pixels(dataset, name)
        if pixels.ndim == 3 or dataset.PhotometricInterpretation == "PALETTE COLOR":
            return _coloured(dataset, pixels, name)
        return _counts(dataset, pixels, name)


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


def _pixels(dataset: Dataset, name: str) -> npt.NDArray[Any]:
    """(row, column), or (row, column, 3): unsigned integers or float32."""
    for tag in FLOAT_TAGS:
        if tag in dataset:
            return _float_pixels(dataset, dataset[tag].value, name)
    if int(dataset.PixelRepresentation) != 0:
        raise ScanError(f"{name}: expected unsigned pixels, came signed ones")
    if int(dataset.BitsAllocated) not in (8, 16):
        raise ScanError(f"{name}: expected 8 or 16 bits per pixel, came {dataset.BitsAllocated}")
    syntax = dataset.file_meta.TransferSyntaxUID
    own = syntax.is_compressed and not syntax.is_encapsulated
    if own or not syntax.is_compressed or syntax.name == "RLE Lossless":
        pixels = dataset.pixel_array
    else:
        pixels = _decompressed(next(generate_frames(dataset.PixelData, number_of_frames=1)), dataset, name)
    shape = (int(dataset.Rows), int(dataset.Columns))
    if pixels.shape[:2] != shape or pixels.shape[2:] not in ((), (3,)):
        raise ScanError(f"{name}: expected pixels of shape {shape}, came {pixels.shape}")
    return np.asarray(pixels)


def _float_pixels(dataset: Dataset, value: Any, name: str) -> npt.NDArray[Any]:
    pixels = np.frombuffer(value, "<f4") if isinstance(value, bytes) else np.asarray(value, np.float32)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if pixels.size != rows * columns:
        raise ScanError(f"{name}: expected {rows * columns} float pixels, came {pixels.size}")
    return pixels.reshape(rows, columns)


def _decompressed(frame: bytes, dataset: Dataset, name: str) -> npt.NDArray[Any]:
    """One compressed frame; its own header must agree with the data set's before it's decoded."""
    syntax = dataset.file_meta.TransferSyntaxUID
    expected = (int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel))
    if syntax in JPEG2000TransferSyntaxes:
        _check_frame(_jpeg2000_size(frame), expected, name)
        return np.asarray(_codecs(syntax, name).jpeg2k_decode(frame))
    if syntax == JPEG_BASELINE:
        return np.asarray(decode_jpeg(frame, name).planes[0])
    if syntax in JPEGLSTransferSyntaxes or syntax in JPEG_LOSSLESS:
        _check_frame(jpeg_frame(frame, name, lossless=True)[1:], expected, name)
        stream = _from_frame_header(frame, name)
        codecs = _codecs(syntax, name)
        return np.asarray(codecs.jpeg8_decode(stream) if syntax in JPEG_LOSSLESS else codecs.jpegls_decode(stream))
    raise ScanError(f"{name}: expected a readable transfer syntax, came {syntax.name}")


def _from_frame_header(frame: bytes, name: str) -> bytes:
    """The stream without what stands before its frame header, if it has an end.

    A SPIFF header may tell another size, by which the JPEG-LS decoder would make room; a stream
    without an end keeps that decoder busy for ten seconds, however small the image.
    """
    if not frame.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise ScanError(f"{name}: expected a complete JPEG frame, came one without its end marker")
    at = max(frame.find(b"\xff\xf7"), 0)  # JPEG-LS only: plain JPEG keeps tables before the header
    return frame[:2] + frame[at or 2 :]


def _codecs(syntax: UID, name: str) -> ModuleType:
    try:
        import imagecodecs  # optional: 25 MB that only compressed DICOS and LZW TIFF need
    except ImportError:
        raise ScanError(
            f"{name}: expected pixels readable without the package imagecodecs, came {syntax.name}"
        ) from None
    return imagecodecs  # type: ignore[no-any-return, unused-ignore] # untyped where it isn't installed


def _check_frame(came: tuple[int, ...], expected: tuple[int, ...], name: str) -> None:
    if came != expected:
        raise ScanError(f"{name}: expected a frame of (rows, columns, samples) {expected}, came {came}")


def _jpeg2000_size(frame: bytes) -> tuple[int, int, int]:
    """Rows, columns and components of the SIZ marker of a JPEG 2000 code stream."""
    at = frame.index(b"\xff\x4f\xff\x51") + 8
    width, height, left, top, *_, components = struct.unpack_from(">8IH", frame, at)
    return height - top, width - left, components


def _coloured(dataset: Dataset, pixels: npt.NDArray[Any], name: str) -> Picture:
    """An operator image; a palette of greys is found out by its pixels and read as grey."""
    if pixels.ndim == 2:
        pixels = apply_color_lut(pixels, dataset)
    rgb = (pixels >> 8 if pixels.dtype.itemsize == 2 else pixels).astype(np.uint8)
    if dataset.PhotometricInterpretation not in ("RGB", "PALETTE COLOR"):
        raise ScanError(f"{name}: expected RGB or a palette, came {dataset.PhotometricInterpretation}")
    return from_rgb(np.ascontiguousarray(rgb), "DICOS").with_notes("DICOS colour image, as displayed")


def _counts(dataset: Dataset, pixels: npt.NDArray[Any], name: str) -> Picture:
    relationship = str(dataset.get("PixelIntensityRelationship") or "LIN")
    if relationship != "LIN":
        raise ScanError(
            f"{name}: expected PixelIntensityRelationship LIN, came {relationship} (its scale is not in the file)"
        )
    full_scale = float(2 ** int(dataset.BitsStored) - 1)
    floats = pixels.dtype.kind == "f"
    if floats:
        full_scale = float(pixels.max())
    slope = float(dataset.get("RescaleSlope") or 1)
    intercept = float(dataset.get("RescaleIntercept") or 0)
    inverse = int(dataset.get("PixelIntensityRelationshipSign") or 1) == -1
    if inverse:
        pixels = full_scale - pixels.astype(np.float32)
    elif (slope, intercept) != (1.0, 0.0):
        # only with sign +1: for inverse pixels the zero of intensity is at the stored full scale
        pixels = slope * pixels.astype(np.float32) + intercept
        full_scale = slope * full_scale + intercept
    return Picture(
        planes=pixels[None],
        content=Content.COUNTS,
        full_scale=full_scale,
        metadata=Metadata(pitch_mm=_pitch(dataset), energies=_energy(dataset), scanner=_scanner(dataset)),
        notes=_notes(dataset, inverse=inverse),
        role=_role(dataset),
        study=str(dataset.get("StudyInstanceUID", "")),
    )


def _notes(dataset: Dataset, *, inverse: bool) -> tuple[str, ...]:
    sign = ", sign -1 (inverted)" if inverse else ""
    notes = [f"DICOS DX: pixels taken as linear in the beam's intensity{sign}"]
    if str(dataset.get("PresentationIntentType", "")) == "FOR PRESENTATION":
        notes.append("DICOS DX for presentation: it may have been processed for display; window not applied")
    if str(dataset.get("BurnedInAnnotation", "")) == "YES":
        notes.append("DICOS DX with burned-in annotation")
    return tuple(notes)


def _role(dataset: Dataset) -> str:
    words = _image_type(dataset)
    if "LOW_ENERGY" in words:
        return "low"
    return "high" if "HIGH_ENERGY" in words else ""


def _energy(dataset: Dataset) -> tuple[str, ...]:
    """Name of the energy from KVP: 5000 gives 5MV, 160 gives 160kV; below 20 kV it was left unset."""
    kilovolts = float(dataset.get("KVP") or 0)
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
        magnification = float(dataset.get("EstimatedRadiographicMagnificationFactor") or 0)
    if not spacing or not magnification > 0:
        return None
    row, column = (float(value) / magnification for value in spacing)
    return (row, column) if row > 0 and column > 0 else None
