"""Files handed to a browser: always as attachments, with their type, length and name."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse


def attachment(content: bytes, name: str, media_type: str) -> Response:
    """The bytes under that name (RFC 6266: a plain name for old browsers, the true one in UTF-8)."""
    return Response(content, media_type=media_type, headers={"content-disposition": disposition(name)})


def streamed(chunks: Iterable[bytes], name: str, media_type: str) -> Response:
    """The same, of any size: bytes leave as they come."""
    return StreamingResponse(chunks, media_type=media_type, headers={"content-disposition": disposition(name)})


def disposition(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name) or "fichier"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
