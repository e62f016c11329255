"""The stand-in's documents, each at an address that dies: whole, spoilt on purpose, or endless."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from starlette.responses import Response, StreamingResponse

from api.sandbox.companies import DocumentState
from api.sandbox.documents import JPEG, WEB_PAGE, certificate, huge


@dataclass(frozen=True, slots=True)
class Kept:
    """One document; without content it is made while it is sent. `lives` is false for one that is dead on arrival."""

    content: bytes | None
    media_type: str
    lives: bool = True


def document(state: DocumentState, title: str, lines: list[str]) -> Kept:
    """A certificate, or what comes in its place."""
    if state == "huge":
        return Kept(None, "application/pdf")
    if state == "html":
        return Kept(WEB_PAGE, "text/html")
    if state == "jpg":
        return Kept(JPEG, "image/jpeg")
    content = certificate(title, lines)
    shown = {"empty": b"", "truncated": content[: len(content) // 2]}.get(state, content)
    return Kept(shown, "application/pdf", lives=state != "expired")


@dataclass
class Shelf:
    """Documents by name, until they expire."""

    lock: Lock = field(default_factory=Lock)
    kept: dict[str, tuple[Kept, datetime]] = field(default_factory=dict)

    def put(self, document: Kept, now: datetime, life: int) -> str:
        """Keep a document for `life` seconds; gives its name."""
        name = uuid.uuid4().hex
        until = now + timedelta(seconds=life if document.lives else 0)
        with self.lock:
            for old in [key for key, (_, end) in self.kept.items() if end <= now]:
                del self.kept[old]
            self.kept[name] = document, until
        return name

    def response(self, name: str, now: datetime) -> Response | None:
        """The document, or None once it has expired."""
        with self.lock:
            document, until = self.kept.get(name, (None, now))
        if document is None or until <= now:
            return None
        if document.content is None:
            return StreamingResponse(huge(), media_type=document.media_type)
        return Response(document.content, media_type=document.media_type)
