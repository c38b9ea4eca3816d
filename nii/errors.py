"""The exceptions of the project: one small tree.

Each message is one line that names the thing, what was expected and what came.
The command line turns them into exit codes (`nii.cli`), the service into HTTP
statuses (`serving.app`); nothing else catches them.
"""

from nii.names import printable


class NiiError(Exception):
    """Anything that this project reports to its user in one line."""

    def __str__(self) -> str:
        return printable(super().__str__())  # file names may hold anything


class ScanError(NiiError):
    """A scan file, or an array given as a scan, can't be used."""


class TooManyPixelsError(ScanError):
    """A header promises more pixels than may be opened."""


class ScanSetError(NiiError):
    """A scan set (annotations, layout, masks) can't be used."""


class ModelError(NiiError):
    """A model artefact is missing, is not one of ours, or doesn't fit the scan."""


class CalibrationError(NiiError):
    """The benign scans at hand can't support what was asked of them."""


class PhysicsError(NiiError):
    """A physical quantity is out of its range, or a material or spectrum is unknown."""


class UsageError(NiiError):
    """An option or argument is wrong."""


class OutputError(NiiError):
    """An output can't be written in the midst of the work; what was written before is kept."""
