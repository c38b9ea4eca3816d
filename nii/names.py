"""Names of files as text that every output can hold."""

import re

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def printable(name: str) -> str:
    """A name in one line of valid UTF-8: control characters and bytes that are none are escaped.

    Example: the Latin-1 bytes of "Zürich" are "Z\\\\xfcrich".
    """
    return _UNPRINTABLE.sub(lambda found: _escaped(ord(found[0])), name)


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # Python's stand-in for a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
