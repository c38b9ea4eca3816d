"""Threat Detection Reports: what is written, and what the reference toolkit reads of it."""

import importlib.util
import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from nii.errors import ScanError, UsageError
from nii.io.dicos import Reference, Threat, derived_reference, read_reference, write_tdr
from nii.scan import Scan

WHEN = datetime(2026, 11, 24, 6, 30, 15, 250000, tzinfo=UTC)
REFERENCE = Reference(
    study_uid="2.25.7", series_uid="2.25.8", sop_class_uid="1.2.840.10008.5.1.4.1.1.501.2.2",
    sop_instance_uid="2.25.9", object_id="MSKU 123456",
)  # fmt: skip


@pytest.fixture
def scan() -> Scan:
    return Scan(transmission=np.ones((1, 40, 60), np.float32), path="gate/čtyři 0028.tif", sha256="ab" * 32)


@pytest.fixture
def threats() -> list[Threat]:
    bitmap = np.zeros((7, 11), bool)
    bitmap[2:5, 3:9] = True
    triangle = ((20.0, 10.0), (31.0, 10.0), (25.5, 17.0))
    first = Threat(
        box=(20, 10, 11, 7), polygon=triangle, bitmap=bitmap, probability=0.75, mass_kg=18.132,
        z_effective=7.5, category="CONTRABAND", description="bricks",
    )  # fmt: skip
    return [first, Threat(box=(1, 2, 3, 5), flag="UNKNOWN")]


def written(scan: Scan, threats: list[Threat], **options: object) -> bytes:
    buffer = io.BytesIO()
    settings = {"alarm": True, "algorithm": "cargo", "version": "0.1", "milliseconds": 412.5, "when": WHEN}
    write_tdr(buffer, scan, threats, **(settings | options))  # type: ignore[arg-type] # mixed options
    return buffer.getvalue()


def test_a_report_holds_decision_region_mass_and_material(scan: Scan, threats: list[Threat]) -> None:
    report = dcmread(io.BytesIO(written(scan, threats, reference=REFERENCE)))
    assert report.file_meta[0x00020004].value == "V03"
    assert report.SOPClassUID == "1.2.840.10008.5.1.4.1.1.501.3"
    assert (report.AlarmDecision, report.TDRType) == ("ALARM", "MACHINE")
    assert report.AlarmDecisionTime == "20261124063015.250000"
    assert list(report.ThreatDetectionAlgorithmAndVersion) == ["cargo", "0.1"]
    assert (report.NumberOfTotalObjects, report.NumberOfAlarmObjects) == (2, 1)
    assert (report.StudyInstanceUID, report.PatientID) == ("2.25.7", "MSKU 123456")
    assert report.TotalProcessingTime == 412.5
    first = report.ThreatSequence[0].PTORepresentationSequence[0]
    assert first.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == "2.25.9"
    assert first.ThreatROIVoxelSequence[0].ThreatROIBase == [20, 10, 0]  # x, y, z
    assert first.ThreatROIVoxelSequence[0].ThreatROIExtents == [11, 7, 1]
    assert first.BoundingPolygon == [20, 10, 0, 31, 10, 0, 25.5, 17, 0]
    assert first.CenterOfPTO == [25.5, 13.5, 0]
    assert first.Mass == pytest.approx(18132)  # grams
    assert first.ZEffective == 7.5
    assessment = report.ThreatSequence[0].ATDAssessmentSequence[0]
    assert (assessment.ThreatCategory, assessment.ATDAssessmentFlag) == ("CONTRABAND", "THREAT")
    assert assessment.ATDAssessmentProbability == 0.75


def test_bits_run_along_rows_lowest_first(scan: Scan, threats: list[Threat]) -> None:
    report = dcmread(io.BytesIO(written(scan, threats)))
    packed = report.ThreatSequence[0].PTORepresentationSequence[0].ThreatROIVoxelSequence[0].ThreatROIBitmap
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")[:77].reshape(7, 11)
    assert np.array_equal(bits.astype(bool), threats[0].bitmap)
    assert len(packed) % 2 == 0


def test_a_box_without_polygon_or_bitmap_is_its_diagonal_and_full(scan: Scan, threats: list[Threat]) -> None:
    report = dcmread(io.BytesIO(written(scan, threats)))
    second = report.ThreatSequence[1].PTORepresentationSequence[0]
    assert second.BoundingPolygon == [1, 2, 0, 4, 7, 1]
    assert second.ThreatROIVoxelSequence[0].ThreatROIBitmap == b"\xff\x7f"  # 15 pixels
    assert "Mass" not in second


def test_a_clear_scan_has_an_empty_threat_sequence(scan: Scan) -> None:
    report = dcmread(io.BytesIO(written(scan, [], alarm=False)))
    assert (report.AlarmDecision, report.NumberOfTotalObjects, len(report.ThreatSequence)) == ("CLEAR", 0, 0)


def test_the_same_result_gives_the_same_bytes(scan: Scan, threats: list[Threat]) -> None:
    assert written(scan, threats) == written(scan, threats)
    later = written(scan, threats, when=WHEN.replace(second=16))
    assert dcmread(io.BytesIO(later)).SOPInstanceUID != dcmread(io.BytesIO(written(scan, threats))).SOPInstanceUID


def test_a_scan_that_is_no_dicos_file_gets_identifiers_from_its_hash(scan: Scan) -> None:
    reference = derived_reference(scan)
    assert reference == derived_reference(scan)
    assert reference.study_uid.startswith("2.25.")
    assert len(reference.study_uid) <= 64
    assert reference.object_id == "čtyři 0028"


def test_a_path_is_written_in_one_step(scan: Scan, threats: list[Threat], tmp_path: Path) -> None:
    path = tmp_path / "report.dcs"
    write_tdr(path, scan, threats, alarm=True, algorithm="a", version="1")
    assert dcmread(path).Modality == "TDR"
    assert [child.name for child in tmp_path.iterdir()] == ["report.dcs"]


@pytest.mark.parametrize(
    ("wrong", "came"),
    [
        ({"box": (1, 1, 0, 5)}, "width and height above 0"),
        ({"bitmap": np.ones((2, 2), bool)}, r"expected \(5, 3\), came \(2, 2\)"),
        ({"probability": 1.5}, "came 1.5"),
        ({"probability": float("nan")}, "came nan"),
        ({"category": "DRUGS"}, "came DRUGS"),
        ({"flag": "MAYBE"}, "came .*MAYBE"),
    ],
)
def test_a_threat_that_cannot_be_written_is_refused(wrong: dict[str, object], came: str) -> None:
    with pytest.raises(UsageError, match=came):
        Threat(**({"box": (1, 2, 3, 5)} | wrong))  # type: ignore[arg-type] # wrong on purpose


def test_the_reference_toolkit_reads_the_report(scan: Scan, threats: list[Threat], tmp_path: Path) -> None:
    if importlib.util.find_spec("pydicos") is None:
        pytest.skip("need pydicos, the reference toolkit (closed, Linux only), as an independent reader")
    from pydicos import TDRLoader

    path = tmp_path / "report.dcs"
    path.write_bytes(written(scan, threats))
    data = TDRLoader(str(path)).get_data()
    assert data["AlarmDecision"].name == "enumAlarm"
    assert data["ProcessingTime"] == 412.5
    first, second = data["PTOs"]
    assert first["Base"] == {"x": 20, "y": 10, "z": 0}
    assert first["Extent"] == {"x": 11, "y": 7, "z": 1}
    assert np.array_equal(first["Bitmap"][0].astype(bool), threats[0].bitmap)
    assert [(point["x"], point["y"]) for point in first["Polygon"]] == list(threats[0].polygon)
    assert first["Assessment"]["category"].name == "enumContraband"
    assert first["Assessment"]["description"] == "bricks"
    assert first["Assessment"]["probability"] == 0.75
    assert second["Bitmap"].shape == (1, 5, 3)
    assert second["Bitmap"].all()


def test_a_report_on_a_real_dicos_file_refers_to_it(scan: Scan, shared: Path) -> None:
    data = (shared / "dicos" / "V03_DXwithTDR" / "dx.dcs").read_bytes()
    reference = read_reference(data, "dx.dcs")
    theirs = dcmread_quietly(shared / "dicos" / "V03_DXwithTDR" / "tdr.dcs")
    ours = dcmread_quietly(io.BytesIO(written(scan, [], reference=reference)))
    assert ours["StudyInstanceUID"].value == theirs["StudyInstanceUID"].value
    assert uid_of_first_reference(ours) == uid_of_first_reference(theirs)


def dcmread_quietly(source: object) -> dict[str, object]:
    from pydicom import config

    with config.disable_value_validation():
        dataset = dcmread(source)  # type: ignore[arg-type] # path or stream
        return {element.keyword: element for element in dataset}


def uid_of_first_reference(report: dict[str, object]) -> str:
    from pydicom import config

    with config.disable_value_validation():
        return str(report["ReferencedStudySequence"].value[0].ReferencedSOPInstanceUID)  # type: ignore[attr-defined]


def test_a_reference_to_what_is_no_dicos_file_is_a_scan_error() -> None:
    with pytest.raises(ScanError, match=r"a\.dcs: expected a readable DICOS file"):
        read_reference(b"text", "a.dcs")
