"""Write the result of a scan as a DICOS Threat Detection Report (NEMA IIC 1, version V03).

Tags and values follow what the reference toolkit writes and accepts; reading it back with that
toolkit is a test. Coordinates are x (column), y (row), z (0) in pixels of the scan.
"""

import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, DICOSThreatDetectionReportStorage, ExplicitVRLittleEndian

from nii.errors import UsageError
from nii.io.dx import read_dicos
from nii.io.write import write_atomically
from nii.scan import Scan

CATEGORIES = ("EXPLOSIVE", "PI", "CONTRABAND", "ANOMALY", "LAPTOP", "OTHER", "PHARMACEUTICAL")
FLAGS = ("HIGH_THREAT", "THREAT", "NO_THREAT", "UNKNOWN")
DECISIONS = {True: "ALARM", False: "CLEAR", None: "UNKNOWN"}  # the toolkit refuses a report without a decision
DICOS_VERSION = "V03"
# CARGO would be the truth for a container, but the reference toolkit returns an empty region for it
OBJECT_TYPE = "BAGGAGE"
UNKNOWN = "unknown"  # what the standard's mandatory texts hold where nothing is known
DX_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.501.2.2"
GRAMS_PER_KG = 1000.0  # Mass (4010,1017) is in grams
LONGEST_LO = 64  # characters of a text such as PatientID
LARGEST_US = 65535  # of the 16-bit numbers that identify objects


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Threat:
    """One region of a report.

    box: (x, y, w, h) in pixels. polygon: (x, y) vertices in pixels; without one the box's diagonal
    is written. bitmap: bool (h, w) of the box; without one the whole box. probability: [0, 1].
    z_effective: effective atomic number. category: one of CATEGORIES; flag: one of FLAGS.
    """

    box: tuple[int, int, int, int]
    polygon: Sequence[tuple[float, float]] = ()
    bitmap: npt.NDArray[np.bool_] | None = None
    probability: float | None = None
    mass_kg: float | None = None
    z_effective: float | None = None
    category: str = "ANOMALY"
    flag: str = "THREAT"
    description: str = ""

    def __post_init__(self) -> None:
        if not (self.box[2] > 0 and self.box[3] > 0):
            raise UsageError(f"threat box: expected a width and height above 0, came {self.box}")
        if self.bitmap is not None and self.bitmap.shape != (self.box[3], self.box[2]):
            raise UsageError(f"threat bitmap: expected {(self.box[3], self.box[2])}, came {self.bitmap.shape}")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise UsageError(f"threat probability: expected [0, 1], came {self.probability}")
        if self.category not in CATEGORIES or self.flag not in FLAGS:
            raise UsageError(f"threat: expected one of {CATEGORIES} and {FLAGS}, came {self.category}, {self.flag}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Identifiers of the inspected object and of the image that a report is about."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    object_id: str = UNKNOWN


def read_reference(data: bytes, name: str) -> Reference:
    """The reference to a DICOS image, from its bytes. Raises ScanError for other files."""
    dataset = read_dicos(data, name)
    return Reference(
        study_uid=str(dataset.get("StudyInstanceUID", "")),
        series_uid=str(dataset.get("SeriesInstanceUID", "")),
        sop_class_uid=str(dataset.get("SOPClassUID", "")),
        sop_instance_uid=str(dataset.get("SOPInstanceUID", "")),
        object_id=str(dataset.get("PatientID") or UNKNOWN),
    )


def derived_reference(scan: Scan) -> Reference:
    """A reference for a scan that is no DICOS file: identifiers made from its hash, always the same."""
    key = scan.sha256 or scan.path
    return Reference(
        study_uid=_uid(key, "study"),
        series_uid=_uid(key, "series"),
        sop_class_uid=DX_FOR_PROCESSING,
        sop_instance_uid=_uid(key, "image"),
        object_id=Path(scan.path).stem[:LONGEST_LO] or UNKNOWN,
    )


def _uid(*parts: str) -> str:
    """A UID of the 2.25 (UUID) arc that depends on its parts alone."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, '/'.join(('nii', *parts))).int}"


def write_tdr(
    target: str | Path | BinaryIO,
    scan: Scan,
    threats: Sequence[Threat],
    *,
    alarm: bool | None,
    algorithm: str,
    version: str,
    milliseconds: float = 0.0,
    reference: Reference | None = None,
    when: datetime | None = None,
) -> None:
    """Write a report of MACHINE type on one scan; a path is written atomically.

    alarm: the decision; without one (None) the report says UNKNOWN. algorithm, version: name and version of the model.
    milliseconds: processing time. reference: from `read_reference` if the scan was a DICOS file. when: now (UTC) by
    default.
    """
    moment = when or datetime.now(UTC)
    about = reference or derived_reference(scan)
    uid = _uid(scan.sha256, about.sop_instance_uid, algorithm, version, moment.isoformat())
    buffer = io.BytesIO()
    with config.disable_value_validation():  # identifiers of real DICOS files break DICOM's rules
        report = _report(about, threats, moment, alarm=alarm, milliseconds=milliseconds)
        report.ThreatDetectionAlgorithmAndVersion = [algorithm[:LONGEST_LO], version[:LONGEST_LO]]
        report.SOPInstanceUID = uid
        report.file_meta = _file_meta(uid)
        report.save_as(buffer, enforce_file_format=True)
    if isinstance(target, str | Path):
        write_atomically(target, buffer.getvalue())
    else:
        target.write(buffer.getvalue())


def _file_meta(uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DICOSThreatDetectionReportStorage
    meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.add_new(0x00020004, "CS", DICOS_VERSION)  # as the reference toolkit writes it; a V03 DX without it is refused
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta


def _report(
    about: Reference, threats: Sequence[Threat], moment: datetime, *, alarm: bool | None, milliseconds: float
) -> Dataset:
    report = Dataset()
    _add_identity(report, about)
    _add_times(report, moment)
    report.TDRType = "MACHINE"
    report.AlarmDecision = DECISIONS[alarm]
    report.AlarmDecisionTime = _date_time(moment)
    report.AbortFlag = "SUCCESS"
    report.TotalProcessingTime = float(milliseconds)
    report.NumberOfTotalObjects = len(threats)
    report.NumberOfAlarmObjects = sum(threat.flag in ("THREAT", "HIGH_THREAT") for threat in threats)
    report.AdditionalScreeningPerformed = "NO"
    report.add_new(0x40101075, "FD", 1.0)  # ImageScaleRepresentation: the toolkit wants FD, not DS
    if len(threats) > LARGEST_US:
        raise UsageError(f"report: expected at most {LARGEST_US} threats, came {len(threats)}")
    report.ThreatSequence = Items(
        [_threat(number, threat, about, moment) for number, threat in enumerate(threats, start=1)]
    )
    return report


def _add_identity(report: Dataset, about: Reference) -> None:
    report.SpecificCharacterSet = "ISO_IR 192"  # UTF-8: file names and descriptions aren't all ASCII
    report.SOPClassUID = DICOSThreatDetectionReportStorage
    report.Modality = "TDR"
    report.StudyInstanceUID = about.study_uid
    report.SeriesInstanceUID = _uid(about.series_uid, "report")
    report.FrameOfReferenceUID = _uid(about.series_uid, "frame")
    report.PositionReferenceIndicator = ""
    report.StudyID = UNKNOWN
    report.InstanceNumber = 1
    report.ReferencedStudySequence = Items([_referenced(about)])
    for keyword in ("InstitutionName", "InstitutionAddress", "StationName", "DeviceSerialNumber"):
        setattr(report, keyword, UNKNOWN)
    report.InstitutionalDepartmentName = ""
    report.Manufacturer, report.ManufacturerModelName, report.SoftwareVersions = "nii", "nii", UNKNOWN
    report.PatientID, report.IssuerOfPatientID = about.object_id, UNKNOWN
    report.TypeOfPatientID, report.PatientSex = "TEXT", "U"
    report.OtherPatientIDsSequence = Items([])
    report.DICOSVersion, report.OOIType = DICOS_VERSION, OBJECT_TYPE
    report.AcquisitionStatus, report.ScanType = "SUCCESSFUL", "OPERATIONAL"
    report.AlgorithmRoutingCodeSequence = Items([])


def _add_times(report: Dataset, moment: datetime) -> None:
    date, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S.%f")
    for keyword in (
        "InstanceCreationDate",
        "StudyDate",
        "SeriesDate",
        "ContentDate",
        "DateOfLastCalibration",
    ):
        setattr(report, keyword, date)
    for keyword in (
        "InstanceCreationTime",
        "StudyTime",
        "SeriesTime",
        "ContentTime",
        "TimeOfLastCalibration",
    ):
        setattr(report, keyword, time)


def _date_time(moment: datetime) -> str:
    return moment.strftime("%Y%m%d%H%M%S.%f")


def _referenced(about: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = about.sop_class_uid
    item.ReferencedSOPInstanceUID = about.sop_instance_uid
    return item


def _threat(number: int, threat: Threat, about: Reference, moment: datetime) -> Dataset:
    item = Dataset()
    item.PotentialThreatObjectID = number
    item.PTORepresentationSequence = Items([_representation(threat, about)])
    item.ATDAssessmentSequence = Items([_assessment(threat)])
    item.add_new(0x40101080, "DT", _date_time(moment))  # processing start, end and total time per
    item.add_new(0x40101081, "DT", _date_time(moment))  # object: mandatory in V03, not in pydicom's
    item.add_new(0x40101082, "FL", 0.0)  # dictionary
    return item


def _representation(threat: Threat, about: Reference) -> Dataset:
    x, y, w, h = threat.box
    item = Dataset()
    item.ReferencedInstanceSequence = Items([_referenced(about)])
    item.ThreatROIVoxelSequence = Items([_region(threat)])
    if threat.mass_kg is not None:
        item.Mass = float(threat.mass_kg * GRAMS_PER_KG)
    if threat.z_effective is not None:
        item.ZEffective = float(threat.z_effective)
    item.CenterOfPTO = [x + w / 2, y + h / 2, 0.0]
    corners = [(float(x), float(y), 0.0), (float(x + w), float(y + h), 1.0)]
    points = [(float(px), float(py), 0.0) for px, py in threat.polygon] or corners
    item.BoundingPolygon = [coordinate for point in points for coordinate in point]
    return item


def _region(threat: Threat) -> Dataset:
    x, y, w, h = threat.box
    bitmap: npt.NDArray[Any] = np.ones((h, w), bool) if threat.bitmap is None else threat.bitmap
    bits = np.packbits(bitmap.ravel(), bitorder="little").tobytes()
    item = Dataset()
    item.ThreatROIBase = [float(x), float(y), 0.0]
    item.ThreatROIExtents = [float(w), float(h), 1.0]
    item.ThreatROIBitmap = bits + b"\0" * (len(bits) % 2)  # OB values have an even length
    return item


def _assessment(threat: Threat) -> Dataset:
    item = Dataset()
    item.ThreatCategory = threat.category
    item.ThreatCategoryDescription = threat.description
    item.ATDAbilityAssessment = "NO_INTERFERENCE"
    item.ATDAssessmentFlag = threat.flag
    if threat.probability is not None:
        item.ATDAssessmentProbability = float(threat.probability)
    return item
