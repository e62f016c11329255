"""One candidacy as its own account reads it: plain values, so that a page can be drawn after its session is closed."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from api.render import french_date, french_time
from api.settings import Settings
from procurement.belonging import WAYS, proof_of
from procurement.candidacy import MANDATORY, QUESTIONS, Candidacy, CandidacyFile
from procurement.contract import contract_of, paris_day
from procurement.looks import looks
from procurement.piece_requests import requests_of
from procurement.pieces import CAPACITY, WINNER, profile_of
from procurement.space import INSURANCE_END, Given, offered
from procurement.ways import CERTIFICATES, ordered_today
from siret_lookup.catalogue import PIECES
from siret_lookup.routing import split
from siret_lookup.words import CHECKED_LATER, CHECKED_LATER_LABEL

# Where a person may write beside the official value.
CORRECTABLE: Mapping[str, str] = {
    "name": "Nom ou raison sociale",
    "address": "Adresse",
    "legal_form": "Forme juridique",
    "activity": "Activité",
}
SHOWN: Mapping[str, str] = {
    **CORRECTABLE,
    "trade_name": "Enseigne",
    "category": "Catégorie d’entreprise",
    "workforce": "Effectif",
}
# The mandatory answers, in a list of what is left.
ASKED: Mapping[str, str] = {"capacity": "votre qualité", "insurance": "votre assurance"}
MASKED: Mapping[str, str] = {"name": "name", "address_lines": "address", "postcode": "address"}
TONES = {"draft": "waiting", "submitted": "success", "late": "warning"}


def state_words(candidacy: Candidacy) -> str:
    """The state in words, never by colour alone."""
    at = french_time(candidacy.submitted_at)
    if candidacy.state == "draft":
        return "Brouillon, rien n’est envoyé"
    if candidacy.state == "submitted":
        offer = "offre : reçue ici" if candidacy.offer_received else "offre : non reçue ici"
        return f"Déposée le {at} ({offer})"
    if candidacy.state == "late":
        return f"Reçue hors délai, non ouverte – {at}"
    return {"replaced": "Remplacée par un autre dépôt", "withdrawn": "Retirée"}[candidacy.state]


def belonging_words(candidacy: Candidacy) -> str:
    """« prouvée le 3 mars 2026 (ProConnect) », or « déclarée »: as it was when the answer was begun, then deposited."""
    if candidacy.belonging != "proven":
        return "déclarée"
    return proven_words(candidacy.belonging_at, candidacy.belonging_way)


def proven_words(at: datetime | None, way: str) -> str:
    return "prouvée" + (f" le {french_date(at)}" if at else "") + (f" ({WAYS[way]})" if way in WAYS else "")


def _belonging(db: Session, candidacy: Candidacy, now: datetime) -> dict[str, str]:
    """A draft tells what its deposit would: the proof may have come, or ended, since it was begun."""
    if candidacy.state != "draft":
        return {"belonging": candidacy.belonging, "belonging_words": belonging_words(candidacy)}
    proof = proof_of(db, candidacy.account_id, candidacy.siret, now)
    if proof is None:
        return {"belonging": "declared", "belonging_words": "déclarée"}
    return {"belonging": "proven", "belonging_words": proven_words(proof.proven_at or proof.created_at, proof.way)}


def summary(candidacy: Candidacy) -> dict[str, Any]:
    """One line of the list."""
    consultation = candidacy.consultation
    return {
        "id": candidacy.id,
        "ref": candidacy.ref,
        "number": consultation.number,
        "object": consultation.object,
        "buyer": consultation.organisation.name,
        "deadline": consultation.deadline,
        "siret": candidacy.siret,
        "name": candidacy.name,
        "state": candidacy.state,
        "words": state_words(candidacy),
        "tone": TONES.get(candidacy.state, "neutral"),
    }


def _form(db: Session, candidacy: Candidacy, now: datetime) -> dict[str, Any]:
    """What is asked, what was answered, and what nobody asks for."""
    draft = candidacy.state == "draft"
    kept = offered(db, candidacy.account_id, candidacy.siret, now) if draft else {}
    answers, notes = _taken_over(candidacy, kept, paris_day(now))
    why = candidacy.corrections.get("reasons", {})
    return {
        "corrections": {f"correct_{key}": candidacy.corrections.get(key, "") for key in CORRECTABLE}
        | {f"why_{key}": why.get(key, "") for key in CORRECTABLE},
        "to_correct": correction_fields(candidacy),
        "checked": checked_by_buyer(candidacy),
        "not_asked": not_asked(candidacy),
        "questions": [(key, label, key in MANDATORY) for key, label in QUESTIONS.items()],
        "answers": answers,
        "notes": notes,
        "given": answered(candidacy),
        "left": left(candidacy, answers),
    }


def _taken_over(candidacy: Candidacy, kept: Mapping[str, Given], today: date) -> tuple[dict[str, str], dict[str, str]]:
    """(the fields as shown, field → where it comes from). What the person typed, were it nothing, is never replaced."""
    answers = {key: str(candidacy.answers.get(key, "")) for key in (*QUESTIONS, INSURANCE_END)}
    notes = {}
    for key, given in kept.items():
        fresh = key not in candidacy.answers
        if given.ended(today) and (fresh or not answers[key]):
            notes[key] = (
                f"Votre assurance donnée le {french_date(given.given_at)} se terminait le "
                f"{french_date(given.valid_until)} : écrivez la nouvelle."
            )
        elif fresh or answers[key] == given.value:
            answers[key] = given.value
            notes[key] = f"{taken_from(given, candidacy.account_id)}. Relisez-la."
            if fresh and given.valid_until:
                answers[INSURANCE_END] = given.valid_until.isoformat()
    return answers, notes


def taken_from(given: Given, account_id: int) -> str:
    """« Repris de votre réponse du 3 mars 2026 (consultation 2026-MAPA-07) »."""
    whose = "votre réponse" if given.account_id == account_id else "la réponse d’un autre membre"
    return f"Repris de {whose} du {french_date(given.given_at)} (consultation {given.origin})"


def answered(candidacy: Candidacy) -> list[tuple[str, str, str]]:
    """(question, answer, note) of what was answered; the end of an insurance stands under it."""
    end = candidacy.answers.get(INSURANCE_END)
    notes = {"insurance": f"Jusqu’au {french_date(end)}, d’après l’entreprise."} if end else {}
    return [(text, candidacy.answers.get(key, ""), notes.get(key, "")) for key, text in QUESTIONS.items()]


def view(db: Session, candidacy: Candidacy, settings: Settings, now: datetime) -> dict[str, Any]:
    """Everything its page shows."""
    consultation, contract = candidacy.consultation, contract_of(db, candidacy)
    receives = consultation.receives(now)
    return (
        summary(candidacy)
        | _form(db, candidacy, now)
        | _belonging(db, candidacy, now)
        | {
            "consultation_ref": consultation.ref,
            "receives": receives,
            "editable": consultation.takes and candidacy.state == "draft",
            "too_late": consultation.takes and not receives,
            "modified_at": consultation.modified_at,
            "outdated": (candidacy.snapshot or {}).get("dce_version", consultation.dce_version)
            < consultation.dce_version,
            "offers_here": consultation.offers_here,
            "offers_elsewhere": consultation.offers_elsewhere,
            "typed": candidacy.identity.get("origin") == "typed",
            "identity": identity_rows(candidacy),
            "redirected_from": candidacy.identity.get("redirected_from"),
            "asked": candidacy.identity.get("asked"),
            "files": {
                kind: [file_row(f) for f in candidacy.files if f.kind == kind] for kind in ("candidacy", "offer")
            },
            "amount_sealed": candidacy.offer_amount is not None,
            "offer_received": candidacy.offer_received,
            "submitted_at": candidacy.submitted_at,
            "snapshot_sha256": candidacy.snapshot_sha256,
            "receipt": candidacy.receipt_key is not None,
            "certificate": candidacy.certificate,
            "certificates": list(CERTIFICATES.items()),
            "certificate_on": ordered_today(paris_day(now)),
            "looks": [(look.at, look.by, look.what) for look in looks(db, candidacy)],
            "requested": candidacy.state == "submitted" and bool(requests_of(db, candidacy)),
            "contract": contract.number if contract else "",
            "cap": f"{settings.max_upload_mb} Mo",
        }
    )


def left(candidacy: Candidacy, answers: Mapping[str, str]) -> list[tuple[str, str]]:
    """(field of the page, words) of what a deposit still waits for, `answers` being what the fields show."""
    wanted = {key: words for key, words in ASKED.items() if not answers.get(key)}
    if candidacy.consultation.offers_here and not candidacy.offer_received:
        wanted = {"file-offer": "votre offre"} | wanted
    return [*wanted.items(), ("attested", "la déclaration sur l’honneur")]


def identity_rows(candidacy: Candidacy) -> list[dict[str, Any]]:
    """Each value with where it comes from, and the correction that stands beside it."""
    known = candidacy.identity
    if known.get("origin") == "typed":
        source, at = "saisi par l’entreprise", known.get("typed_at")
    else:
        source, at = str(known.get("source") or "Insee"), known.get("fetched_at")
    masked = {MASKED.get(name, name) for name in known.get("masked", ())}
    why = candidacy.corrections.get("reasons", {})
    rows = []
    for key, label in SHOWN.items():
        value, typed, reason = known.get(key), candidacy.corrections.get(key), why.get(key, "")
        if value or typed or reason or key in masked:
            shown = value or ("non diffusé" if key in masked else "")
            row = {"label": label, "value": shown, "source": source, "at": at, "typed": typed or "", "why": reason}
            rows.append(row)
    return rows


def correction_fields(candidacy: Candidacy) -> list[tuple[str, str, str]]:
    """(field, label, hint): what Insee does not diffuse is asked first."""
    masked = {MASKED.get(name, name) for name in candidacy.identity.get("masked", ())}
    asked = "Non diffusé par l’Insee : écrivez-le, l’acheteur seul le verra, après l’ouverture."
    return [(f"correct_{key}", label, asked if key in masked else "") for key, label in CORRECTABLE.items()]


def checked_by_buyer(candidacy: Candidacy) -> list[dict[str, str]]:
    """What the buyer will obtain by itself (R2143-13): no state is shown, the state itself is protected."""
    asked, _ = split((*CAPACITY, *WINNER), profile_of(candidacy.identity), candidacy.consultation.kind)
    rows = []
    for key in asked:
        source = PIECES[key]
        when = "Seulement si vous êtes l’attributaire pressenti." if key in WINNER else ""
        rows.append(
            {"title": source.title, "provider": source.provider, "label": CHECKED_LATER_LABEL, "when": when}
            | {"sentence": CHECKED_LATER}
        )
    return rows


def not_asked(candidacy: Candidacy) -> list[dict[str, str]]:
    """What makes no sense for this company and this contract, with why: nothing but open identity says so."""
    _, left_out = split((*CAPACITY, *WINNER), profile_of(candidacy.identity), candidacy.consultation.kind)
    return [
        {"title": PIECES[key].title, "provider": PIECES[key].provider, "why": f"Non demandée : {reason}."}
        for key, reason in left_out.items()
    ]


def file_row(file: CandidacyFile) -> dict[str, Any]:
    return {
        "ref": file.ref,
        "name": file.name,
        "size": file.size,
        "sha256": file.sha256,
        "received_at": file.received_at,
    }
