"""What a report shows of one signature, in plain values: the value, what the key signed, certificate, timestamps."""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime

from asn1crypto import cms

from signature.engine import Candidate
from signature.facts import Evidence, SignedObject, StampSeen
from signature.reading.contents import digest_of

# RFC 5652, 5.4: the key signs the attributes as a SET OF, not with the tag they bear in the message.
_SET_OF = b"\x31"
log = logging.getLogger(__name__)


def evidence_of(candidate: Candidate, documents: Iterable[SignedObject], claimed: datetime | None = None) -> Evidence:
    """`claimed` where the format tells it apart; CMS has it among its signed attributes."""
    info = candidate.data["signer_infos"][0]
    algorithm = str(info["digest_algorithm"]["algorithm"].native)
    attributes = info["signed_attrs"]
    has = isinstance(attributes, cms.CMSAttributes)
    return Evidence(
        value=info["signature"].native,
        algorithm=algorithm,
        digest=digest_of(_SET_OF + attributes.dump()[1:], algorithm) if has else candidate.digest,
        certificate=candidate.certificate.dump(),
        claimed=claimed or (_signing_time(attributes) if has else None),
        documents=tuple(documents),
        stamps=tuple(_seen(candidate)),
    )


def _seen(candidate: Candidate) -> Iterator[StampSeen]:
    """Each token once: a document timestamp is both one of the signature's and an archive's. An odd one is left out."""
    archive = {id(stamp) for stamp in candidate.archive}
    every = {id(stamp): stamp for stamp in (*candidate.stamps, *candidate.archive)}
    for key, stamp in every.items():
        try:
            token = cms.ContentInfo({"content_type": "signed_data", "content": stamp.token}).dump()
            yield StampSeen(stamp.moment, token, key in archive)
        except Exception as error:  # the engine has already said that it is a bad one
            log.debug("a timestamp cannot be shown", exc_info=error)


def _signing_time(attributes: cms.CMSAttributes) -> datetime | None:
    found = [each["values"][0].native for each in attributes if each["type"].native == "signing_time"]
    return found[0] if len(found) == 1 else None
