"""What a threat detection report says of a region's name."""

from types import SimpleNamespace

import pytest

from nii.analysis.known.identity import Identity
from nii.io.dicos import CATEGORIES as OF_THE_STANDARD
from nii.show.tdr import CATEGORIES, describe
from nii.simulate.sets.kinds import FAMILIES


@pytest.mark.parametrize(
    ("called", "words"), [("die_moulds", "die_moulds (71%)"), ("unknown", "unknown (likeliest die_moulds, 71%)")]
)
def test_a_region_is_described_by_its_name_and_how_sure_it_is(called, words):
    region = SimpleNamespace(family=called, identity=Identity(called, (("die_moulds", 0.71), ("pills", 0.2))))
    assert describe(region) == words


def test_every_category_is_one_of_the_standard_and_every_key_a_family():
    assert set(CATEGORIES.values()) <= set(OF_THE_STANDARD)
    assert set(CATEGORIES) <= set(FAMILIES)
    assert "unknown" not in CATEGORIES
