"""What PNG and JPEG share: decoding within a known size, and what a picture's colours make of it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import cv2
import numpy as np

from nii.errors import ScanError
from nii.io.colour import Bytes, ColourUse, colour_use, palette_doubts, without_labels
from nii.io.picture import Content, Picture, foreign

MOST_SAID = 1 << 16  # bytes, what a pipe holds
COMPLAINTS = (b"JPEG", b"libpng")  # one of them is in every line of these libraries
_STDERR = threading.Lock()  # belongs to the whole process


def decoded(data: bytes, shape: tuple[int, int], name: str) -> Bytes:
    """The decoder's own array: (row, column) or (row, column, 3 or 4) in blue, green, red order.

    Raises ScanError for damaged data, also where the decoder made up what they lack.
    """
    with foreign(name, "decodable pixels"), _decoder_messages() as said:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if said or image is None or image.shape[:2] != shape:
        why = f" ({said[0][:100]})" if said else ""
        raise ScanError(f"{name}: expected {shape[1]}x{shape[0]} decodable pixels, came damaged data{why}")
    return np.asarray(image)


@contextmanager
def _decoder_messages() -> Iterator[list[str]]:
    """What libjpeg and libpng write on stderr meanwhile, once the block has ended; other text is passed on.

    OpenCV has no other way to tell that libjpeg made up what a damaged stream lacks.
    """
    said: list[str] = []
    with _STDERR:
        try:
            before = os.dup(2)
        except OSError:  # closed, as of some daemons: nothing to listen to
            yield said
            return
        text, (reader, writer) = b"", os.pipe()
        for end in (reader, writer):  # a child begun meanwhile holds an end, other threads may write: nobody waits
            os.set_blocking(end, False)
        os.dup2(writer, 2)
        try:
            yield said
        finally:
            os.dup2(before, 2)
            os.close(before)
            os.close(writer)
            with suppress(BlockingIOError):
                text = os.read(reader, MOST_SAID)
            os.close(reader)
    for line in text.splitlines(keepends=True):
        if any(word in line for word in COMPLAINTS):
            said.append(line.decode(errors="replace").strip())
        else:
            os.write(2, line)


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
