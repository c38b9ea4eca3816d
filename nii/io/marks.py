"""How `nii` knows its own pictures and reports again, in the folder that it reads the next time."""

import os
import struct
import zlib
from pathlib import Path

from nii.io.read import DICOS, SNIFFED, sniff

HEAD = 2048  # bytes; a report names its class and maker before
SIGNATURE_AND_HEADER = 33  # bytes of a PNG before the first chunk that may be ours
TEXT = b"Software\0nii picture"
REPORT_CLASS = b"1.2.840.10008.5.1.4.1.1.501.3\0"  # DICOS Threat Detection Report Storage, padded
MAKER = b"\x08\x00\x70\x00LO\x04\x00nii "  # (0008,0070) Manufacturer, as `nii.io.dicos` writes it


def marked_png(data: bytes) -> bytes:
    """A PNG that says by a tEXt chunk who made it; its pixels stay as they are."""
    chunk = b"tEXt" + TEXT
    length, check = struct.pack(">I", len(TEXT)), struct.pack(">I", zlib.crc32(chunk))
    return data[:SIGNATURE_AND_HEADER] + length + chunk + check + data[SIGNATURE_AND_HEADER:]


def is_output(head: bytes) -> bool:
    """Whether a file of this head is a picture that `nii` made of a scan, or a threat detection report of any maker."""
    return _is_picture(head) or _is_report(head)


def may_replace(path: Path) -> bool:
    """Whether an output may be written at a path: nothing is there, or a picture or report of ours."""
    if not os.path.lexists(path):
        return True
    head = head_of(path)
    return _is_picture(head) or (_is_report(head) and MAKER in head)


def _is_picture(head: bytes) -> bool:
    return head.startswith(b"\x89PNG") and head[SIGNATURE_AND_HEADER + 8 :].startswith(TEXT)


def _is_report(head: bytes) -> bool:
    return sniff(head[:SNIFFED]) == DICOS and REPORT_CLASS in head


def head_of(path: Path) -> bytes:
    """The first bytes of a file; none of one that can't be read."""
    try:
        if not path.is_file():
            return b""  # a pipe would be waited for
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
