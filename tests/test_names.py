"""Names of files that no output could hold as they are."""

import os

import pytest

from nii import cli
from nii.errors import ScanError
from nii.names import printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Zürich 😀.tif", "Zürich 😀.tif"),
        (os.fsdecode(b"Z\xfcrich.tif"), "Z\\xfcrich.tif"),
        ("two\nlines\r.tif", "two\\x0alines\\x0d.tif"),
        ("\ud800", "\\ud800"),
        ("\x1b[31mred\x9b31m", "\\x1b[31mred\\x9b31m"),
        ("scan\u202efit.png\u2028", "scan\\u202efit.png\\u2028"),
    ],
)
def test_what_is_no_text_is_escaped_in_names_and_in_errors(name, shown):
    assert printable(name) == shown
    shown.encode()
    assert str(ScanError(f"{name}: expected a scan")) == f"{shown}: expected a scan"


def test_whatever_the_program_says_reaches_no_terminal_raw(capsys):
    cli.say("two\nlines of \x9b31m\u202e")
    cli.complain("\x1b]0;title\x07")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("two\nlines of \\x9b31m\\u202e\n", "\\x1b]0;title\\x07\n")
