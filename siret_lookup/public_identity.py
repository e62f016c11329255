"""Who an establishment is, asked of recherche-entreprises: open data, no token and no buyer behind the call.

Trap: `results[0]` is the company; the place asked for is among its `matching_etablissements`, not its `siege`.
"""

from datetime import datetime

from siret_lookup.body import Json, Unreadable, rows, section, text, unmask
from siret_lookup.http import Network, Refusal, get_json
from siret_lookup.identity import Identity
from siret_lookup.outcome import Outcome
from siret_lookup.siret import Siret

SOURCE = "Recherche d’entreprises (répertoire Sirene, Insee)"
_SECONDS = 5.0
_STATES = {"A": "active", "F": "closed"}
_UNITS = {"A": "active", "C": "ceased"}
_MASKED = (("nom_", "name"), ("adresse", "address_lines"), ("code_postal", "postcode"), ("libelle_commune", "city"))


def public_identity(siret: Siret, recherche_url: str, now: datetime, network: Network | None = None) -> Identity:
    """Obtained, not_found or unavailable. Never raises for a remote fault."""
    url = recherche_url.rstrip("/") + "/search"
    params = {"q": siret.value, "per_page": "1"}
    reply = get_json(url, params, now=now, network=network or Network(), seconds=_SECONDS)
    if isinstance(reply, Refusal):
        # Without token nor rights, any refusal is the service's: it is never « unknown company ».
        return _nothing(siret, Outcome.UNAVAILABLE, now, reply.failure.detail, reply.failure.retry_at)
    try:
        return _read(siret, reply.body, now)
    except Unreadable:
        return _nothing(siret, Outcome.UNAVAILABLE, now, "La réponse du service est illisible.")


def _nothing(
    siret: Siret, outcome: Outcome, now: datetime, detail: str | None = None, retry_at: datetime | None = None
) -> Identity:
    return Identity(siret.value, siret.siren, outcome, now, SOURCE, detail=detail, retry_at=retry_at)


def _read(siret: Siret, body: Json, now: datetime) -> Identity:
    masked: list[str] = []
    clean = unmask(body, "", masked)
    results = rows(clean, "results") if isinstance(clean, dict) else []
    company = next((result for result in results if text(result, "siren") == siret.siren), None)
    places = [*rows(company, "matching_etablissements"), section(company, "siege")] if company else []
    place = next((place for place in places if text(place, "siret") == siret.value), None)
    if company is None or place is None:
        return _nothing(siret, Outcome.NOT_FOUND, now)
    legal_form, closed = text(company, "nature_juridique"), text(place, "date_fermeture")
    postcode, city = text(place, "code_postal"), text(place, "libelle_commune")
    return Identity(
        siret=siret.value,
        siren=siret.siren,
        outcome=Outcome.OBTAINED,
        fetched_at=now,
        source=SOURCE,
        name=text(company, "nom_raison_sociale") or text(company, "nom_complet"),
        legal_form=f"catégorie juridique {legal_form}" if legal_form else None,
        legal_form_code=legal_form,
        address_lines=_street(text(place, "adresse"), postcode, city),
        postcode=postcode,
        city=city,
        naf=_activity(company, "activite_principale", "NAFRev2"),
        naf_2025=_activity(company, "activite_principale_naf25", "NAF2025"),
        establishment_state=_STATES.get(text(place, "etat_administratif") or ""),
        unit_state=_UNITS.get(text(company, "etat_administratif") or ""),
        closed_on=closed,
        head_office=place.get("est_siege") is True,
        category=text(company, "categorie_entreprise"),
        masked=tuple(dict.fromkeys(fact for part, fact in _MASKED if any(part in path for path in masked))),
    )


def _street(address: str | None, postcode: str | None, city: str | None) -> tuple[str, ...]:
    """« 1 RUE DES ESSAIS 00000 ESSAIVILLE » without its town, which comes apart."""
    tail = " ".join(part for part in (postcode, city) if part)
    street = (address or "").removesuffix(tail).strip() if tail else (address or "")
    return (street,) if street else ()


def _activity(company: Json, key: str, nomenclature: str) -> tuple[str, str] | None:
    code = text(company, key)
    return (code, nomenclature) if code else None
