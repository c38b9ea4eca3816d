"""Names of files as text that every output can hold."""

import re

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)  # control characters, line ends, what turns the direction of writing, no characters


def printable(name: str) -> str:
    """A name in one line of valid UTF-8: what terminals obey in place of showing it, and bytes of none, are escaped.

    Example: the Latin-1 bytes of "Zürich" are "Z\\\\xfcrich".
    """
    return _UNPRINTABLE.sub(lambda found: _escaped(ord(found[0])), name)


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # Python's stand-in for a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
