"""The verification report in French words, for a judge: what was examined, what was found, on what it rests.

Plain data, which api/verification_pdf.py draws. The same files, trust and moment give the same words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from shlex import quote

from cryptography import x509
from cryptography.x509.oid import NameOID

from signature.arrete import PARIS, Point
from signature.explain import RECEIVABLE, TECHNICAL, answered, received
from signature.trust import Trust, TrustedService
from signature.verdict import Report, SignatureVerdict

TITLE = "Rapport de vérification de signatures électroniques"
POINTS = {
    1: "Identité du signataire", 2: "Catégorie du certificat", 3: "Format de la signature",
    4: "Certificat ni expiré ni révoqué", 5: "Intégrité du document",
}  # fmt: skip
_HOLDS = {True: "Oui", False: "Non", None: "Ne peut être affirmé"}
_NATURE = {
    "QESig": "signature électronique qualifiée",
    "AdESig-QC": "signature avancée reposant sur un certificat qualifié",
    "AdESig": "signature avancée",
    "QESeal": "cachet électronique qualifié",
    "AdESeal-QC": "cachet avancé reposant sur un certificat qualifié",
    "AdESeal": "cachet avancé",
    "Unknown-QC": "les listes de confiance ne permettent pas de conclure",
    "Not AdES": "n’est pas une signature avancée valable",
    "N/A": "sans objet",
}
UNSEALED = (
    "Ce rapport n’est pas scellé : rien ne prouve qu’il n’a pas été modifié. "
    "Il se vérifie en le refaisant, comme il est dit ci-dessous."
)
SEALED = "Ce rapport porte le cachet électronique de qui l’a établi : toute modification s’y verrait."
MOST_NAMED = 12


@dataclass(frozen=True)
class Examined:
    """One file that was verified: digest of its bytes (SHA-256, hexadecimal), its size (bytes), and the report.

    `beside`: (name, digest) of the files given with it. `error` is the sentence where it could not be read.
    """

    name: str
    sha256: str
    size: int
    report: Report | None
    error: str = ""
    beside: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls, name: str, content: bytes, report: Report | None, error: str = "", beside: dict[str, bytes] | None = None
    ) -> "Examined":
        found = tuple((other, sha256(document).hexdigest()) for other, document in (beside or {}).items())
        return cls(name, sha256(content).hexdigest(), len(content), report, error, found)


@dataclass(frozen=True)
class SignaturePart:
    """One signature: (label, value) rows, then (point, answer, finding) for each of the five."""

    title: str
    rows: list[tuple[str, str]]
    points: list[tuple[str, str, str]]


@dataclass(frozen=True)
class FilePart:
    """One file; `digests` are (name, SHA-256) of all that was given for it."""

    name: str
    summary: str
    digests: list[tuple[str, str]]
    signatures: list[SignaturePart]
    unsigned: list[str]
    notes: list[str]


@dataclass(frozen=True)
class Paper:
    """The whole report, in words."""

    title: str
    moment: str
    seal: str
    files: list[FilePart]
    trusted: list[tuple[str, str]]
    again: list[str]
    command: list[str]


def told(examined: Sequence[Examined], trust: Trust, now: datetime, *, sealed: bool) -> Paper:
    """The words of a report on these files, judged with `trust` as of `now` (aware)."""
    return Paper(
        title=TITLE,
        moment=f"{_date(now)} (heure de Paris), soit {now.isoformat()}",
        seal=SEALED if sealed else UNSEALED,
        files=[_file(each) for each in examined],
        trusted=list(_trusted(trust)),
        again=[
            "Le même rapport s’obtient avec les mêmes fichiers (mêmes empreintes), les mêmes autorités et listes de "
            "révocation, et la même date, par le logiciel libre mps, sans réseau :",
            "Un service de validation d’un autre éditeur lit le rapport XML (ETSI TS 119 102-2) tiré du même examen, "
            "ou refait l’examen sur les mêmes fichiers. Les conclusions techniques suivent ETSI EN 319 102-1 ; les "
            "cinq points, l’article 5 de l’arrêté du 22 mars 2019 (ECOM1830224A), annexe 12 du code de la commande "
            "publique. La première vérification, celle de l’identité du signataire, revient à une personne.",
        ],
        command=list(_command(examined, trust, now)),
    )


def _command(examined: Sequence[Examined], trust: Trust, now: datetime) -> Iterator[str]:
    """The command, one stretch a line; in capitals, the files of which the reader has his own copy."""
    yield "mps sign verify " + " ".join(quote(each.name) for each in examined)
    yield from (f"--content {quote(name)}" for name in dict.fromkeys(n for each in examined for n, _ in each.beside))
    listed = trust.trust_list is not None and trust.trust_list.origins
    if listed:
        yield "--trust-list LISTE.xml --trust-list-cert SIGNATAIRE.pem"
    if trust.anchors and not listed:
        yield "--anchor AUTORITE.pem --cert INTERMEDIAIRE.pem"
    if trust.crls:
        yield "--crl REVOCATIONS.crl"
    yield f"--at {now.isoformat()}"
    yield "--report RAPPORT.pdf --xml RAPPORT.xml"


def _file(each: Examined) -> FilePart:
    report = each.report
    signatures = report.signatures if report else ()
    return FilePart(
        name=each.name,
        summary=_summary(each),
        digests=[
            (f"{each.name} ({each.size} octets)", each.sha256) if each.size else (each.name, "non lu"),
            *each.beside,
        ],
        signatures=[_signature(number, one, signatures) for number, one in enumerate(signatures, 1)],
        unsigned=list(report.unsigned) if report and report.signatures else [],
        notes=list(report.notes) if report else [],
    )


def _summary(each: Examined) -> str:
    report = each.report
    if report is None:
        return f"Ce fichier n’a pas pu être examiné. {each.error}"
    if not report.signatures:
        return "Ce fichier ne porte aucune signature électronique."
    count = len(report.signatures)
    good = sum(one.indication == "TOTAL-PASSED" for one in report.signatures)
    found = f"{count} signature{'s' if count > 1 else ''} ({report.format})"
    sentence = f"{found}, dont {good or 'aucune'} techniquement valide{'s' if good > 1 else ''}."
    if report.unsigned and not report.holds and good == count:
        sentence += " Une partie de ce qui a été remis n’est pas signée."
    return sentence


def _signature(number: int, one: SignatureVerdict, every: Sequence[SignatureVerdict]) -> SignaturePart:
    count = f" {number}" if len(every) > 1 else ""
    code = f" [{one.indication}{f' / {one.sub_indication}' if one.sub_indication else ''}]"
    rows = [
        (TECHNICAL, f"{answered(one)}{code}. {one.reason}"),
        (RECEIVABLE, received(one)),
        ("Signataire", one.signer),
        ("Certificat", _certificate(one)),
        ("Format et niveau", f"{one.format}, niveau {one.level} ; signature « {one.field} »"),
        ("Meilleure date prouvée", _best(one)),
        ("Nature (règlement eIDAS)", _nature(one.qualification)),
        ("Portée", _scope(one)),
        ("Changé après la signature", _changed(one)),
    ]
    return SignaturePart(f"Signature{count} de {one.signer}", rows, [_point(p) for p in one.arrete_2019.points])


def _point(point: Point) -> tuple[str, str, str]:
    return f"{point.number}. {POINTS[point.number]}", _HOLDS[point.holds], point.evidence


def _certificate(one: SignatureVerdict) -> str:
    found = one.certificate
    if found is None:
        return "Aucun certificat de signataire n’a pu être lu."
    digest = one.facts.evidence.certificate
    mark = f" ; empreinte SHA-256 {sha256(digest).hexdigest()}" if digest else ""
    span = f"valable du {_date(found.not_before)} au {_date(found.not_after)}"
    return f"n° {found.serial}, émis par « {found.issuer} », {span}{mark}"


def _best(one: SignatureVerdict) -> str:
    claimed = one.facts.evidence.claimed
    said = f" Le signataire a inscrit la date du {_date(claimed)}, que rien ne garantit." if claimed else ""
    if one.timestamped:
        return f"{_date(one.best_time)}, par un horodatage vérifié.{said}"
    why = "La signature n’est pas horodatée" if one.level.endswith("B") else "L’horodatage n’a pas été retenu"
    return f"{why} : elle est examinée au {_date(one.best_time)}, date de la vérification.{said}"


def _nature(qualification: str) -> str:
    unsure = qualification.startswith("Indeterminate ")
    words = _NATURE.get(qualification.removeprefix("Indeterminate "), "nature inconnue")
    return f"{'ne peut être affirmée ; au mieux : ' if unsure else ''}{words} ({qualification})"


def _scope(one: SignatureVerdict) -> str:
    if one.covers:
        return "Est signé : " + ", ".join(one.covers)
    if one.covers_whole_document:
        return "Tout le fichier"
    if one.format == "PAdES" and one.signed_length:
        return (
            f"Les {one.signed_length} premiers octets du fichier, c’est-à-dire la version que cette personne a signée"
        )
    return "Une partie du fichier, ou rien de certain"


def _changed(one: SignatureVerdict) -> str:
    if one.changes_after:
        return "Ajouts permis : " + " ; ".join(one.changes_after) + "."
    if one.facts.tampered:
        return one.facts.tampered
    if one.sub_indication in ("HASH_FAILURE", "FORMAT_FAILURE", "SIG_CRYPTO_FAILURE"):
        return one.reason
    if one.sub_indication == "SIGNED_DATA_NOT_FOUND":
        return "Rien ne peut en être dit : le fichier signé n’a pas été donné."
    return "Rien de ce qui est signé n’a changé, et rien n’y a été ajouté."


def _trusted(trust: Trust) -> Iterator[tuple[str, str]]:
    services = trust.trust_list.services if trust.trust_list else ()
    for origin in trust.trust_list.origins if trust.trust_list else ():
        number = f"n° {origin.sequence}, émise le {_date(origin.issued)} ; fichier SHA-256 {origin.sha256}"
        yield f"Liste de confiance {origin.territory}".strip(), number
    if trust.trust_list and not trust.trust_list.origins:
        names = ", ".join(dict.fromkeys(_service(each) for each in services[:MOST_NAMED]))
        yield "Services de confiance", f"donnés sans liste signée (bac à sable) : {names}"
    if trust.trust_list is None:
        yield "Liste de confiance", "aucune : la qualification et la recevabilité ne peuvent être affirmées"
    listed = {der for service in services for der in service.all_certificates}
    yield from _named("Autorité acceptée", [der for der in trust.anchors if der not in listed])
    if not trust.anchors:
        yield "Autorités acceptées", "aucune"
    if count := len(trust.crls) + len(trust.ocsps):
        digest = sha256(b"".join(sha256(der).digest() for der in (*trust.crls, *trust.ocsps))).hexdigest()
        yield "Preuves de révocation données", f"{count}, outre celles des fichiers ; ensemble SHA-256 {digest}"


def _service(service: TrustedService) -> str:
    return service.name or _subject(service.certificate)


def _named(label: str, certificates: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    for der in certificates[:MOST_NAMED]:
        yield label, f"« {_subject(der)} », certificat SHA-256 {sha256(der).hexdigest()}"
    if len(certificates) > MOST_NAMED:
        yield label, f"et {len(certificates) - MOST_NAMED} autres"


def _subject(der: bytes) -> str:
    subject = x509.load_der_x509_certificate(der).subject
    found = subject.get_attributes_for_oid(NameOID.COMMON_NAME) or list(subject)
    return str(found[0].value) if found else "sans nom"


def _date(moment: datetime) -> str:
    return moment.astimezone(PARIS).strftime("%d/%m/%Y à %H:%M:%S")
