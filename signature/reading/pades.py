"""Reading a signed PDF: fields, byte ranges, later changes, validation material; one SignatureFacts per signature."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from pyhanko.pdf_utils.crypt import AuthStatus
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    DiffResult,
    FormUpdatingRule,
    ModificationLevel,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
)
from pyhanko.sign.fields import MDPPerm, enumerate_sig_fields
from pyhanko.sign.validation import DocumentSecurityStore, EmbeddedPdfSignature
from pyhanko.sign.validation.errors import NoDSSFoundError, SignatureValidationError
from pyhanko.sign.validation.generic_cms import message_imprint_checker
from pyhanko.sign.validation.status import SignatureCoverageLevel

from signature.certificates import certificate_facts
from signature.engine import STANDARD_NAMES, Candidate, Outcome, Stamp, assess, stamps_of
from signature.errors import Unreadable
from signature.facts import Embedded, Measured, SignatureFacts, SignedObject, broken
from signature.reading.evidence import evidence_of
from signature.trust import Trust

log = logging.getLogger(__name__)

# The default policy takes a new appearance of a form field for filling in: the « shadow replace » attack.
_CREATION: Any = SigFieldCreationRule
STRICT_DIFF = StandardDiffPolicy(
    global_rules=DEFAULT_DIFF_POLICY.global_rules,
    form_rule=FormUpdatingRule(field_rules=[_CREATION(), SigFieldModificationRule()]),
)


def measure(pdf: bytes, trust: Trust, now: datetime, not_before: datetime | None) -> Measured:
    """Read every signature of a PDF, in the order of the file. Raises Unreadable."""
    reader = _open(pdf)
    try:
        fields = _once(enumerate_sig_fields(reader))
        stamps = _stamp_fields(fields)
        signed = [f for f in fields if f[1] is not None and f not in stamps]
        empty = tuple(f"Champ de signature vide : « {name} »" for name, value, _ in fields if value is None)
        times = [_document_stamp(pdf, reader, field, name) for name, _, field in stamps]
        check = _Check(pdf, reader, trust, now, not_before, tuple(times), _store(reader))
    except Exception as error:
        raise Unreadable("Le fichier est un PDF abîmé : ses champs de signature sont illisibles.") from error
    uses = Counter(_place(value) for _, value, _ in signed)
    pairs = sorted(
        (
            check.one(name, field) if uses[_place(value)] == 1 else (0, broken(name, "FORMAT_FAILURE", SHARED))
            for name, value, field in signed
        ),
        key=lambda pair: pair[0],
    )
    kind = "PAdES" if signed else "PDF"
    return Measured(kind, tuple(facts for _, facts in pairs), _unsigned(pdf, [end for end, _ in pairs], stamps) + empty)


def _stamp_fields(fields: list[Any]) -> list[Any]:
    """The fields of document timestamps."""
    return [f for f in fields if f[1] is not None and f[1].get_object().get("/Type") == "/DocTimeStamp"]


def stamped_until(pdf: bytes) -> datetime | None:
    """When the certificate of the last document timestamp ends; None where there is none. Raises Unreadable."""
    reader = _open(pdf)
    try:
        fields = _stamp_fields(_once(enumerate_sig_fields(reader)))
        stamps = [EmbeddedPdfSignature(reader, field, name) for name, _, field in fields]
        last = max(stamps, key=lambda stamp: stamp.signed_revision, default=None)
        return None if last is None else last.signer_cert.not_valid_after
    except Exception as error:
        raise Unreadable("L’horodatage de ce PDF est illisible.") from error


def _once(found: Iterator[Any]) -> list[Any]:
    """Each signature field once, however often the form lists it."""
    return list({_place(field): (name, value, field) for name, value, field in found}.values())


def _place(holder: Any) -> Any:
    """Where an object stands in the file; an object written in place is only itself."""
    return getattr(holder, "reference", None) or getattr(holder, "container_ref", None) or id(holder)


def _open(pdf: bytes) -> Any:
    tail = pdf[pdf.rfind(b"%%EOF") :]
    if len(tail) > 1024 or b" obj" in tail:
        raise Unreadable("Le fichier est un PDF incomplet : sa fin manque.")
    try:
        reader = PdfFileReader(BytesIO(pdf), strict=False)
        if reader.encrypted and reader.decrypt("").status == AuthStatus.FAILED:
            raise Unreadable("Le PDF est protégé par un mot de passe : il ne peut être examiné.")
        reader.root.get("/Pages")
        if reader.total_revisions < 1 or "/Pages" not in reader.root:
            raise Unreadable("Le fichier est un PDF abîmé : il n’a pas de pages.")
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable("Le fichier est un PDF abîmé ou incomplet : il ne peut être lu.") from error
    return reader


def _unsigned(pdf: bytes, ends: list[int], stamps: list[Any]) -> tuple[str, ...]:
    if not ends:
        return ("Le document entier : il ne porte aucune signature.",)
    rest = pdf[max(ends) :].strip()
    if max(ends) and rest and not stamps:
        return (f"{len(rest)} octets à la fin du fichier, ajoutés après la dernière signature",)
    return ()


def _document_stamp(pdf: bytes, reader: Any, field: Any, name: str) -> tuple[int, Stamp | None]:
    """The revision a document timestamp covers, and its token; None where its byte range is not a plain one."""
    embedded = EmbeddedPdfSignature(reader, field, name)
    if not _plain_byte_range(embedded, pdf):
        return embedded.signed_revision, None
    start, first, second, length = (int(n) for n in embedded.byte_range)
    covered = pdf[start:first], pdf[second : second + length]

    def imprint(digest: str) -> bytes:
        value = hashlib.new(digest)
        for part in covered:
            value.update(part)
        return value.digest()

    return embedded.signed_revision, Stamp(embedded.signed_data, imprint)


def _store(reader: Any) -> Embedded:
    """The document security store (EN 319 142-1, 5.4.2)."""
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return Embedded()
    return Embedded(
        tuple(certificate.dump() for certificate in store.load_certs()),
        tuple(ref.get_object().data for ref in store.crls),
        tuple(ref.get_object().data for ref in store.ocsps),
    )


@dataclass(frozen=True)
class _Check:
    """What is the same for every signature of one file; `stamps`: each document timestamp with its revision."""

    pdf: bytes
    reader: Any
    trust: Trust
    now: datetime
    not_before: datetime | None
    stamps: tuple[tuple[int, Stamp | None], ...]
    store: Embedded

    def one(self, name: str, field: Any) -> tuple[int, SignatureFacts]:
        """Facts of one field with the offset its signature reaches; whatever goes wrong is a FORMAT_FAILURE."""
        try:
            embedded = EmbeddedPdfSignature(self.reader, field, name)
            end = int(embedded.byte_range[2]) + int(embedded.byte_range[3])
            return end, self._facts(embedded)
        except SignatureValidationError as error:
            known = error.ades_subindication.standard_name
            return 0, broken(name, STANDARD_NAMES.get(known, known), BROKEN)
        except Exception as error:
            log.debug("signature field %s cannot be examined", name, exc_info=error)
            return 0, broken(name, "FORMAT_FAILURE", BROKEN)

    def _facts(self, embedded: Any) -> SignatureFacts:
        embedded.compute_integrity_info(STRICT_DIFF)
        candidate = self._candidate(embedded)
        outcome: Outcome = assess(candidate, self.trust, self.now, self.not_before)
        tampered, changes = _changes(embedded, self.pdf)
        pades = _is_pades(embedded)
        return SignatureFacts.of(
            outcome,
            field=embedded.field_name,
            format="PAdES",
            ades=pades,
            level=candidate.level if pades else f"PKCS7-{candidate.level}",
            certificate=certificate_facts(embedded.signer_cert),
            length=int(embedded.byte_range[2]) + int(embedded.byte_range[3]),
            whole=embedded.coverage == SignatureCoverageLevel.ENTIRE_FILE and not tampered,
            tampered=tampered,
            changes=changes,
            written=_written(embedded),
            evidence=evidence_of(candidate, [SignedObject("", embedded.md_algorithm, candidate.digest)]),
        )

    def _candidate(self, embedded: Any) -> Candidate:
        """A document timestamp after the signature proves its date too."""
        info = embedded.signer_info
        own = stamps_of(info, "signature_time_stamp_token", message_imprint_checker(info))
        later = [stamp for revision, stamp in self.stamps if stamp is not None and revision > embedded.signed_revision]
        return Candidate(embedded.signed_data, embedded.compute_digest(), (*own, *later), tuple(later), self.store)


def _written(embedded: Any) -> str:
    """The reason inside the signature, as one printable line of 500 characters at most; whoever signed chose it."""
    text = str(embedded.sig_object.get("/Reason", ""))
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:500]


FILLED = (
    "Des champs du formulaire ont été remplis ou redessinés après la signature. Sa certification le permettait, mais "
    "ce qui se lit n’est plus ce qui a été signé : faites signer le formulaire une fois rempli."
)
SHARED = "Plusieurs champs de signature montrent la même signature : on ne peut dire ce qu’elle vaut."
BROKEN = "La signature contenue dans le PDF est illisible ou mal formée."


def _is_pades(embedded: Any) -> bool:
    """The sub-filter of PAdES, and the signed attribute that designates the certificate (EN 319 142-1)."""
    if str(embedded.sig_object.get("/SubFilter")) != "/ETSI.CAdES.detached":
        return False
    names = {attribute["type"].native for attribute in embedded.signer_info["signed_attrs"]}
    return bool(names & {"signing_certificate", "signing_certificate_v2"})


def _changes(embedded: Any, pdf: bytes) -> tuple[str, tuple[str, ...]]:
    """A sentence where the structure or a later change is not acceptable, and the acceptable later changes."""
    if not _plain_byte_range(embedded, pdf):
        return "La signature ne couvre pas d’un seul tenant le début du fichier : sa structure est anormale.", ()
    if embedded.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return "La signature ne couvre pas entièrement la version du document qu’elle prétend signer.", ()
    diff = embedded.diff_result
    if not isinstance(diff, DiffResult) or diff.modification_level == ModificationLevel.OTHER:
        if _filled(embedded):
            return FILLED, ()
        return "Le document a été modifié après la signature (ajout d’une version au fichier).", ()
    if not embedded.summarise_integrity_info()["docmdp_ok"]:
        return "Le document a été modifié après la signature, alors que celle-ci l’interdisait.", ()
    return "", tuple(_allowed(diff, embedded))


def _filled(embedded: Any) -> bool:
    """Were only form fields filled in, as a certification allows?

    It is refused all the same: a field's appearance is drawn by whoever fills it in, and may show another amount than
    its value. Only to tell the person what happened is the tolerant policy asked.
    """
    if embedded.docmdp_level not in (MDPPerm.FILL_FORMS, MDPPerm.ANNOTATE):
        return False
    diff = embedded.evaluate_modifications(DEFAULT_DIFF_POLICY)
    return isinstance(diff, DiffResult) and diff.modification_level == ModificationLevel.FORM_FILLING


def _allowed(diff: Any, embedded: Any) -> Iterator[str]:
    if diff.modification_level == ModificationLevel.FORM_FILLING:
        yield "une autre signature a été ajoutée après celle-ci"
    elif diff.modification_level == ModificationLevel.LTA_UPDATES:
        yield "des éléments de preuve (horodatage, révocation) ont été ajoutés après celle-ci"
    elif embedded.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        yield "des octets sans effet ont été ajoutés à la fin du fichier"


def _plain_byte_range(embedded: Any, pdf: bytes) -> bool:
    """Four numbers from 0, and between the two ranges exactly the hexadecimal signature (USF and SWA attacks)."""
    numbers = [int(n) for n in embedded.byte_range]
    if len(numbers) != 4 or numbers[0] != 0 or numbers[1] <= 0 or numbers[3] <= 0:
        return False
    _, first, second, length = numbers
    gap = pdf[first:second]
    if second <= first or second + length > len(pdf) or gap[:1] != b"<" or gap[-1:] != b">":
        return False
    try:
        return bool(bytes.fromhex(gap[1:-1].decode("ascii")) == embedded.pkcs7_content)
    except ValueError:
        return False
