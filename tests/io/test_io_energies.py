"""Names of energies: what they mean, which is low, and what is said of it."""

import io
import json

import numpy as np
import pytest
import tifffile

from nii.io.energies import kilovolts, read_energies
from nii.io.read import decode_scan


@pytest.mark.parametrize(
    ("names", "told", "order"),
    [
        (("4MV", "6MV"), ("4MV", "6MV"), (0, 1)),
        (("4 mv", "6 MV"), ("4MV", "6MV"), (0, 1)),
        (("6MV", "4MV"), ("4MV", "6MV"), (1, 0)),
        (("6MeV", "9 MeV"), ("6MV", "9MV"), (0, 1)),
        (("6000kV",), ("6MV",), (0,)),
        (("0.16MV", "0.2MV"), ("160kV", "200kV"), (0, 1)),
        (("160 keV", "80 keV"), ("80kV", "160kV"), (1, 0)),
        (("160kV-high", "160kV-low"), ("160kV-low", "160kV-high"), (1, 0)),
        (("160 kVp low", "160 kVp high"), ("160kV-low", "160kV-high"), (0, 1)),
        (("160kV+Cu", "160 kV"), ("160kV", "160kV+Cu"), (1, 0)),  # copper takes the low part of the beam
        (("high", "low"), ("low", "high"), (1, 0)),
        (("HE", "LE"), ("LE", "HE"), (1, 0)),
        (("9MV", "4MV", "6MV"), ("4MV", "6MV", "9MV"), (1, 2, 0)),
        (("4", "6"), ("4", "6"), (0, 1)),  # without a unit they may be anything
        (("6MV", "Co-60"), ("6MV", "Co-60"), (0, 1)),
        (("6MV", "6MV"), ("6MV", "6MV"), (0, 1)),
        (("500MV",), ("500MV",), (0,)),
        ((), (), ()),
    ],
)
def test_names_are_voltages_low_first(names: tuple[str, ...], told: tuple[str, ...], order: tuple[int, ...]) -> None:
    assert read_energies(names)[:2] == (told, order)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("4MV", "6MV"), ""),
        (("4 mv", "160kv")[:1], ""),
        (("160kV-low", "160kV-high"), ""),
        (("6MV", "4MV"), "energies told as 6MV, 4MV: images exchanged"),
        (("80 keV", "160keV"), "taken for 80kV, 160kV"),
        (("4MV", "6MeV"), "energies 6MeV taken for 6MV"),
        (("0.16MV",), "taken for 160kV"),
        (("low", "high"), "low, high not understood"),
        (("Co-60",), "Co-60 not understood"),
        (("4", "6"), "4, 6 not understood"),
        (("6kV",), "6kV not understood"),
        (("6MV", "6 MV"), "one twice"),
        (("160kV", "6MV"), "a tube and of a linac"),
    ],
)
def test_what_is_not_plain_is_said(names: tuple[str, ...], said: str) -> None:
    notes = read_energies(names)[2]
    assert (said in " ".join(notes)) if said else notes == ()


def test_voltages_are_known_of_all_names_or_of_none() -> None:
    assert kilovolts(("160kV-low", "6 MeV")) == (160.0, 6000.0)
    assert kilovolts(("160kV", "high")) == kilovolts(()) == ()


def test_images_told_high_first_are_exchanged_with_their_air_levels() -> None:
    counts = np.full((2, 20, 30), [[[60000]], [[50000]]], np.uint16)
    counts[0, 5:15, 5:20], counts[1, 5:15, 5:20] = 24000, 10000
    buffer = io.BytesIO()
    text = json.dumps({"open_beam": [60000, 50000], "energies": ["6MV", "4MV"]})
    tifffile.imwrite(buffer, counts, photometric="minisblack", metadata=None, description=text)
    scan = decode_scan(buffer.getvalue(), "a.tif")
    assert scan.energies == ("4MV", "6MV")
    assert scan.transmission[:, 10, 10] == pytest.approx([0.2, 0.4])
    assert scan.notes == ("energies told as 6MV, 4MV: images exchanged, low energy first",)
