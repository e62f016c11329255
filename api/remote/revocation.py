"""Ask whether certificates are revoked: OCSP (RFC 6960), else the authority's list. Answers are not judged here."""

from collections.abc import Iterable

import structlog
from cryptography import x509
from cryptography.x509 import ocsp

from api.remote.fetch import fetch
from procurement.errors import Unavailable
from signature.facts import Need
from signature.trust import Trust
from siret_lookup.http import Network

SECONDS = 5.0
_OCSP_BYTES, _CRL_BYTES = 64 * 1024, 20 * 1024 * 1024
_HEADERS = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
log = structlog.get_logger("mps.revocation")


def ask(needs: Iterable[Need], net: Network) -> Trust:
    """The answers had, as material for a verification; what nobody answered is missing from it."""
    ocsps: list[bytes] = []
    crls: list[bytes] = []
    for need in needs:
        if (answer := _ocsp(need, net)) is not None:
            ocsps.append(answer)
        elif (content := _crl(need, net)) is not None:
            crls.append(content)
    return Trust(crls=tuple(dict.fromkeys(crls)), ocsps=tuple(ocsps))


def _ocsp(need: Need, net: Network) -> bytes | None:
    for url in need.responders:
        try:
            content = fetch(url, net, _OCSP_BYTES, SECONDS, "Le répondeur OCSP", body=need.request, headers=_HEADERS)
            if ocsp.load_der_ocsp_response(content).response_status == ocsp.OCSPResponseStatus.SUCCESSFUL:
                return content
        except (Unavailable, ValueError) as error:
            log.info("no OCSP answer", url=url, problem=str(error))
    return None


def _crl(need: Need, net: Network) -> bytes | None:
    for url in need.crls:
        try:
            content = fetch(url, net, _CRL_BYTES, SECONDS, "La liste de révocation")
            x509.load_der_x509_crl(content)
            return content
        except (Unavailable, ValueError) as error:
            log.info("no CRL", url=url, problem=str(error))
    return None
