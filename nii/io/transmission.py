"""From the numbers of a picture to transmission: air level, padding."""

import numpy as np
import numpy.typing as npt

from nii.bounds import check_air
from nii.errors import ScanError
from nii.io.picture import Content, Picture
from nii.scan import FloatArray, check_pixels

Mask = npt.NDArray[np.bool_]


def transmission_of(picture: Picture, open_beam: tuple[float, ...], name: str) -> tuple[FloatArray, tuple[str, ...]]:
    """Float32 planes of a scan, and notes on the air level where it had to be estimated and on padding.

    Padding along the picture's sides becomes air (1), so that nothing is seen there; padding in its midst can't be
    told from what nothing passes and stays dark. Raises ScanError for a black or wholly padded picture.
    """
    planes, padding = picture.planes, picture.padding
    if picture.content is Content.COLOUR:
        return np.ascontiguousarray(planes, dtype=np.float32) / np.float32(255), ()
    if picture.content is Content.TRANSMISSION:
        with np.errstate(over="ignore"):  # too large for float32 becomes infinite, and is refused as that
            return np.ascontiguousarray(planes, dtype=np.float32), ()
    if padding is not None and padding.all():
        raise ScanError(f"{name}: expected an image with measured pixels, came padding alone")
    n = planes.shape[0]
    if len(open_beam) not in (0, 1, n):
        raise ScanError(f"{name}: expected one open_beam, or {n}, came {len(open_beam)}")
    check_air(open_beam, name)
    levels, notes = (open_beam, ()) if open_beam else _estimated(picture, name)
    scale = np.array(levels, dtype=np.float32).reshape(-1, 1, 1)
    transmission = np.divide(planes, scale, dtype=np.float32)
    if padding is None or not padding.any():
        return transmission, notes
    outside = _at_sides(padding)
    return _without(transmission, padding, outside), (*notes, _padding_note(padding, outside))


def _estimated(picture: Picture, name: str) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Air level per energy, and the notes that the report must carry."""
    from nii.io.air import estimate_air

    measured = slice(None) if picture.padding is None else ~picture.padding
    if picture.planes.dtype.kind == "f":
        check_pixels(picture.planes.astype(np.float32), name)  # NaN has no place in a histogram
    found = [estimate_air(plane[measured], picture.full_scale) for plane in picture.planes]
    levels = tuple(level for level, _ in found)
    if not all(level > 0 for level in levels):
        raise ScanError(f"{name}: expected an image with air or cargo in it, came a black one")
    text = "air level estimated from the scan: " + ", ".join(f"{level:g}" for level in levels)
    if all(certain for _, certain in found):
        return levels, (text,)
    return levels, (text, "air seems absent from the scan (or the picture is inverse): its level is a guess")


def _without(transmission: FloatArray, padding: Mask, outside: Mask) -> FloatArray:
    """Transmission with padding along the sides (outside) as air, and none brighter than air elsewhere."""
    return np.where(outside, np.float32(1), np.where(padding, np.minimum(transmission, 1), transmission))


def _at_sides(padding: Mask) -> Mask:
    """The areas of a mask (row, column) that touch a side of the picture."""
    import cv2

    _, areas = cv2.connectedComponents(padding.astype(np.uint8), connectivity=4)
    touching = np.unique(np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]]))
    return np.isin(areas, touching[touching > 0])


def _padding_note(padding: Mask, outside: Mask) -> str:
    text = f"{100 * float(padding.mean()):.2g} % of the picture is padding, no measurement: taken as air"
    return text + (", and left as it is in the midst of the picture" if (padding & ~outside).any() else "")
