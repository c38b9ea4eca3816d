"""What the record says of a region: its name, the likeliest families, and the known concealments most like it."""

from dataclasses import dataclass

from nii.analysis.fields import FamilyRecord, SimilarRecord
from nii.analysis.known.library import Similar, library
from nii.model.contract import Contract
from nii.model.naming import features
from nii.model.region_features import RegionFeatures
from nii.scan import FloatArray, Kind

LIKELIEST = 3  # families that are told


@dataclass(frozen=True)
class Identity:
    """family: named, or "unknown". families: the likeliest with their probabilities, named or not; the first
    one's is the region's. similar: known concealments, nearest first; none where the model isn't calibrated for it.
    """

    family: str
    families: tuple[tuple[str, float], ...]
    similar: tuple[Similar, ...] = ()

    def families_record(self) -> tuple[FamilyRecord, ...]:
        """What a record holds of the likeliest families."""
        return tuple(FamilyRecord(family=name, probability=p) for name, p in self.families)

    def similar_record(self) -> tuple[SimilarRecord, ...]:
        """What a record holds of the known concealments."""
        return tuple(
            SimilarRecord(id=entry.id, family=entry.family, mass_kg=entry.mass_kg, distance=entry.distance)
            for entry in self.similar
        )


def identify(shares: FloatArray, look: RegionFeatures, contract: Contract) -> Identity:
    """The identity of a region.

    shares: (family,), mean family probabilities of the network over it. A model without a naming names the family
    of the highest share, whatever it is, and says the share.
    """
    naming = contract.naming
    if naming is None:
        plain = sorted(zip(contract.families, shares.tolist(), strict=True), key=lambda one: -one[1])
        return Identity(plain[0][0], _rounded(plain))
    x = features(shares, look.figures)
    ranked = naming.ranked(x)
    similar = library().similar(look, dict(ranked)) if contract.kind is Kind.TRANSMISSION else ()
    return Identity(naming.name(x), _rounded(ranked), tuple(similar))


def _rounded(ranked: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    return tuple((name, round(p, 4)) for name, p in ranked[:LIKELIEST])
