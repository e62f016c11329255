"""The service's seal on what the service itself wrote: receipts, minutes, registers, acts signed by a code.

A seal proves origin and integrity; it is nobody's consent. Nothing that was uploaded is sealed: whoever could have
bytes of their choice sealed would forge the service's papers. tests/api/test_seal.py keeps the list of callers.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from api import isolate
from api.context import Context
from api.raising import stamp_of
from api.sandbox import pki
from api.seal_key import SealKey
from procurement.errors import Unavailable

WORDS = "cachet du service, prouve l’origine et l’intégrité, ne vaut pas signature"
ABSENT = "Ce service n’a pas de cachet : rien ne peut être scellé ici."
log = structlog.get_logger("mps.seal")
# Keys whose PIN was refused: a token locks itself after a few wrong tries, so none follows until the next start.
_refused: set[SealKey] = set()


def key_of(ctx: Context) -> SealKey | None:
    """The key of the settings, the sandbox's in the sandbox, None where there is none."""
    folder = Path(ctx.services.get("pki", str(pki.FOLDER)))
    if ctx.settings.seal is not None:
        return SealKey(ctx.settings.seal_place, ctx.settings.seal_chain, folder)
    return SealKey(None, (), folder) if ctx.settings.api_entreprise_url is None else None


def seal_pdf(ctx: Context, content: bytes, reason: str, what: str, now: datetime) -> Any:
    """A PDF that the service wrote → signature.making.pades.Signed, level T, or B where no time could be had.

    `what` names it in the log. Raises Unavailable without a seal, WorkFailed where the token or the PDF refuses.
    """
    return _sealed(ctx, what, "api.sealing:pdf", content, now=now, reason=reason)


def seal_file(ctx: Context, content: bytes, name: str, what: str, now: datetime) -> Any:
    """Any other file → Signed, an ASiC-S container that /verifier reads. Raises as `seal_pdf`."""
    return _sealed(ctx, what, "api.sealing:file", content, name=name, now=now)


def _sealed(ctx: Context, what: str, work: str, content: bytes, **how: Any) -> Any:
    key = key_of(ctx)
    if key is None or key in _refused:
        raise Unavailable(ABSENT)
    try:
        signed = isolate.run(work, content, seal=key, stamp=stamp_of(ctx), seconds=45, **how)
    except isolate.WorkFailed as error:
        log.error("not sealed", what=what, kind=error.kind, sentence=error.sentence)
        if error.kind == "PinRefused":
            _refused.add(key)
        raise
    log.info("sealed", what=what, sha256=signed.sha256, level=signed.level)
    return signed


def seal_or_not(ctx: Context, content: bytes, reason: str, what: str, now: datetime) -> tuple[bytes, str]:
    """(the PDF sealed, its level), or as it came and "" where that cannot be: a receipt must leave all the same."""
    try:
        signed = seal_pdf(ctx, content, reason, what, now)
    except (Unavailable, isolate.WorkFailed):
        return content, ""
    return signed.content, signed.level


def raise_pdf(ctx: Context, content: bytes, what: str) -> Any:
    """A sealed PDF without a time gets one (a document timestamp). Raises Unavailable, WorkFailed."""
    stamp = stamp_of(ctx)
    if stamp is None:
        raise Unavailable("Aucun service d’horodatage n’est réglé.")
    signed = isolate.run("api.sealing:stamped", content, stamp, seconds=45)
    log.info("seal stamped", what=what, sha256=signed.sha256)
    return signed
