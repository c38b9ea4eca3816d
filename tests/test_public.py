"""The public names of the package: a list that is whole, and that costs nothing before it is used."""

import subprocess
import sys

import pytest

import nii


def test_the_public_names_are_these():
    assert nii.__all__ == [
        "Detector",
        "NiiError",
        "Scan",
        "analyse",
        "find_changes",
        "read_scan",
        "read_set",
        "record",
        "simulate_set",
    ]


@pytest.mark.parametrize("name", nii.__all__)
def test_a_public_name_is_there_is_documented_and_told_of_in_the_package(name):
    assert getattr(nii, name).__doc__
    assert f"`{name}`" in (nii.__doc__ or "")


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'nii' has no attribute 'detect'"):
        _ = nii.detect


def test_the_package_alone_imports_neither_numpy_nor_onnxruntime():
    code = "import nii, sys; assert not {'numpy', 'onnxruntime', 'cv2'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
