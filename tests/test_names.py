"""Names of files that no output could hold as they are."""

import os

import pytest

from nii.errors import ScanError
from nii.names import printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Zürich 😀.tif", "Zürich 😀.tif"),
        (os.fsdecode(b"Z\xfcrich.tif"), "Z\\xfcrich.tif"),
        ("two\nlines\r.tif", "two\\x0alines\\x0d.tif"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_no_text_is_escaped_in_names_and_in_errors(name, shown):
    assert printable(name) == shown
    shown.encode()
    assert str(ScanError(f"{name}: expected a scan")) == f"{shown}: expected a scan"
