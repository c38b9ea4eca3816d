"""The fields of a protobuf message, read without its schema: enough to change a little in a model file."""

from collections.abc import Iterator
from dataclasses import dataclass

from nii.errors import ModelError


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its number, and where it starts, where its payload starts and where that ends."""

    message: bytes
    number: int
    start: int
    at: int
    end: int

    @property
    def raw(self) -> bytes:
        """With its tag and length."""
        return self.message[self.start : self.end]

    @property
    def payload(self) -> bytes:
        """What it holds."""
        return self.message[self.at : self.end]


def fields(message: bytes, name: str, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields between two places of a message, by default all; a field's payload may be a message itself.

    Raises ModelError, naming the file, for bytes that are no such message.
    """
    at, end = start, len(message) if end is None else end
    while at < end:
        first = at
        tag, at = _varint(message, at, name)
        wire = tag & 7
        if wire == 0:
            _, after = _varint(message, at, name)
        elif wire == 2:
            size, at = _varint(message, at, name)
            after = at + size
        elif wire in (1, 5):
            after = at + (8 if wire == 1 else 4)
        else:
            raise ModelError(f"{name}: expected an ONNX model, came a file with wire type {wire}")
        if after > end:
            raise ModelError(f"{name}: expected a whole ONNX model, came a truncated one")
        yield Field(message, tag >> 3, first, at, after)
        at = after


def length_delimited(number: int, payload: bytes) -> bytes:
    """A field that holds bytes, a text or a message."""
    return _number(number << 3 | 2) + _number(len(payload)) + payload


def _varint(message: bytes, at: int, name: str) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ModelError(f"{name}: expected an ONNX model, came a file that ends in a number")


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
