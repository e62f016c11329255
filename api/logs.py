"""Logs: one JSON document a line on stderr; stdout is for answers."""

import sys
from typing import TextIO

import structlog


def configure(stream: TextIO | None = None) -> None:
    """Call once per process, before the first line; `stream` in place of stderr."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
    )
