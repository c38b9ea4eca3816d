"""Lists of scans, a name a line, as programs of all systems write them."""

import codecs
import io
import os
from collections.abc import Iterator
from typing import BinaryIO

MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
COMMENT = "#"


def read_list(stream: io.BufferedReader | BinaryIO) -> Iterator[str]:
    """The names in a list: UTF-8 or UTF-16, with or without a byte-order mark, lines of any system, or NUL between.

    Bytes that are no UTF-8 stay as they are. Blank lines and comments are left out, and so are blanks and quotes
    around a name, unless a file is called so.
    """
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var] # a raw stream
    text = io.TextIOWrapper(buffered, _encoding(buffered.peek(4)[:4]), errors="surrogateescape")
    for line in text:
        yield from filter(None, map(_name, line.rstrip("\n").split("\0")))


def _encoding(head: bytes) -> str:
    """By the mark, or by the zeros of UTF-16 without one."""
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding
    zeros = [not byte for byte in head]
    return {(False, True): "utf-16-le", (True, False): "utf-16-be"}.get(tuple(zeros[:2]), "utf-8")  # type: ignore[arg-type] # two at most


def _name(line: str) -> str:
    if os.path.lexists(line):
        return line
    name = line.strip()
    if name.startswith(COMMENT) and not os.path.lexists(name):
        return ""
    quoted = len(name) > 1 and name[0] == name[-1] and name[0] in "\"'"
    return name[1:-1] if quoted else name
