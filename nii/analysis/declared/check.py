"""Is the load what was declared? One answer for one scan, calibrated, and undetermined rather than guessed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from nii.analysis.declared.documents import documents_for
from nii.analysis.declared.insides import find_insides
from nii.analysis.declared.mass import LoadMass, find_mass, weigh
from nii.analysis.declared.plausible import BUDGET, misfit, p_value, plausible
from nii.analysis.declared.registry import Entry, ask, read_registry
from nii.analysis.declared.sections import Section, counted, find_sections
from nii.analysis.declared.words import Declaration, kinds_of, meaning, read_declaration
from nii.analysis.fields import (
    DeclaredAnswer,
    DeclaredGoodRecord,
    DeclaredMassRecord,
    DeclaredRecord,
    DeclaredSectionRecord,
    MassAnswer,
    NeededDocumentsRecord,
    RegistryRecord,
)
from nii.model.contract import Contract
from nii.model.detector import Detector
from nii.quality.blank import blank
from nii.scan import Scan

TELLING = 0.5  # share of the kinds that may be plausible; a scan that fits more of them says nothing


@dataclass(frozen=True)
class Question:
    """What was declared, and the registry of pill presses to ask, if there is one."""

    declaration: Declaration
    registry: tuple[Entry, ...] | None = None


def question(declared: str | None, registry: Path | None) -> Question | None:
    """The question of a run; None without a declaration. Raises UsageError for what can't be used."""
    entries = None if registry is None else read_registry(registry)
    return None if declared is None else Question(read_declaration(declared), entries)


def check(
    scan: Scan, detector: Detector, asked: Question, families: Iterable[str], *, looked: bool = False
) -> DeclaredRecord:
    """What a record holds of the declaration.

    families: of the regions that alarm. looked: the scan is known to show something (`nii.quality.blank`). Raises
    ModelError if scan and model don't fit.
    """
    declaration, contract, insides = asked.declaration, detector.contract, find_insides(scan, looked=looked)
    sections = find_sections(scan, insides, detector)
    found = judge(sections, declaration, contract, _unlike(scan, contract, looked=looked))
    goods = kinds_of(declaration.goods, contract.cargos)
    return DeclaredRecord(
        answer=found.answer,
        why=found.why,
        p_value=found.p_value,
        budget=BUDGET,
        goods=tuple(
            DeclaredGoodRecord(text=good.text, code=good.code, means=meaning(good.code), kinds=tuple(kinds))
            for good, kinds in goods.items()
        ),
        unknown=tuple(declaration.unknown),
        plausible=found.plausible,
        sections=sections_record(sections, goods.values(), contract),
        mass=None if declaration.mass_kg is None else _mass_record(find_mass(scan, insides), declaration, contract),
        documents=tuple(
            NeededDocumentsRecord(goods=good.text, code=good.code, documents=needed.documents, why=needed.why)
            for good, needed in documents_for(declaration.goods)
        ),
        registry=ask_registry(asked, families),
    )


@dataclass(frozen=True)
class Verdict:
    """The answer for the goods. why: of an undetermined one. plausible: kinds that the whole load fits."""

    answer: DeclaredAnswer
    why: str = ""
    p_value: float | None = None
    plausible: tuple[str, ...] = ()


def judge(sections: Sequence[Section], declaration: Declaration, contract: Contract, unlike: str = "") -> Verdict:
    """Whether the sections fit the goods.

    unlike: how the scan differs from all that the model is calibrated on; "" if it doesn't.
    """
    goods, by = kinds_of(declaration.goods, contract.cargos), contract.loads
    known = [kinds for kinds in goods.values() if kinds]
    if by is None:
        return _undetermined(f"model {contract.name} carries no calibration of loads")
    if unlike:
        return _undetermined(unlike)
    fitting = tuple(plausible(sections, contract.cargos, by, BUDGET))
    if not known:
        what = "can be told from a scan by this model" if goods else "is in the tables"
        return _undetermined(f"nothing that was declared {what}", fitting)
    p = p_value(sections, known, contract.cargos, by)
    if p is None:
        return _undetermined("several goods, and the model carries no calibration of such loads", fitting)
    strange = [*declaration.unknown, *(good.text for good, kinds in goods.items() if not kinds)]
    if p <= BUDGET and strange:
        why = f"it may be what is unknown of the declaration: {', '.join(strange)}"
        return Verdict(DeclaredAnswer.UNDETERMINED, why, p, fitting)
    if p <= BUDGET:
        return Verdict(DeclaredAnswer.NOT_AS_DECLARED, "", p, fitting)
    if len(fitting) > TELLING * len(contract.cargos):
        why = f"the scan fits {len(fitting)} of {len(contract.cargos)} kinds of load"
        return Verdict(DeclaredAnswer.UNDETERMINED, why, p, fitting)
    return Verdict(DeclaredAnswer.AS_DECLARED, "", p, fitting)


def _undetermined(why: str, fitting: tuple[str, ...] = ()) -> Verdict:
    return Verdict(DeclaredAnswer.UNDETERMINED, why, None, fitting)


def _unlike(scan: Scan, contract: Contract, *, looked: bool) -> str:
    if not looked and (nothing := blank(scan)) is not None:
        return f"the scan shows nothing: {nothing}"
    if len(scan.transmission) < len(contract.energies):
        return "single energy, and loads are calibrated on two"
    return ""


def sections_record(
    sections: Sequence[Section], goods: Iterable[Sequence[str]], contract: Contract
) -> tuple[DeclaredSectionRecord, ...]:
    """Each section: where, what it looks like, and the p-value of the declared kinds, None where it looks empty."""
    declared = sorted({kind for kinds in goods for kind in kinds})
    cargos, by = contract.cargos, contract.loads
    judged = counted(sections, cargos) if by and declared else []
    return tuple(
        DeclaredSectionRecord(
            start=section.columns[0],
            end=section.columns[1],
            kind=cargos[int(section.probabilities.argmax())],
            probability=round(float(section.probabilities.max()), 4),
            p_value=by.p_value(declared, misfit(section, declared, cargos)) if by and section in judged else None,
        )
        for section in sections
    )


def _mass_record(found: LoadMass, declaration: Declaration, contract: Contract) -> DeclaredMassRecord:
    """The declared mass beside the estimated one, kg."""
    declared, ratios = declaration.mass_kg or 0.0, contract.loads.mass_ratios if contract.loads else ()
    weighed = None if found.kg is None else weigh(found.kg, declared, ratios)
    if weighed is None:
        why = found.why or "the model carries no calibration of masses"
        answer, kg, low, high, p = MassAnswer.UNDETERMINED, None, None, None, None
    else:
        why, p = "", weighed.p_value
        kg, low, high = (round(one, 1) for one in (weighed.kg, weighed.low_kg, weighed.high_kg))
        off = MassAnswer.HEAVIER if weighed.kg > declared else MassAnswer.LIGHTER
        answer = off if p <= BUDGET else MassAnswer.AS_DECLARED
    return DeclaredMassRecord(answer=answer, why=why, declared_kg=declared, kg=kg, low_kg=low, high_kg=high, p_value=p)


def ask_registry(asked: Question, families: Iterable[str]) -> RegistryRecord | None:
    """What the registry says, if there is one and the scan shows a press or parts of one."""
    if asked.registry is None:
        return None
    return ask(asked.registry, families, asked.declaration.consignee, date.today())
