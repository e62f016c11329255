"""What must be asked so that a signature can be judged, or kept for long: the revocation of its certificates.

Only addresses written in a certificate whose path was verified up to an authority that is trusted already: a stranger's
certificate sends nobody anywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from signature.certificates import linked
from signature.facts import Need
from signature.trust import Trust
from signature.verify import measured

MOST = 12


def needs(content: bytes, trust: Trust, now: str, files: Mapping[str, bytes] | None = None) -> tuple[Need, ...]:
    """For every signature and timestamp of a file that leads to an anchor; `now` in ISO 8601. Raises Unreadable."""
    found = measured(content, trust, datetime.fromisoformat(now), None, dict(files or {}))
    chains = dict.fromkeys(chain for facts in found.signatures for chain in (facts.chain, facts.timestamp_chain))
    wanted = dict.fromkeys(need for chain in chains for need in _of(chain, trust))
    return tuple(wanted)[:MOST]


def _of(chain: Sequence[bytes], trust: Trust) -> Iterator[Need]:
    if not chain or chain[-1] not in trust.anchors or not linked(chain):
        return
    for certificate, issuer in pairwise(chain):
        if certificate in trust.anchors:
            return
        need = _need(x509.load_der_x509_certificate(certificate), x509.load_der_x509_certificate(issuer))
        if need.responders or need.crls:
            yield need


def _need(certificate: x509.Certificate, issuer: x509.Certificate) -> Need:
    # SHA-1 names the issuer here, it proves nothing; it is what every responder understands (RFC 6960, 4.3).
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303
    request = builder.build().public_bytes(Encoding.DER)
    return Need(request, tuple(_responders(certificate)), tuple(_lists(certificate)))


def _responders(certificate: x509.Certificate) -> Iterator[str]:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return
    for each in access:
        if each.access_method == AuthorityInformationAccessOID.OCSP:
            yield from _addresses([each.access_location])


def _lists(certificate: x509.Certificate) -> Iterator[str]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return
    for point in points:
        yield from _addresses(point.full_name or [])


def _addresses(names: Sequence[x509.GeneralName]) -> Iterator[str]:
    for name in names:
        if isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith(("http://", "https://")):
            yield name.value
