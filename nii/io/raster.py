"""What PNG and JPEG share: decoding within a known size, and what a picture's colours make of it."""

import cv2
import numpy as np

from nii.errors import ScanError
from nii.io.colour import Bytes, ColourUse, colour_use, palette_doubts, without_labels
from nii.io.picture import Content, Picture, foreign


def decoded(data: bytes, shape: tuple[int, int], name: str) -> Bytes:
    """The decoder's own array: (row, column) or (row, column, 3 or 4) in blue, green, red order."""
    with foreign(name, "decodable pixels"):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.shape[:2] != shape:
        raise ScanError(f"{name}: expected {shape[1]}x{shape[0]} decodable pixels, came damaged data")
    return np.asarray(image)


def opaque_rgb(image: Bytes, name: str) -> Bytes:
    """Red, green, blue from the decoder's order; an alpha channel must be opaque."""
    if image.shape[2] == 4 and not (image[..., 3] == 255).all():
        raise ScanError(f"{name}: expected an opaque picture, came transparent pixels")
    return np.ascontiguousarray(image[..., 2::-1])


def from_grey(image: Bytes, container: str) -> Picture:
    """Counts of one energy from (row, column) 8- or 16-bit grey; 8 bits are noted."""
    full_scale = float(np.iinfo(image.dtype).max)
    picture = Picture(planes=image[None], content=Content.COUNTS, full_scale=full_scale)
    return picture if full_scale > 255 else picture.with_notes(_eight_bits(container))


def _eight_bits(container: str) -> str:
    loss = ", lossy JPEG" if container == "JPEG" else ""
    return f"8-bit grey{loss}: 256 levels, so dense cargo is not resolved and masses are rough"


def from_rgb(rgb: Bytes, container: str) -> Picture:
    """A picture from (row, column, 3) 8-bit red, green, blue: grey, labelled grey or operator image."""
    use = colour_use(rgb)
    if use is ColourUse.PSEUDO:
        planes = rgb.transpose(2, 0, 1)
        return Picture(planes=planes, content=Content.COLOUR, full_scale=255.0, notes=palette_doubts(rgb))
    grey, share = without_labels(rgb)
    picture = from_grey(grey, container)
    if use is ColourUse.GREY:
        return picture
    return picture.with_notes(
        f"coloured labels on a grey scan: {100 * share:.2g} % of the picture filled from its surroundings"
    )
