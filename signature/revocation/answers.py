"""OCSP answers (RFC 6960): who may give them, and what they say."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from asn1crypto.ocsp import OCSPResponse

from signature.revocation.notices import (
    ALL_REASONS,
    LIFE,
    Bounds,
    Cleared,
    Notice,
    inside,
    issued_by,
    relied_on,
    signed_by,
)

_KNOWN = {"1.3.6.1.5.5.7.48.1.2"}  # the nonce: nobody asked, so nothing is to be compared


@dataclass(frozen=True)
class Answer:
    """A BasicOCSPResponse and the certificates in it."""

    basic: Any
    certificates: tuple[Any, ...]

    @property
    def data(self) -> Any:
        return self.basic["tbs_response_data"]


@lru_cache(maxsize=256)
def read(der: bytes) -> Answer | None:
    """None where there is no answer in it, or it cannot be read: then it says nothing."""
    try:
        response = OCSPResponse.load(der)
        if response["response_status"].native != "successful":
            return None
        if response["response_bytes"]["response_type"].native != "basic_ocsp_response":
            return None
        basic = response["response_bytes"]["response"].parsed
        for single in basic["tbs_response_data"]["responses"]:
            _ = single["cert_status"].name, single["this_update"].native, single["cert_id"].native
        return Answer(basic, tuple(basic["certs"] or ()))
    except (ValueError, TypeError, KeyError):
        return None


def notices(
    certificate: Any, issuer: Any, answer: Answer, others: Sequence[Any], cleared: Cleared, bounds: Bounds
) -> Iterator[Notice]:
    """What an answer says of a certificate; `others`: certificates among which the responder's may be."""
    for single in answer.data["responses"]:
        if not _about(single["cert_id"], certificate, issuer):
            continue
        signer = _signer(answer, issuer, others, single["this_update"].native, bounds, cleared)
        if signer is not None:
            strong = relied_on(answer.basic["signature_algorithm"], signer.public_key, bounds.moment)
            yield _notice(single, strong and _understood(answer, single))


def _about(identifier: Any, certificate: Any, issuer: Any) -> bool:
    digest = identifier["hash_algorithm"]["algorithm"].native
    try:
        key = hashlib.new(digest, bytes(issuer.public_key["public_key"])).digest()
        name = hashlib.new(digest, certificate.issuer.dump()).digest()
    except ValueError:
        return False
    return bool(
        identifier["serial_number"].native == certificate.serial_number
        and identifier["issuer_key_hash"].native == key
        and identifier["issuer_name_hash"].native == name
    )


def _signer(
    answer: Answer, issuer: Any, others: Sequence[Any], issued: datetime, bounds: Bounds, cleared: Cleared
) -> Any:
    """The authority itself, or whom it delegated by a certificate for that (RFC 6960, 4.2.2.2)."""
    if _is_responder(answer, issuer) and _signed(answer, issuer):
        return issuer
    for one in (*answer.certificates, *others):
        delegated = _is_responder(answer, one) and "ocsp_signing" in _extended(one) and issued_by(one, issuer)
        if not delegated or not inside(one, issued) or not _signed(answer, one):
            continue
        if not bounds.retroactive and not inside(one, bounds.moment):
            continue
        strong = relied_on(one["signature_algorithm"], issuer.public_key, bounds.moment)
        if strong and (one.ocsp_no_check_value is not None or cleared(one, (issuer,))):
            return one
    return None


def _extended(certificate: Any) -> list[str]:
    value = certificate.extended_key_usage_value
    return value.native if value is not None else []


def _is_responder(answer: Answer, certificate: Any) -> bool:
    who = answer.data["responder_id"]
    if who.name == "by_key":
        return bool(who.native in (certificate.public_key.sha1, certificate.key_identifier))
    return bool(who.chosen == certificate.subject)


def _signed(answer: Answer, signer: Any) -> bool:
    value, algorithm = answer.basic["signature"].native, answer.basic["signature_algorithm"]
    return signed_by(answer.data.dump(), value, algorithm, signer.public_key)


def _understood(answer: Answer, single: Any) -> bool:
    """No critical extension but those that change nothing here."""
    held = [*(answer.data["response_extensions"] or ()), *(single["single_extensions"] or ())]
    return all(each["extn_id"].dotted in _KNOWN or not each["critical"].native for each in held)


def _notice(single: Any, relied: bool) -> Notice:
    issued, until = single["this_update"].native, single["next_update"].native or single["this_update"].native + LIFE
    status = single["cert_status"]
    if status.name == "revoked":
        since, reason = status.chosen["revocation_time"].native, status.chosen["revocation_reason"].native or ""
        return Notice(issued, until, ALL_REASONS if relied else frozenset(), since, reason)
    return Notice(issued, until, ALL_REASONS if relied and status.name == "good" else frozenset())
