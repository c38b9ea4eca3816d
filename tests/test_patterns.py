"""Every pattern that meets text from outside takes time in proportion to it."""

import importlib
import pkgutil
import re
import time

import pytest

import nii
import serving
from nii.analysis.declared.words import LONGEST, read_declaration
from nii.errors import NiiError

NOT_FOR_STRANGERS = ("nii.studies", "nii.simulate", "nii.evaluate")  # commands over sets of one's own
PIECES = (
    "1", "0", " ", "1 ", ".", "-", "_", "a", "gross ", "total", "kg", "hs ", "hs.", "code", ",", "'", "\n", "\\", "=",
    '"', 'SizeC="1', "images=1", "role=", "consignee", "consignee ", "1.", "1,000", "\xff", "mv", "phi_", "<", "\0",
    "A2(", "1.2.840.10008.1.2.1.99",
)  # fmt: skip
SHORT, TIMES = 4000, 4
RATIO = 11.0  # of the times of texts, one 4 times as long: linear is 4, quadratic 16; clocks and caches take their part
SLOW = 0.02  # seconds; below, nobody minds, and a ratio says nothing


def patterns():
    found = {}
    for package in (nii, serving):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.startswith(NOT_FOR_STRANGERS) or module.name.endswith("__main__"):
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, re.Pattern):
                    found[f"{module.name}.{name}"] = value
    return found


def seconds(work, text):
    """The best of three, so that other work on the machine doesn't count."""
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        work(text)
        best = min(best, time.process_time() - started)
    return best


def assert_linear(work, make):
    long = seconds(work, make(TIMES * SHORT))
    assert long < SLOW or long / seconds(work, make(SHORT)) < RATIO


def texts(piece):
    """What makes texts of a piece again and again, alone and between others that a match may begin or end with."""
    for before, after in (("", ""), ("", "x"), ("1", "x"), ("gross", "1 x"), ("ImageJ=\n", "\n")):
        yield lambda n, b=before, a=after: b + piece * (n // len(piece)) + a
    yield lambda n: "gross" + piece * (n // 3 // len(piece)) + "1" * (n // 3) + " " * (n // 3) + "x"


PATTERNS = patterns()


def test_there_are_patterns():
    assert {"serving.middleware.REQUEST_ID", "nii.io.energies.NAME", "nii.analysis.declared.words._CODE"} <= set(
        PATTERNS
    )


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_takes_time_in_proportion_to_the_text(name):
    pattern = PATTERNS[name]
    given = str if isinstance(pattern.pattern, str) else lambda text: text.encode("latin-1")
    for piece in PIECES:
        for make in texts(piece):
            assert_linear(lambda text: pattern.findall(given(text)), make)
            assert_linear(lambda text: pattern.fullmatch(given(text)), make)


def test_a_declaration_takes_time_in_proportion_to_its_text():
    def read(text):
        try:
            return read_declaration(text)
        except NiiError:
            return None

    for piece in PIECES:
        for make in texts(piece):
            assert seconds(read, make(LONGEST - 20)) < 0.5  # it was 3 s for 401 characters, 11 s for 601
