"""Small DICOS DX files."""

import io

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian

DX = "1.2.840.10008.5.1.4.1.1.501.2.2"
ROWS, COLUMNS = 20, 34


def counts(block: int = 10000) -> np.ndarray:
    """Air at 40000 around a block."""
    pixels = np.full((ROWS, COLUMNS), 40000, np.uint16)
    pixels[5:15, 8:26] = block
    return pixels


def dx(
    pixels: np.ndarray, *, frame: bytes | None = None, syntax: str = ExplicitVRLittleEndian, **tags: object
) -> bytes:
    """A small DX; `tags` replace or, with None, remove what is set here."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = UID(DX)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    floats = pixels.dtype.kind == "f"
    said: dict[str, object] = {
        "SOPClassUID": DX,
        "SOPInstanceUID": "2.25.1",
        "StudyInstanceUID": "2.25.7",
        "SeriesInstanceUID": "2.25.8",
        "ImageType": ["ORIGINAL", "PRIMARY", "INTENSITY"],
        "PresentationIntentType": "FOR PROCESSING",
        "PixelIntensityRelationship": "LIN",
        "PixelIntensityRelationshipSign": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "SamplesPerPixel": 1,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": pixels.dtype.itemsize * 8,
        "BitsStored": pixels.dtype.itemsize * 8,
        "HighBit": pixels.dtype.itemsize * 8 - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "FloatPixelData" if floats else "PixelData": pixels.tobytes() if frame is None else encapsulate([frame]),
    } | tags
    for keyword, value in said.items():
        if value is not None:
            setattr(dataset, keyword, value)
    if frame is not None:
        dataset["PixelData"].is_undefined_length = True
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
