"""Settings of the service: one frozen object from NII_* variables, refused at start if wrong."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nii.errors import UsageError

PREFIX = "NII_"
OTHERS = {"NII_SHARED"}  # variables with our prefix that are no settings of the service

PROVIDERS = {
    "auto": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "tensorrt": ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"),
}
"""What ONNX Runtime is asked for. TensorRT builds an engine per scan size (minutes), so only on request."""


class Settings(BaseSettings):
    """Every field is the variable NII_<FIELD>, in upper case.

    model: shipped name or path; None loads all shipped models and chooses by the kind of scan.
    device: where models run; a named one must be there. workers: scans scored at a time, 0 is one per
    core. threads: of one inference. waiting: accepted scans that may wait for a worker; one more is
    answered 429. pfa: budget of a request that names none. unseen: share of a load that may be opaque before there
    is no "clear"; None takes what is usual for its kind. upload_seconds, deadline_seconds: longest upload, and
    longest wait for an answer after it. max_upload_bytes: of a whole request.
    max_held_bytes: of all requests together that upload, wait or are scored; one more byte is answered
    429. max_pixels: per energy, checked before decoding; a worker needs about 0.2 GB per megapixel.
    connections: at a time; one more is answered 503. proxies: addresses and networks, with commas, whose
    X-Forwarded-For tells the client's address for the log; none means that the log has that of the connection.
    keys_file: API keys, one per line; none means that everybody who reaches the port may ask. store:
    SQLAlchemy URL of the record store, such as sqlite:///records.db; none means that nothing is kept.
    scanners: names, with commas, of the scanners whose drift and figures are told apart, besides those that have a
    calibration of their own; scan files may claim any name, and all others are one pool. keep_scans: folder for the
    scans themselves, needed to export them as a scan set. registry: CSV file of registered pill presses, asked about
    declared loads in which one is seen.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    model: str | None = None
    device: Literal["auto", "cpu", "cuda", "tensorrt"] = "auto"
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    waiting: Annotated[int, Field(ge=0, le=10_000)] = 64
    pfa: Annotated[float, Field(gt=0, lt=1)] = 0.01
    unseen: Annotated[float, Field(ge=0, le=1)] | None = None
    upload_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    deadline_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    max_upload_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = 128_000_000
    max_held_bytes: Annotated[int, Field(ge=1024)] = 1_000_000_000
    max_pixels: Annotated[int, Field(ge=256, le=200_000_000)] = 10_000_000
    connections: Annotated[int, Field(ge=1, le=100_000)] = 1000
    proxies: str = ""
    scanners: str = ""
    keys_file: Path | None = None
    store: str | None = None
    keep_scans: Path | None = None
    registry: Path | None = None

    @model_validator(mode="after")
    def _scans_need_a_store(self) -> "Settings":
        if self.keep_scans and not self.store:
            raise ValueError("NII_KEEP_SCANS needs NII_STORE")
        return self

    @model_validator(mode="after")
    def _the_largest_upload_can_be_held(self) -> "Settings":
        if self.max_held_bytes < self.max_upload_bytes:
            raise ValueError("NII_MAX_HELD_BYTES must be at least NII_MAX_UPLOAD_BYTES")
        return self

    @property
    def n_workers(self) -> int:
        """Workers, with 0 resolved to the cores that this process may use."""
        return self.workers or len(os.sched_getaffinity(0))


def load_settings(**given: Any) -> Settings:
    """Settings from the environment; what is given here wins. Raises UsageError, one line for all faults."""
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    strange = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in names | OTHERS)
    if strange:
        raise UsageError(f"{', '.join(strange)}: expected one of {', '.join(sorted(names))}, came another name")
    try:
        return Settings(**given)
    except ValidationError as error:
        raise UsageError("; ".join(_fault(one) for one in error.errors())) from None


def _fault(error: Any) -> str:
    if not error["loc"]:
        return str(error["msg"])
    name = PREFIX + "_".join(str(part) for part in error["loc"]).upper()
    return f"{name}: {error['msg'][0].lower()}{error['msg'][1:]}, came {str(error['input'])[:60]!r}"
