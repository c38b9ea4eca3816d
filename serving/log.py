"""Structured logs: one JSON object per line on stderr. Never scan content, file names or keys."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("nii.serving")


class JsonLines(logging.Formatter):
    """A record and its fields as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def say(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log an event with its fields."""
    LOGGER.log(level, event, extra={"fields": fields})


def to_stderr() -> None:
    """Send the logs of the service and of its server to stderr; for programs, not for libraries."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.captureWarnings(capture=True)
    logging.getLogger().handlers = [handler]  # of other libraries, what is wrong
    for name in ("nii.serving", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
