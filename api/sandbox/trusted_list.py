"""The sandbox's trusted lists (ETSI TS 119 612, version 6): a French one, and a list of lists that points to it.

Each is signed (XAdES baseline B, enveloped) when asked for, by a signer of its own. They name invented services only.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import SignatureMethod
from signxml.util import SigningSettings
from signxml.xades.xades import XAdESDataObjectFormat, XAdESSigner
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.sandbox import pki
from api.sandbox.certificates import Authority

TSL, EXTRA = "http://uri.etsi.org/02231/v2#", "http://uri.etsi.org/02231/v2/additionaltypes#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
MEDIA_TYPE = "application/vnd.etsi.tsl+xml"
URI = "http://uri.etsi.org/TrstSvc"
GRANTED, WITHDRAWN = f"{URI}/TrustedList/Svcstatus/granted", f"{URI}/TrustedList/Svcstatus/withdrawn"
CA_QC, QTST = f"{URI}/Svctype/CA/QC", f"{URI}/Svctype/TSA/QTST"
_FOR = f"{URI}/TrustedList/SvcInfoExt"
_SIGNATURES, _SEALS = f"{_FOR}/ForeSignatures", f"{_FOR}/ForeSeals"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_NAMES: Any = {None: TSL, "tslx": EXTRA}
_OPERATOR = "Bac à sable mps (sans valeur)"
# Six months at most between two issues (TS 119 612, 5.3.15).
LIFE = timedelta(days=182)


@dataclass(frozen=True)
class _Scheme:
    """What sets one list apart from the other."""

    territory: str
    kind: str
    name: str
    rules: tuple[str, ...]
    determination: str


_FRENCH = _Scheme("FR", "EUgeneric", "FR:Liste de confiance du bac à sable", ("EUcommon", "FR"), "EUappropriate")
_EUROPEAN = _Scheme(
    "EU", "EUlistofthelists", "EU:Liste des listes du bac à sable", ("EUlistofthelists",), "EUlistofthelists"
)


@dataclass(frozen=True)
class _State:
    """The state of a service since a moment, and for what (`SvcInfoExt` URIs)."""

    status: str
    since: datetime
    uses: tuple[str, ...] = ()


def routes(folder: Path, clock: Callable[[], datetime]) -> list[Route]:
    """`GET /tl-fr.xml` and `GET /lotl.xml`, each naming the other by its address."""

    def french(request: Request) -> Response:
        return Response(trusted_list(folder, _base(request), clock()), media_type=MEDIA_TYPE)

    def european(request: Request) -> Response:
        return Response(list_of_lists(folder, _base(request), clock()), media_type=MEDIA_TYPE)

    return [Route("/tl-fr.xml", french), Route("/lotl.xml", european)]


def _base(request: Request) -> str:
    return str(request.url.replace(query="")).rpartition("/")[0]


def trusted_list(folder: Path, base: str, now: datetime, withdrawn: datetime | None = None) -> bytes:
    """The French list: the issuing authority (CA/QC) and the time stamps (TSA/QTST), as of `now`.

    `base` is where `/lotl.xml` answers. `withdrawn`: since when the issuing authority is no longer granted.
    """
    signer, pointed = pki.delegate(folder, "list", now), pki.delegate(folder, "lotl", now)
    root = _root(_FRENCH, now, (f"{base}/lotl.xml", _EUROPEAN, pointed.certificate))
    providers = _add(root, "TrustServiceProviderList")
    provider = _add(providers, "TrustServiceProvider")
    _provider(provider)
    services = _add(provider, "TSPServices")
    issuing, tsa = pki.certificate(folder, "issuing"), pki.certificate(folder, "tsa")
    start = issuing.not_valid_before_utc
    # At first for signatures only, a year later for seals too: the history keeps the first state.
    states = [_State(GRANTED, start + pki.YEAR, (_SIGNATURES, _SEALS)), _State(GRANTED, start, (_SIGNATURES,))]
    if withdrawn is not None:
        states.insert(0, _State(WITHDRAWN, withdrawn, (_SIGNATURES, _SEALS)))
    _service(services, CA_QC, issuing, pki.ISSUING_NAME, states)
    _service(services, QTST, tsa, pki.TSA_NAME, [_State(GRANTED, tsa.not_valid_before_utc)])
    return _signed(root, signer, now)


def list_of_lists(folder: Path, base: str, now: datetime) -> bytes:
    """The list of lists as of `now`: it points to `base`/tl-fr.xml and names its signer."""
    signer, pointed = pki.delegate(folder, "lotl", now), pki.delegate(folder, "list", now)
    return _signed(_root(_EUROPEAN, now, (f"{base}/tl-fr.xml", _FRENCH, pointed.certificate)), signer, now)


Pointer = tuple[str, _Scheme, x509.Certificate]


def _root(scheme: _Scheme, now: datetime, pointer: Pointer) -> Any:
    """The list with its SchemeInformation, whose order is the schema's (clause 5.3)."""
    root = etree.Element(f"{{{TSL}}}TrustServiceStatusList", nsmap=_NAMES)
    root.set("TSLTag", f"{URI.replace('TrstSvc', '19612')}/TSLTag")
    root.set("Id", f"tl-{scheme.territory.lower()}")
    told = _add(root, "SchemeInformation")
    _add(told, "TSLVersionIdentifier", "6")
    _add(told, "TSLSequenceNumber", str(int(now.timestamp()) // 60))
    _add(told, "TSLType", f"{URI}/TrustedList/TSLType/{scheme.kind}")
    _words(told, "SchemeOperatorName", "Name", _OPERATOR)
    _address(told, "SchemeOperatorAddress")
    _words(told, "SchemeName", "Name", scheme.name)
    _words(told, "SchemeInformationURI", "URI", "https://bac-a-sable.example/liste")
    _add(told, "StatusDeterminationApproach", f"{URI}/TrustedList/StatusDetn/{scheme.determination}")
    _rules(told, scheme)
    _add(told, "SchemeTerritory", scheme.territory)
    _words(told, "PolicyOrLegalNotice", "TSLLegalNotice", "Liste inventée, sans valeur juridique.")
    _add(told, "HistoricalInformationPeriod", "65535")
    _pointer(_add(told, "PointersToOtherTSL"), *pointer)
    _add(told, "ListIssueDateTime", _moment(now))
    _add(_add(told, "NextUpdate"), "dateTime", _moment(now + LIFE))
    return root


def _pointer(parent: Any, address: str, scheme: _Scheme, signer: x509.Certificate) -> None:
    other = _add(parent, "OtherTSLPointer")
    identity = _add(_add(other, "ServiceDigitalIdentities"), "ServiceDigitalIdentity")
    _add(_add(identity, "DigitalId"), "X509Certificate", _certificate(signer))
    _add(other, "TSLLocation", address)
    more = _add(other, "AdditionalInformation")
    _add(_add(more, "OtherInformation"), "TSLType", f"{URI}/TrustedList/TSLType/{scheme.kind}")
    _words(_add(more, "OtherInformation"), "SchemeOperatorName", "Name", _OPERATOR)
    _rules(_add(more, "OtherInformation"), scheme)
    _add(_add(more, "OtherInformation"), "SchemeTerritory", scheme.territory)
    _add(_add(more, "OtherInformation"), f"{{{EXTRA}}}MimeType", MEDIA_TYPE)


def _provider(parent: Any) -> None:
    told = _add(parent, "TSPInformation")
    _words(told, "TSPName", "Name", _OPERATOR)
    _words(told, "TSPTradeName", "Name", "NTRFR-000000001")
    _address(told, "TSPAddress")
    _words(told, "TSPInformationURI", "URI", "https://bac-a-sable.example/")


def _service(parent: Any, kind: str, certificate: x509.Certificate, name: str, states: list[_State]) -> None:
    """`states`: the present one first, then the past ones, newest first (clause 5.6)."""
    service = _add(parent, "TSPService")
    _state(_add(service, "ServiceInformation"), kind, certificate, name, states[0], whole=True)
    if states[1:]:
        history = _add(service, "ServiceHistory")
        for state in states[1:]:
            _state(_add(history, "ServiceHistoryInstance"), kind, certificate, name, state, whole=False)


def _state(parent: Any, kind: str, certificate: x509.Certificate, name: str, state: _State, *, whole: bool) -> None:
    _add(parent, "ServiceTypeIdentifier", kind)
    _words(parent, "ServiceName", "Name", name)
    identity = _add(parent, "ServiceDigitalIdentity")
    _add(_add(identity, "DigitalId"), "X509Certificate", _certificate(certificate))
    if whole:
        _add(_add(identity, "DigitalId"), "X509SubjectName", certificate.subject.rfc4514_string())
    _add(_add(identity, "DigitalId"), "X509SKI", _key_identifier(certificate))
    _add(parent, "ServiceStatus", state.status)
    _add(parent, "StatusStartingTime", _moment(state.since))
    extensions = _add(parent, "ServiceInformationExtensions") if state.uses else None
    for use in state.uses:
        extension = _add(extensions, "Extension")
        extension.set("Critical", "true")
        words = _add(_add(extension, "AdditionalServiceInformation"), "URI", use)
        words.set(_LANG, "en")


def _signed(root: Any, signer: Authority, now: datetime) -> bytes:
    """The list with its signature inside (TS 119 612, 5.7 and annex B), declared at `now`."""
    how = XAdESDataObjectFormat("Liste de confiance", "text/xml")
    maker = _Signer(now, data_object_format=how, signature_algorithm=SignatureMethod.ECDSA_SHA256)
    done = maker.sign(root, always_add_key_value=False, key=signer.key, cert=[signer.certificate])
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(done, encoding="utf-8")


class _Signer(XAdESSigner):
    """signxml's, with the moment given instead of the machine's."""

    def __init__(self, now: datetime, **how: Any) -> None:
        super().__init__(**how)
        self.now = now

    def add_signing_time(
        self, signed_signature_properties: Any, sig_root: Any, signing_settings: SigningSettings
    ) -> None:
        """Write SigningTime, the first of the signed properties."""
        node = etree.SubElement(signed_signature_properties, f"{{{XADES}}}SigningTime")
        node.text = _moment(self.now)


def _address(parent: Any, tag: str) -> None:
    node = _add(parent, tag)
    postal = _add(_add(node, "PostalAddresses"), "PostalAddress")
    postal.set(_LANG, "fr")
    for part, text in (("StreetAddress", "1 rue Inventée"), ("Locality", "Essai"), ("CountryName", "FR")):
        _add(postal, part, text)
    electronic = _add(node, "ElectronicAddress")
    for address in ("mailto:liste@bac-a-sable.example", "https://bac-a-sable.example/"):
        _add(electronic, "URI", address).set(_LANG, "fr")


def _rules(parent: Any, scheme: _Scheme) -> None:
    node = _add(parent, "SchemeTypeCommunityRules")
    for rule in scheme.rules:
        _add(node, "URI", f"{URI}/TrustedList/schemerules/{rule}").set(_LANG, "en")


def _words(parent: Any, tag: str, inner: str, text: str) -> None:
    """The same words under both languages that a list must have (clause 5.1.4: English at least)."""
    node = _add(parent, tag)
    for language in ("en", "fr"):
        _add(node, inner, text).set(_LANG, language)


def _add(parent: Any, tag: str, text: str | None = None) -> Any:
    node = etree.SubElement(parent, tag if tag.startswith("{") else f"{{{TSL}}}{tag}")
    node.text = text
    return node


def _certificate(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def _key_identifier(certificate: x509.Certificate) -> str:
    found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return base64.b64encode(found.value.digest).decode()


def _moment(moment: datetime) -> str:
    """To the second, in UTC, with Z (clause 5.1.3)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
