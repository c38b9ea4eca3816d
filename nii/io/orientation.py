"""Turn pictures upright as their Orientation tag (TIFF 6.0 and EXIF, tag 274) asks."""

import struct
from dataclasses import replace

import numpy as np

from nii.io.picture import Picture

TAG = 274
UPRIGHT = 1
TURNED = {  # orientation: exchange rows and columns first, then mirror up-down, then left-right
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def upright(picture: Picture, orientation: int) -> Picture:
    """The picture as viewers show it, pitch included, with a note; an unknown orientation is noted alone.

    Example: with orientation 6 the stored first row is the right-most column.
    """
    if orientation == UPRIGHT:
        return picture
    if orientation not in TURNED:
        return picture.with_notes(f"orientation {orientation} is unknown (1 to 8 are): taken as upright")
    exchanged, upside_down, mirrored = TURNED[orientation]
    planes = picture.planes.swapaxes(1, 2) if exchanged else picture.planes
    planes = planes[:, :: -1 if upside_down else 1, :: -1 if mirrored else 1]
    padding = picture.padding
    if padding is not None:
        padding = padding.T if exchanged else padding
        padding = padding[:: -1 if upside_down else 1, :: -1 if mirrored else 1]
    pitch = picture.metadata.pitch_mm
    return replace(
        picture,
        planes=np.ascontiguousarray(planes),
        padding=padding,
        metadata=replace(picture.metadata, pitch_mm=pitch[::-1] if pitch and exchanged else pitch),
    ).with_notes(f"turned upright as its orientation tag {orientation} asks")


def exif_orientation(exif: bytes) -> int:
    """Orientation of an EXIF block (a TIFF of tags alone); 1 where it has none, 0 where it can't be read.

    exif: from its byte-order mark on.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 0
    try:
        (at,) = struct.unpack_from(f"{order}I", exif, 4)
        (n_tags,) = struct.unpack_from(f"{order}H", exif, at)
        for i in range(n_tags):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, at + 2 + 12 * i)
            if tag == TAG:
                return int(value) if kind == 3 else 0  # 3: SHORT
    except struct.error:
        return 0
    return UPRIGHT
