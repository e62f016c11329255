"""Remote signing over the Cloud Signature Consortium's API, versions 1.0.4 and 2.0: digests leave, keys stay there.

PIN, one-time code and SAD travel in bodies only; no exception keeps the request that carried them.
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from pydantic import SecretStr

from api.context import Context
from api.remote.csc_provider import SANDBOX_TOKEN, CscProvider
from procurement.errors import Refused, Unavailable
from siret_lookup.http import Network

SECONDS = 20.0
MAX_BYTES = 512 * 1024
MAX_CREDENTIALS = 20
SHA256 = "2.16.840.1.101.3.4.2.1"
RSA_SHA256, RSA, ECDSA_SHA256 = "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.1", "1.2.840.10045.4.3.2"
_CHUNK = 16_384
_SILENT = "Le service de signature ne répond pas : réessayez plus tard."
_ODD = "Le service de signature a donné une réponse inattendue : réessayez plus tard."
_CLOSED = "Le service de signature refuse notre accès : l’administrateur doit vérifier le réglage MPS_CSC_PROVIDERS."
# `error` of an answer → what the signer reads.
_SENTENCES = {
    "invalid_pin": "Le code PIN n’est pas le bon.",
    "invalid_otp": "Le code à usage unique n’est pas le bon.",
    "access_denied": "Ce certificat est verrouillé pour le moment : voyez avec le service de signature, ou attendez.",
}


@dataclass(frozen=True, slots=True)
class Credential:
    """A key that the service keeps, with its chain (DER, signer first); `multisign`: how many digests at once."""

    id: str
    certificates: tuple[bytes, ...]
    algorithms: tuple[str, ...]
    scal2: bool
    multisign: int


def providers(context: Context) -> tuple[CscProvider, ...]:
    """Those of the settings, else the sandbox's where it stands in."""
    own, base = context.settings.csc_providers, context.services.get("csc")
    if own or not base:
        return own
    return (CscProvider("bac-a-sable", "Signature à distance du bac à sable", base, "v2", SecretStr(SANDBOX_TOKEN)),)


def credentials(provider: CscProvider, network: Network = Network()) -> tuple[Credential, ...]:
    """The keys that can sign now with a PIN or a code. Raises Unavailable, Refused."""
    refused = "Le service de signature n’a pas donné vos certificats : recommencez plus tard."
    listed = _call(provider, network, "credentials/list", {"maxResults": MAX_CREDENTIALS}, refused)
    names = _texts(listed, "credentialIDs")[:MAX_CREDENTIALS]
    asked = {"certificates": "chain", "certInfo": True, "authInfo": True}
    told = [(n, _call(provider, network, "credentials/info", {"credentialID": n, **asked}, refused)) for n in names]
    return tuple(_credential(name, body) for name, body in told if _usable(body))


def _usable(body: Mapping[str, Any]) -> bool:
    """Enabled, its certificate valid, and authorised by what a form can ask (no redirection, no automatism)."""
    key, certificate = _object(body, "key"), _object(body, "cert")
    mode = body.get("authMode") or (body["auth"].get("mode") if isinstance(body.get("auth"), dict) else None)
    return key.get("status") == "enabled" and certificate.get("status", "valid") == "valid" and mode == "explicit"


def _credential(name: str, body: Mapping[str, Any]) -> Credential:
    certificates = tuple(_decoded(text) for text in _texts(_object(body, "cert"), "certificates"))
    multisign = body.get("multisign", 1)
    if not certificates or not isinstance(multisign, int):
        raise Unavailable(_ODD)
    _key_of(certificates[0])
    algorithms = tuple(_texts(_object(body, "key"), "algo"))
    return Credential(name, certificates, algorithms, str(body.get("SCAL")) == "2", max(1, multisign))


def authorize(
    provider: CscProvider,
    credential_id: str,
    digests: Sequence[bytes],
    pin: str,
    otp: str = "",
    network: Network = Network(),
) -> SecretStr:
    """The right to sign these SHA-256 digests, and no other (the SAD). Raises Refused (wrong PIN…), Unavailable."""
    encoded = _encoded(digests)
    asked: dict[str, Any] = {"credentialID": credential_id, "numSignatures": len(encoded)}
    given = {name: value for name, value in (("PIN", pin), ("OTP", otp)) if value}
    if provider.version == "v1":
        asked |= {"hash": encoded, **given}
    else:
        asked |= {"hashes": encoded, "hashAlgorithmOID": SHA256}
        asked["authData"] = [{"id": name, "value": value} for name, value in given.items()]
    refused = "Le service de signature n’a pas autorisé la signature : vérifiez vos codes, puis recommencez."
    sad = _call(provider, network, "credentials/authorize", asked, refused).get("SAD")
    if not isinstance(sad, str) or not sad:
        raise Unavailable(_ODD)
    return SecretStr(sad)


def sign_hashes(
    provider: CscProvider,
    credential: Credential,
    sad: SecretStr,
    digests: Sequence[bytes],
    network: Network = Network(),
) -> tuple[bytes, ...]:
    """One signature per SHA-256 digest, each checked with the certificate's key; ECDSA in DER. Raises as authorize."""
    encoded, key = _encoded(digests), _key_of(credential.certificates[0])
    asked: dict[str, Any] = {"credentialID": credential.id, "SAD": sad.get_secret_value()}
    asked["signAlgo"] = _algorithm(credential, key)
    if provider.version == "v1":
        asked |= {"hash": encoded, "hashAlgo": SHA256}
    else:
        asked |= {"hashes": encoded, "hashAlgorithmOID": SHA256, "operationMode": "S"}
    refused = "L’autorisation de signer n’est plus valable, ou n’est pas pour ce document : recommencez la signature."
    signatures = _texts(_call(provider, network, "signatures/signHash", asked, refused), "signatures")
    if len(signatures) != len(digests):
        raise Unavailable(_ODD)
    return tuple(_checked(key, _decoded(text), digest) for text, digest in zip(signatures, digests, strict=True))


PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def _key_of(certificate: bytes) -> PublicKey:
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except ValueError:
        raise Unavailable(_ODD) from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise Refused("La clé de ce certificat n’est ni RSA ni ECDSA : elle ne peut pas signer ici.")
    return key


def _algorithm(credential: Credential, key: PublicKey) -> str:
    wanted = (RSA_SHA256, RSA) if isinstance(key, rsa.RSAPublicKey) else (ECDSA_SHA256,)
    found = [name for name in wanted if name in credential.algorithms]
    if not found:
        raise Refused("Ce certificat ne signe qu’avec un algorithme que nous n’employons pas.")
    return found[0]


def _checked(key: PublicKey, signature: bytes, digest: bytes) -> bytes:
    """The signature, if it is one of that digest. Some services give ECDSA as its two numbers side by side."""
    candidates = [signature]
    if isinstance(key, ec.EllipticCurvePublicKey) and len(signature) == 2 * ((key.key_size + 7) // 8):
        half = len(signature) // 2
        numbers = (int.from_bytes(part) for part in (signature[:half], signature[half:]))
        candidates.append(encode_dss_signature(*numbers))
    for candidate in candidates:
        if _verifies(key, candidate, digest):
            return candidate
    raise Unavailable(_ODD)


def _verifies(key: PublicKey, signature: bytes, digest: bytes) -> bool:
    prehashed = Prehashed(hashes.SHA256())
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), prehashed)
        else:
            key.verify(signature, digest, ec.ECDSA(prehashed))
    except InvalidSignature:
        return False
    return True


def _encoded(digests: Sequence[bytes]) -> list[str]:
    if not digests or any(len(digest) != 32 for digest in digests):
        raise ValueError("SHA-256 digests are expected, one at least")
    return [base64.b64encode(digest).decode() for digest in digests]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise Unavailable(_ODD) from None


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    if not isinstance(found, dict):
        raise Unavailable(_ODD)
    return found


def _texts(body: Mapping[str, Any], name: str) -> list[str]:
    found = body.get(name)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Unavailable(_ODD)
    return found


def _call(
    provider: CscProvider, network: Network, method: str, asked: Mapping[str, Any], refused: str
) -> Mapping[str, Any]:
    """One POST; `refused` is what is told when the service says no without a reason of its own."""
    answer = _exchange(provider, network, method, json.dumps(asked).encode())
    if answer is None:
        raise Unavailable(_SILENT)
    status, body = answer
    if status == 200 and body is not None:
        return body
    error = body.get("error") if body is not None else None
    if isinstance(error, str) and 400 <= status < 500 and error in _SENTENCES:
        raise Refused(_SENTENCES[error])
    if status in (401, 403):
        raise Unavailable(_CLOSED)
    if isinstance(error, str) and status in (400, 404, 409, 422):
        raise Refused(refused)
    raise Unavailable(_ODD)


def _exchange(
    provider: CscProvider, network: Network, method: str, content: bytes
) -> tuple[int, Mapping[str, Any] | None] | None:
    """Status and JSON object (None where it is not one); None where nothing came in time.

    It swallows the transport's exceptions whole: they hold the request, hence the PIN.
    """
    headers = {
        "Authorization": f"Bearer {provider.token.get_secret_value()}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }
    url = f"{provider.url}/csc/{provider.version}/{method}"
    deadline = time.monotonic() + SECONDS
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = dict(network.proxies)
        try:
            answer = session.post(
                url, data=content, headers=headers, timeout=(network.connect_seconds, SECONDS), stream=True,
                allow_redirects=False, verify=network.ca_file or True,
            )  # fmt: skip
            return answer.status_code, _json(_read(answer, deadline))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
            return None


def _read(answer: requests.Response, deadline: float) -> bytes:
    """The body, empty where it is too big. Raises OSError past the deadline."""
    content = bytearray()
    for chunk in answer.raw.stream(_CHUNK, decode_content=False):
        content += chunk
        if time.monotonic() > deadline:
            raise TimeoutError
        if len(content) > MAX_BYTES:
            return b""
    return bytes(content)


def _json(content: bytes) -> Mapping[str, Any] | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


__all__ = ["Credential", "CscProvider", "authorize", "credentials", "providers", "sign_hashes"]
