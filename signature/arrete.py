"""Article 5 of the arrêté of 22 March 2019 on electronic signature in public procurement (annexe 12 of the code).

The verification is at least five points, in this order: identity of the signer, category of the certificate
(article 2), format (article 3), certificate neither expired nor revoked at the date of signature, integrity.
It may be automated, except the identity of the signer: the evidence says what a person has to compare.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from signature.facts import CertificateFacts, SignatureFacts
from signature.qualification import listed
from signature.qualify import Qualified
from signature.trust import TrustList

PARIS = ZoneInfo("Europe/Paris")
_NOT_IDENTIFIED = {"NO_CERTIFICATE_CHAIN_FOUND", "NO_SIGNING_CERTIFICATE_FOUND", "SIG_CRYPTO_FAILURE"}
_CERTIFICATE_BAD = {
    "REVOKED", "REVOKED_NO_POE", "REVOKED_CA_NO_POE", "EXPIRED", "OUT_OF_BOUNDS_NO_POE", "NOT_YET_VALID",
}  # fmt: skip
_SEAL = "Certificat de cachet (personne morale) : un cachet n’est pas la signature d’une personne."
_BROKEN = {"HASH_FAILURE", "SIG_CRYPTO_FAILURE", "FORMAT_FAILURE"}


@dataclass(frozen=True)
class Point:
    """One of the five points; `holds` is None where nothing can be concluded."""

    number: int
    holds: bool | None
    evidence: str


@dataclass(frozen=True)
class Arrete2019:
    """The five points and the answer; `receivable` is None without a trusted list, or where a point is open."""

    points: tuple[Point, ...]
    receivable: bool | None


def examine(facts: SignatureFacts, sub: str | None, trust_list: TrustList | None, moment: datetime) -> Arrete2019:
    """The five points for one signature; `sub` is the folded ETSI sub-indication, None where all is well."""
    points = (
        _identity(facts, sub),
        _category(facts, sub, trust_list, moment),
        _format(facts, sub),
        _validity(facts, sub, moment),
        _integrity(facts, sub),
    )
    if trust_list is None:
        return Arrete2019(points, None)
    if any(point.holds is False for point in points) or sub in _BROKEN:
        return Arrete2019(points, False)
    return Arrete2019(points, True if sub is None and all(point.holds for point in points) else None)


def _identity(facts: SignatureFacts, sub: str | None) -> Point:
    if facts.certificate is None:
        return Point(1, False, "Aucun certificat de signataire n’a pu être lu.")
    who = f"{facts.certificate.title}, certificat n° {facts.certificate.serial} émis par « {facts.certificate.issuer} »"
    if sub in _NOT_IDENTIFIED and not facts.stamp_refused:
        return Point(1, False, f"Le certificat désigne {who}, mais rien ne garantit cette identité.")
    advice = "Une personne doit comparer cette identité avec celle du signataire attendu et son pouvoir."
    return Point(1, True if facts.chain else None, f"{who}. {advice}")


def _category(facts: SignatureFacts, sub: str | None, trust_list: TrustList | None, moment: datetime) -> Point:
    certificate = facts.certificate
    if certificate is None:
        return Point(2, False, "Aucun certificat de signataire n’a pu être lu.")
    if trust_list is None:
        if certificate.claims_seal:
            return Point(2, False, _SEAL)
        claim = "se déclare qualifié" if certificate.claims_qualified else "ne se déclare pas qualifié"
        return Point(2, None, f"Le certificat {claim} ; sans liste de confiance, cela ne peut être confirmé.")
    if not facts.chain and sub == "SIGNED_DATA_NOT_FOUND":
        return Point(2, None, "Le certificat n’est pas examiné tant que le fichier signé manque.")
    answer = listed(facts, trust_list, moment)
    if answer.conflict:
        return Point(2, None, f"{answer.conflict} Une personne doit examiner ce certificat.")
    if answer.for_signatures and answer.since is not None:
        return Point(2, True, f"Certificat qualifié de signature ; {_inscribed(answer, answer.since)}.")
    if answer.for_seals or certificate.claims_seal:
        return Point(2, False, _SEAL)
    return Point(2, False, _unlisted(certificate) + _not_read(trust_list))


def _inscribed(answer: Qualified, since: datetime) -> str:
    service = f"service « {answer.service_name} » ({answer.territory})" if answer.service_name else "service"
    return f"{service} inscrit à la liste de confiance depuis le {_date(since)}"


def _not_read(trust_list: TrustList) -> str:
    count = len(trust_list.unread)
    if not count:
        return ""
    several = "services de la liste n’ont pas pu être lus entièrement"
    one = "service de la liste n’a pas pu être lu entièrement"
    return f" Remarque : {count} {several if count > 1 else one}."


def _unlisted(certificate: CertificateFacts) -> str:
    start = "Le certificat se dit qualifié, mais son émetteur" if certificate.claims_qualified else "L’émetteur"
    return (
        f"{start} ne figure pas pour cela à la liste de confiance à ces dates. "
        "Il reste à démontrer des exigences équivalentes (article 2, II, 2°), ce qu’une personne examine."
    )


def _format(facts: SignatureFacts, sub: str | None) -> Point:
    if not facts.ades:
        lacks = {"PAdES": "CMS sans les attributs exigés", "CAdES": "CMS sans les attributs exigés"}
        why = lacks.get(facts.format, "les propriétés signées manquent")
        return Point(3, False, f"La signature n’est pas au format {facts.format} ({why}).")
    if sub == "FORMAT_FAILURE":
        return Point(3, False, f"La signature se présente comme {facts.format}, mais sa forme n’est pas acceptable.")
    return Point(3, True, f"{facts.format}, niveau {facts.level}.")


def _validity(facts: SignatureFacts, sub: str | None, moment: datetime) -> Point:
    certificate = facts.certificate
    if certificate is None:
        return Point(4, None, "Aucun certificat de signataire n’a pu être lu.")
    span = f"Certificat valable du {_date(certificate.not_before)} au {_date(certificate.not_after)}"
    absent = "sans horodatage" if facts.level.endswith("B") else "horodatage non retenu"
    when = "horodatée le" if facts.timestamp else f"{absent}, examinée le"
    text = f"{span} ; signature {when} {_date(moment)}"
    if facts.revoked_at is not None:
        text += f" ; certificat révoqué le {_date(facts.revoked_at)}"
    if sub is None:
        return Point(4, True, f"{text} ; non révoqué à cette date.")
    return Point(4, False if sub in _CERTIFICATE_BAD else None, f"{text}.")


def _integrity(facts: SignatureFacts, sub: str | None) -> Point:
    if sub in _BROKEN:
        return Point(5, False, facts.tampered or facts.reason or "Le document ou la signature a été modifié.")
    if sub == "SIGNED_DATA_NOT_FOUND":
        return Point(5, None, "Le fichier signé n’a pas été donné : rien ne peut être dit de son intégrité.")
    if facts.format != "PAdES" and not facts.whole:
        return Point(5, None, "Ce qui est signé est intact, mais une partie de ce qui est remis n’est pas signée.")
    if facts.changes:
        return Point(5, True, "Le contenu signé est intact ; ajouts permis depuis : " + " ; ".join(facts.changes) + ".")
    extent = "tout le fichier est signé" if facts.whole else "la version signée est entière"
    if facts.covers:
        extent = "signé : " + ", ".join(facts.covers)
    return Point(5, True, f"Le contenu signé est intact ; {extent}.")


def _date(moment: datetime) -> str:
    return moment.astimezone(PARIS).strftime("%d/%m/%Y à %H:%M")
