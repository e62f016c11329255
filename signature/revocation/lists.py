"""Revocation lists (RFC 5280, 5 and 6.3): complete, partial, delta, indirect."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from asn1crypto import crl as asn1_crl
from cryptography import x509

from signature.revocation.notices import (
    ALL_REASONS,
    HELD,
    LIFE,
    LIFTED,
    Bounds,
    Cleared,
    Notice,
    inside,
    issued_by,
    relied_on,
    signed_by,
    uses,
)

_KNOWN = {"issuing_distribution_point", "delta_crl_indicator", "authority_key_identifier", "crl_number",
          "issuer_alt_name", "freshest_crl", "authority_information_access"}  # fmt: skip


@dataclass(frozen=True)
class List:
    """One list, read twice: `rows` finds a number quickly, `form` says who may speak in it."""

    form: Any
    rows: x509.CertificateRevocationList

    @cached_property
    def scope(self) -> Any:
        return self.form.issuing_distribution_point_value

    @property
    def indirect(self) -> bool:
        return self.scope is not None and bool(self.scope["indirect_crl"].native)

    @property
    def issued(self) -> datetime:
        return self.rows.last_update_utc

    @property
    def complete(self) -> bool:
        """Is it whole, and is everything in it understood?"""
        return self.form.delta_crl_indicator_value is None and self.form.critical_extensions <= _KNOWN


@lru_cache(maxsize=32)
def read(der: bytes) -> List | None:
    """None where it cannot be read: then it says nothing."""
    try:
        found = List(asn1_crl.CertificateList.load(der), x509.load_der_x509_crl(der))
        _ = found.scope, found.complete, found.form.issuer.native, found.rows.extensions
        return found
    except (ValueError, TypeError, KeyError):
        return None


def notices(
    certificate: Any, above: Sequence[Any], each: List, others: Sequence[Any], cleared: Cleared, bounds: Bounds
) -> Iterator[Notice]:
    """What a list says of a certificate; `above`: its issuer first, up to the anchor; `others` may sign lists."""
    named = _named(certificate, each)
    if each.form.issuer != above[0].subject and not (named and each.indirect):
        return
    signer = _signer(each, certificate, above, others, cleared, bounds)
    if signer is not None:
        strong = relied_on(each.form["signature_algorithm"], signer.public_key, bounds.moment)
        speaks = strong and each.complete and named is not False
        yield _notice(each, certificate, _reasons(each, certificate) if speaks else frozenset())


def _named(certificate: Any, each: List) -> bool | None:
    """Do the certificate's distribution points name this list's issuer? None: they name nobody."""
    names = [name for point in certificate.crl_distribution_points_value or () for name in point["crl_issuer"] or ()]
    if not names:
        return None
    return any(name.name == "directory_name" and name.chosen == each.form.issuer for name in names)


def _signer(
    each: List, certificate: Any, above: Sequence[Any], others: Sequence[Any], cleared: Cleared, bounds: Bounds
) -> Any:
    """The certificate whose key signed the list: the issuer's, or one that an authority above made for lists."""
    name, own = each.form.issuer, certificate.dump()
    for authority in above:
        if authority.subject == name and uses(authority, "crl_sign") is not False and _signed(each, authority):
            return authority
    for other in others:
        times = [each.issued] if bounds.retroactive else [each.issued, bounds.moment]
        alive = all(inside(other, moment) for moment in times)
        if alive and other.subject == name and uses(other, "crl_sign") and other.dump() != own:
            parents = [number for number, authority in enumerate(above) if issued_by(other, authority)]
            if parents and _signed(each, other) and cleared(other, above[parents[0] :]):
                return other
    return None


def _signed(each: List, signer: Any) -> bool:
    algorithm = each.form["signature_algorithm"]
    same = algorithm.dump() == each.form["tbs_cert_list"]["signature"].dump()
    return same and signed_by(each.rows.tbs_certlist_bytes, each.rows.signature, algorithm, signer.public_key)


def _notice(each: List, certificate: Any, reasons: frozenset[str]) -> Notice:
    until = each.rows.next_update_utc or each.issued + LIFE
    row = _row(each, certificate)
    if row is None:
        return Notice(each.issued, until, reasons)
    reason = _reason(row)
    if reason == LIFTED:  # in a delta: the suspension of its base ended, which is no proof that nothing else came
        return Notice(each.issued, until, frozenset({HELD}))
    return Notice(each.issued, until, reasons, row.revocation_date_utc, reason)


def _row(each: List, certificate: Any) -> x509.RevokedCertificate | None:
    """In an indirect list a number is one of the issuer that the entries before it named last (RFC 5280, 5.3.3)."""
    number = certificate.serial_number
    if not each.indirect:
        return each.rows.get_revoked_certificate_by_serial_number(number)
    issuer, wanted = each.form.issuer.dump(), certificate.issuer.dump()
    for row in each.rows:
        try:
            names = row.extensions.get_extension_for_class(x509.CertificateIssuer).value
            issuer = next(n.value.public_bytes() for n in names if isinstance(n, x509.DirectoryName))
        except (x509.ExtensionNotFound, StopIteration):
            pass
        if row.serial_number == number and issuer == wanted:
            return row
    return None


def _reason(row: x509.RevokedCertificate) -> str:
    try:
        reason = row.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except (x509.ExtensionNotFound, ValueError):
        return ""
    return {"certificateHold": HELD, "removeFromCRL": LIFTED}.get(reason.value, reason.name)


def _reasons(each: List, certificate: Any) -> frozenset[str]:
    """The reasons for which the silence of the list counts: none where the certificate is outside its scope."""
    if each.scope is None:
        return ALL_REASONS
    constraints = certificate.basic_constraints_value
    authority = constraints is not None and bool(constraints["ca"].native)
    outside = (
        (each.scope["only_contains_user_certs"].native and authority)
        or (each.scope["only_contains_ca_certs"].native and not authority)
        or each.scope["only_contains_attribute_certs"].native
        or not _point_fits(each, certificate)
    )
    some = each.scope["only_some_reasons"].native
    return frozenset() if outside else ALL_REASONS if some is None else ALL_REASONS & some


def _point_fits(each: List, certificate: Any) -> bool:
    """Is the list's distribution point one of the certificate's (RFC 5280, 6.3.3 b 2)?"""
    if each.scope["distribution_point"].native is None:
        return True
    wanted = _names(each.scope["distribution_point"])
    points = certificate.crl_distribution_points_value
    if points is None:
        return False
    held: set[bytes] = set()
    for point in points:
        named = point["distribution_point"].native is not None
        held |= _names(point["distribution_point"]) if named else {n.dump() for n in point["crl_issuer"] or ()}
    return bool(wanted & held)


def _names(point: Any) -> set[bytes]:
    return {name.dump() for name in point.chosen} if point.name == "full_name" else {point.chosen.dump()}
