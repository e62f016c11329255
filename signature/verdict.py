"""From what was measured in a signature to our verdict: ETSI EN 319 102-1 and the arrêté of 22 March 2019.

Sub-indications are the standard's names; two time guards and the changes made after signing are folded in here,
because the engine alone lets them pass.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from signature.arrete import Arrete2019, examine
from signature.facts import CertificateFacts, SignatureFacts
from signature.qualification import qualification
from signature.trust import TrustList

Indication = Literal["TOTAL-PASSED", "TOTAL-FAILED", "INDETERMINATE"]
FAILED = {"FORMAT_FAILURE", "HASH_FAILURE", "SIG_CRYPTO_FAILURE", "REVOKED", "EXPIRED", "NOT_YET_VALID"}
CLOCK_TOLERANCE = timedelta(minutes=2)
_TIME_DECIDES = {
    "OK",
    "OUT_OF_BOUNDS_NO_POE",
    "OUT_OF_BOUNDS_NOT_REVOKED",
    "REVOKED_NO_POE",
    "NO_POE",
    "CERTIFICATE_CHAIN_GENERAL_FAILURE",
    "TRY_LATER",
}


@dataclass(frozen=True)
class SignatureVerdict:
    """One signature. `best_time` is when it is known to have existed: its timestamp, else the time of the check.

    `scope` is FULL or PARTIAL; `covers` names the files or elements that are signed, empty for the file that holds the
    signature; `signed_length` is how far into a PDF it reaches (bytes); `changes_after` says in French what was added
    after it, allowed or not;
    `reason` is one French sentence on the indication; `written` is what the signer wrote as its reason, unverified;
    `facts` are what was measured, for the reports.
    """

    field: str
    format: str
    indication: Indication
    sub_indication: str | None
    reason: str
    qualification: str
    level: str
    signer: str
    certificate: CertificateFacts | None
    best_time: datetime
    timestamped: bool
    scope: Literal["FULL", "PARTIAL"]
    covers_whole_document: bool
    covers: tuple[str, ...]
    signed_length: int
    changes_after: tuple[str, ...]
    arrete_2019: Arrete2019
    facts: SignatureFacts
    written: str = ""

    @property
    def is_seal(self) -> bool:
        """A legal person's seal, by its certificate or by the list: nobody's signature."""
        return "Seal" in self.qualification or (self.certificate is not None and self.certificate.claims_seal)


@dataclass(frozen=True)
class Report:
    """One file: `format` is PAdES, XAdES, CAdES, ASiC-S, ASiC-E, or PDF, XML, ZIP where nothing is signed.

    `unsigned` names what no signature covers; `notes` are warnings that change no verdict.
    """

    format: str
    signatures: tuple[SignatureVerdict, ...]
    unsigned: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """At least one signature, every one of them TOTAL-PASSED, and outside PDF nothing left that none covers.

        In a PDF a later signature's empty field is unsigned too, and harmless.
        """
        left = bool(self.unsigned) and self.format != "PAdES"
        return bool(self.signatures) and not left and all(s.indication == "TOTAL-PASSED" for s in self.signatures)

    def as_dict(self) -> dict[str, Any]:
        """The JSON of `mps sign verify`: dates in ISO 8601, tuples as lists; without the bytes of the facts."""
        shape = asdict(self)
        for signature in shape["signatures"]:
            del signature["facts"]
        return {key: _plain(value) for key, value in shape.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def judge(
    facts: SignatureFacts, trust_list: TrustList | None, now: datetime, not_before: datetime | None = None
) -> SignatureVerdict:
    """The verdict on one signature. `not_before`: when the signature is known not to have existed yet."""
    sub, reason = _sub_indication(facts, now, not_before)
    indication: Indication = "TOTAL-PASSED" if sub is None else "TOTAL-FAILED" if sub in FAILED else "INDETERMINATE"
    best_time = facts.timestamp or now
    signer = facts.certificate.title if facts.certificate else "signataire inconnu"
    return SignatureVerdict(
        field=facts.field,
        format=facts.format,
        indication=indication,
        sub_indication=sub,
        reason=reason,
        qualification=qualification(facts, trust_list, indication, best_time),
        level=facts.level,
        signer=signer,
        certificate=facts.certificate,
        best_time=best_time,
        timestamped=facts.timestamp is not None,
        scope="FULL" if facts.whole else "PARTIAL",
        covers_whole_document=facts.whole,
        covers=facts.covers,
        signed_length=facts.length,
        changes_after=facts.changes,
        arrete_2019=examine(facts, sub, trust_list, best_time),
        written=facts.written,
        facts=facts,
    )


def _sub_indication(facts: SignatureFacts, now: datetime, not_before: datetime | None) -> tuple[str | None, str]:
    sub = facts.sub_indication
    if sub in ("FORMAT_FAILURE", "HASH_FAILURE", "SIG_CRYPTO_FAILURE"):
        return sub, facts.reason or SENTENCES[sub]
    if facts.tampered:
        return "FORMAT_FAILURE", facts.tampered
    if sub in _TIME_DECIDES and facts.certificate is not None:
        sub = _guard_time(facts, facts.certificate, sub, now)
    if not_before is not None:
        sub = _known_too_late(facts, sub, not_before)
    if sub == "OK":
        return None, "La signature, le certificat et le document sont bons."
    return sub, (facts.reason if sub == facts.sub_indication else "") or SENTENCES.get(sub, sub)


def _guard_time(facts: SignatureFacts, certificate: CertificateFacts, sub: str, now: datetime) -> str:
    moment = facts.timestamp
    if moment is None:
        alone = facts.level.endswith("B") and sub != "REVOKED_NO_POE"
        inside = certificate.not_before <= now <= certificate.not_after
        return "OUT_OF_BOUNDS_NO_POE" if alone and not inside else sub
    if moment > now + CLOCK_TOLERANCE:
        return "TIMESTAMP_ORDER_FAILURE"
    if moment < certificate.not_before:
        return "NOT_YET_VALID"
    return "OUT_OF_BOUNDS_NO_POE" if moment > certificate.not_after else sub


def _known_too_late(facts: SignatureFacts, sub: str, not_before: datetime) -> str:
    if sub == "REVOKED_NO_POE" and facts.revoked_at is not None and not_before >= facts.revoked_at:
        return "REVOKED"
    if sub == "OUT_OF_BOUNDS_NO_POE" and facts.certificate is not None and not_before > facts.certificate.not_after:
        return "EXPIRED"
    if sub == "OK" and facts.timestamp is not None and facts.timestamp + CLOCK_TOLERANCE < not_before:
        return "TIMESTAMP_ORDER_FAILURE"
    return sub


SENTENCES = {
    "FORMAT_FAILURE": "La signature ou le document qui la porte n’a pas une forme sûre.",
    "HASH_FAILURE": "Le document a été modifié après la signature : l’empreinte signée n’est plus la sienne.",
    "SIG_CRYPTO_FAILURE": "La signature ne correspond pas à la clé du certificat.",
    "REVOKED": "Le certificat était révoqué avant la signature.",
    "EXPIRED": "Le certificat était expiré avant la signature.",
    "NOT_YET_VALID": "La signature est antérieure à la validité du certificat.",
    "SIG_CONSTRAINTS_FAILURE": "La signature ne respecte pas les contraintes attendues.",
    "CHAIN_CONSTRAINTS_FAILURE": "Le certificat n’est pas fait pour signer (usage de la clé).",
    "CERTIFICATE_CHAIN_GENERAL_FAILURE": (
        "La chaîne de certificats n’a pas pu être vérifiée entièrement ; "
        "il manque le plus souvent une liste de révocation à jour."
    ),
    "CRYPTO_CONSTRAINTS_FAILURE": "Un algorithme trop faible a été employé (par exemple SHA-1 ou une clé RSA courte).",
    "CRYPTO_CONSTRAINTS_FAILURE_NO_POE": "Un algorithme devenu trop faible a été employé, sans preuve de date.",
    "NO_SIGNING_CERTIFICATE_FOUND": "Le certificat du signataire ne peut être désigné avec certitude.",
    "NO_CERTIFICATE_CHAIN_FOUND": "Le certificat n’est rattaché à aucune autorité à laquelle il est fait confiance.",
    "TIMESTAMP_ORDER_FAILURE": "La date de l’horodatage est impossible (dans le futur, ou avant le document).",
    "REVOKED_NO_POE": "Le certificat est révoqué, et rien ne prouve que la signature soit antérieure.",
    "REVOKED_CA_NO_POE": "Une autorité de la chaîne est révoquée, et rien ne prouve que la signature soit antérieure.",
    "OUT_OF_BOUNDS_NO_POE": "Rien ne prouve que la signature ait été faite pendant la validité du certificat.",
    "OUT_OF_BOUNDS_NOT_REVOKED": "Rien ne prouve que la signature ait été faite pendant la validité du certificat.",
    "SIGNED_DATA_NOT_FOUND": "Le fichier signé n’a pas été donné : la signature ne peut être vérifiée sans lui.",
    "NO_POE": "Il manque une preuve de la date à laquelle un élément existait.",
    "TRY_LATER": "L’état de révocation connu n’est pas assez récent : réessayez avec une liste plus récente.",
}
