"""The sandbox's remote signing service: the Cloud Signature Consortium's API, 1.0.4.0 and 2.0, in front of SoftHSM2.

Two keys of one invented person, made at the first request (a second or two), behind one PIN. Authorisations (SAD) are
bound to their digests, used once, for a minute; they and the wrong PINs live in the application.
"""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.remote.csc_provider import SANDBOX_TOKEN
from api.sandbox import pki, softhsm
from api.sandbox.companies import book

PIN = "271828"
COMPANY, PERSON = "BOULANGERIE TOUT VA BIEN", "Nadia Faure"
MAX_BYTES = 65_536
MULTISIGN = 20
LIFE = timedelta(seconds=60)
TRIES, LOCKED = 3, timedelta(minutes=15)
SHA256 = "2.16.840.1.101.3.4.2.1"
ABSENT = "SoftHSM2 n’est pas installé sur cette machine : le bac à sable ne peut pas signer à distance."

Json = dict[str, Any]
Asked = Mapping[str, Any]


@dataclass(frozen=True)
class Holding:
    """A credential of the service: its key's kind, size in bits, and the algorithms it signs with."""

    id: str
    kind: softhsm.Kind
    length: int
    algorithms: tuple[str, ...]
    person: str = PERSON
    company: str = COMPANY


HOLDINGS = {
    holding.id: holding
    for holding in (
        Holding("boulangerie-rsa", "rsa", softhsm.RSA_BITS, ("1.2.840.113549.1.1.11", "1.2.840.113549.1.1.1")),
        Holding("boulangerie-p256", "ec", 256, ("1.2.840.10045.4.3.2",)),
        Holding("ville-p256", "ec", 256, ("1.2.840.10045.4.3.2",), "Amina Berger", "VILLE DE DÉMONSTRATION"),
    )
}


class Problem(Exception):
    """An error answer of the API."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


@dataclass(frozen=True)
class Permit:
    """What one SAD allows: these digests of that credential, until then."""

    credential: str
    digests: tuple[bytes, ...]
    until: datetime


@dataclass
class Desk:
    """The service's state. `wrong`: credential → wrong PINs in a row, and when the last one came."""

    folder: Path
    clock: Callable[[], datetime]
    library: str
    permits: dict[str, Permit] = field(default_factory=dict)
    wrong: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


def create_app(folder: Path, clock: Callable[[], datetime], library: str | None = softhsm.find_library()) -> Starlette:
    """`POST /csc/{v1|v2}/{method}`; without SoftHSM2 every answer is 503. `folder` is the PKI's."""
    desk = Desk(folder, clock, library) if library else None

    async def post(request: Request) -> Response:
        try:
            if desk is None:
                raise Problem("temporarily_unavailable", ABSENT, 503)
            method = _method(request)
            asked = await _asked(request)
            version = request.path_params["version"]
            return JSONResponse(await run_in_threadpool(partial(method, desk, version, asked)))
        except Problem as problem:
            return JSONResponse({"error": problem.error, "error_description": problem.description}, problem.status)

    return Starlette(routes=[Route("/csc/{version}/{method:path}", post, methods=["POST"])])


def _method(request: Request) -> Callable[[Desk, str, Asked], Json]:
    method = METHODS.get(request.path_params["method"])
    if method is None or request.path_params["version"] not in SPECS:
        raise Problem("invalid_request", "This method or version does not exist.", 404)
    given = request.headers.get("authorization", "")
    if method is not _info and not secrets.compare_digest(given.encode(), f"Bearer {SANDBOX_TOKEN}".encode()):
        raise Problem("invalid_token", "The access token is missing or invalid.", 401)
    return method


async def _asked(request: Request) -> Asked:
    if int(request.headers.get("content-length", MAX_BYTES + 1)) > MAX_BYTES:
        raise Problem("invalid_request", "The request is too big.", 413)
    try:
        asked = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise Problem("invalid_request", "The request is not a JSON object.")
    return asked


# Methods: each takes the desk, the version and the request's object, and gives the answer's.

SPECS = {"v1": "1.0.4.0", "v2": "2.0.0.2"}


def _info(desk: Desk, version: str, asked: Asked) -> Json:
    told: Json = {
        "specs": SPECS[version],
        "name": "Signature à distance du bac à sable mps",
        "logo": "https://bac-a-sable.example/logo.png",
        "region": "FR",
        "lang": "fr-FR",
        "description": f"Clés inventées, sans valeur. Le code PIN de {PERSON} ({COMPANY}) est {PIN}.",
        "authType": ["external"],
        "methods": [name for name in METHODS if name != "info"],
    }
    if version == "v2":
        told["signAlgorithms"] = {"algos": [name for holding in HOLDINGS.values() for name in holding.algorithms]}
        told["asynchronousOperationMode"] = False
    return told


def _list(desk: Desk, version: str, asked: Asked) -> Json:
    answer: Json = {"credentialIDs": list(HOLDINGS)}
    if version == "v2" and asked.get("credentialInfo") is True:
        answer["credentialInfos"] = [
            {"credentialID": name, **_credential(desk, version, {**asked, "credentialID": name})} for name in HOLDINGS
        ]
    return answer


def _credential(desk: Desk, version: str, asked: Asked) -> Json:
    holding = _holding(asked)
    chain = [_certificate(desk, holding), *(pki.certificate(desk.folder, name) for name in ("issuing", "root"))]
    shown = {"none": [], "single": chain[:1], "chain": chain}.get(str(asked.get("certificates", "single")))
    if shown is None:
        raise Problem("invalid_request", "Invalid parameter certificates")
    key: Json = {"status": "enabled", "algo": list(holding.algorithms), "len": holding.length}
    if holding.kind == "ec":
        key["curve"] = "1.2.840.10045.3.1.7"
    encoded = [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in shown]
    cert: Json = {"status": "valid", "certificates": encoded}
    if asked.get("certInfo") is True:
        cert |= _told(chain[0])
    answer = {"description": f"{PERSON}, {COMPANY}", "key": key, "cert": cert, "multisign": MULTISIGN, "lang": "fr-FR"}
    return answer | {"SCAL": "2"} | _authentication(version)


def _told(certificate: x509.Certificate) -> Json:
    moments = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    start, end = (moment.strftime("%Y%m%d%H%M%SZ") for moment in moments)
    return {
        "issuerDN": certificate.issuer.rfc4514_string(),
        "serialNumber": f"{certificate.serial_number:x}",
        "subjectDN": certificate.subject.rfc4514_string(),
        "validFrom": start,
        "validTo": end,
    }


def _authentication(version: str) -> Json:
    words = {"label": "Code PIN", "description": "Le code PIN de votre certificat"}
    if version == "v1":
        pin = {"presence": "true", "format": "N", **words}
        return {"authMode": "explicit", "PIN": pin, "OTP": {"presence": "false"}}
    return {"auth": {"mode": "explicit", "objects": [{"type": "Password", "id": "PIN", "format": "N", **words}]}}


def _authorize(desk: Desk, version: str, asked: Asked) -> Json:
    holding, digests, count = _holding(asked), _digests(asked, version), asked.get("numSignatures")
    if type(count) is not int or count < 1:
        raise Problem("invalid_request", "Missing (or invalid type) integer parameter numSignatures")
    if count > MULTISIGN:
        raise Problem("invalid_request", "Numbers of signatures is too high")
    if count != len(digests):
        raise Problem("invalid_request", "Invalid parameter numSignatures")
    if version == "v2":
        _check_digest_algorithm(asked, "hashAlgorithmOID")
    _check_pin(desk, holding, _pin(asked, version))
    sad, now = secrets.token_urlsafe(32), desk.clock()
    with desk.lock:
        desk.permits = {key: permit for key, permit in desk.permits.items() if now < permit.until + LOCKED}
        desk.permits[sad] = Permit(holding.id, tuple(sorted(digests)), now + LIFE)
    return {"SAD": sad, "expiresIn": int(LIFE.total_seconds())}


def _pin(asked: Asked, version: str) -> str:
    given = asked.get("PIN")
    if version == "v2":
        objects = asked.get("authData")
        listed = [each for each in objects if isinstance(each, dict)] if isinstance(objects, list) else []
        given = next((each.get("value") for each in listed if each.get("id") == "PIN"), None)
    if not isinstance(given, str) or not given:
        raise Problem("invalid_request", "Missing (or invalid type) string parameter PIN")
    return given


def _check_pin(desk: Desk, holding: Holding, given: str) -> None:
    """Three wrong ones in a row lock the credential for a quarter of an hour."""
    now = desk.clock()
    with desk.lock:
        count, last = desk.wrong.get(holding.id, (0, now))
        if count >= TRIES and now < last + LOCKED:
            raise Problem("access_denied", "The credential is locked after too many wrong PINs.")
        if secrets.compare_digest(given.encode(), PIN.encode()):
            desk.wrong.pop(holding.id, None)
            return
        desk.wrong[holding.id] = (count % TRIES + 1, now)
    raise Problem("invalid_pin", "The PIN is invalid")


def _sign(desk: Desk, version: str, asked: Asked) -> Json:
    holding, digests = _holding(asked), _digests(asked, version)
    algorithm = _text(asked, "signAlgo")
    if algorithm not in holding.algorithms:
        raise Problem("invalid_request", "Invalid parameter signAlgo")
    name = "hashAlgo" if version == "v1" else "hashAlgorithmOID"
    if name in asked or algorithm == "1.2.840.113549.1.1.1":
        _check_digest_algorithm(asked, name)
    if version == "v2" and asked.get("operationMode", "S") != "S":
        raise Problem("invalid_request", "Invalid parameter operationMode")
    _use(desk, holding, _text(asked, "SAD"), digests)
    _certificate(desk, holding)
    signatures = softhsm.sign_digests(_token(desk), holding.id, digests)
    return {"signatures": [base64.b64encode(each).decode() for each in signatures]}


def _use(desk: Desk, holding: Holding, sad: str, digests: list[bytes]) -> None:
    """The SAD is spent, whatever the answer."""
    with desk.lock:
        permit = desk.permits.pop(sad, None)
    if permit is None or permit.credential != holding.id:
        raise Problem("invalid_request", "Invalid parameter SAD")
    if desk.clock() >= permit.until:
        raise Problem("invalid_request", "The SAD has expired")
    if permit.digests != tuple(sorted(digests)):
        raise Problem("invalid_request", "Hash is not authorized by the SAD")


METHODS: dict[str, Callable[[Desk, str, Asked], Json]] = {
    "info": _info,
    "credentials/list": _list,
    "credentials/info": _credential,
    "credentials/authorize": _authorize,
    "signatures/signHash": _sign,
}


# What a request says


def _text(asked: Asked, name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        raise Problem("invalid_request", f"Missing (or invalid type) string parameter {name}")
    return value


def _holding(asked: Asked) -> Holding:
    holding = HOLDINGS.get(_text(asked, "credentialID"))
    if holding is None:
        raise Problem("invalid_request", "Invalid parameter credentialID")
    return holding


def _digests(asked: Asked, version: str) -> list[bytes]:
    name = "hash" if version == "v1" else "hashes"
    listed = asked.get(name)
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise Problem("invalid_request", f"Missing (or invalid type) array parameter {name}")
    if not listed:
        raise Problem("invalid_request", f"Empty {name} array")
    try:
        digests = [base64.b64decode(each, validate=True) for each in listed]
    except ValueError:
        raise Problem("invalid_request", f"Invalid Base64 {name} string parameter") from None
    if any(len(digest) != 32 for digest in digests):
        raise Problem("invalid_request", f"Invalid length of {name}")
    return digests


def _check_digest_algorithm(asked: Asked, name: str) -> None:
    if _text(asked, name) != SHA256:
        raise Problem("invalid_request", f"Invalid parameter {name}")


# Keys and certificates, in `csc/` of the PKI's folder


def _token(desk: Desk) -> softhsm.Token:
    return softhsm.Token(desk.folder / "csc", desk.library)


def _certificate(desk: Desk, holding: Holding) -> x509.Certificate:
    """The credential's, its key made on the token if there is none yet."""
    path = desk.folder / "csc" / f"{holding.id}.der"
    if not path.exists():
        pki.ensure(desk.folder, desk.clock())
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with pki.locked(path.parent):
            if not path.exists():
                _make(desk, holding, path)
    return x509.load_der_x509_certificate(path.read_bytes())


def _make(desk: Desk, holding: Holding, path: Path) -> None:
    key = softhsm.generate(softhsm.prepare(path.parent, desk.library), holding.id, holding.kind)
    siret = next(company for company in book().companies if company.name == holding.company).head_office.siret
    pki.write(path, pki.issue_for_key(desk.folder, key, holding.person, holding.company, siret, now=desk.clock()))
