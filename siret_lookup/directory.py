"""The Annuaire des entreprises (recherche-entreprises): open data, no token. Search by name; identity in reserve.

Contract: recherche-entreprises.api.gouv.fr, open-api.yml of search-api. Nine or fourteen digits are looked up directly
and every filter is then ignored; when a SIRET is asked, the place is in `matching_etablissements`, not in `siege`.
Never diffused units are absent; partially diffused ones come masked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from siret_lookup.body import Json, Unreadable, day, iso, rows, section, text, unmask
from siret_lookup.establishments import Establishment, read_place
from siret_lookup.http import Network, Refusal, Reply, get_json
from siret_lookup.identity import Identity
from siret_lookup.outcome import Outcome
from siret_lookup.quotas import QuotaStore, spend_open
from siret_lookup.siret import Siret
from siret_lookup.sources.insee import ESTABLISHMENT_STATES, UNIT_STATES
from siret_lookup.workforce import in_words

TITLE = "Annuaire des entreprises"
PER_PAGE = 25
LAST_PAGE = 400  # 10 000 results are reachable, by 25
_LEAST = 3
_SECONDS = 5.0
_PERSON = "1000"
_REV2, _NAF2025 = "NAFRev2", "NAF2025"
_ILLEGIBLE = "La réponse du service est illisible."
_BUSY = "Trop de recherches en même temps : un instant."
# Where a mask was found → the fact that is missing because of it.
_MASKED = {
    "nom_complet": "name",
    "nom_raison_sociale": "name",
    "liste_enseignes": "trade_name",
    "nom_commercial": "trade_name",
    "adresse": "address_lines",
    "code_postal": "postcode",
}


class BadSearch(ValueError):
    """A search that cannot be made; the message is one French sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Company:
    """One legal unit as shown to a buyer; what is not diffused is None. `naf…` are codes, `category` PME, ETI or GE.

    `places` are those that match the search (ten at most), the head office apart; `kept_siren` is set where this
    number is a duplicate of another one.
    """

    siren: str
    name: str | None
    acronym: str | None
    active: bool
    legal_form_code: str | None
    naf: str | None
    naf_2025: str | None
    category: str | None
    workforce: str | None
    head_office: Establishment | None
    places: tuple[Establishment, ...] = ()
    total_places: int = 0
    kept_siren: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search. `outcome` is obtained, not_found or unavailable; `direct`: by number, without filters."""

    outcome: Outcome
    companies: tuple[Company, ...] = ()
    total: int = 0
    page: int = 1
    pages: int = 0
    direct: bool = False
    retry_at: datetime | None = None
    detail: str | None = None


def search(
    words: str,
    recherche_url: str,
    now: datetime,
    quotas: QuotaStore,
    *,
    department: str | None = None,
    activity: str | None = None,
    page: int = 1,
    network: Network | None = None,
) -> Found:
    """Search companies by name, address or leader, by page of 25.

    `department` is Insee's code (« 2A », « 974 »), `activity` a NAF rev. 2 code (« 62.01Z »). Raises BadSearch for what
    the service refuses to search; never for a remote fault.
    """
    words = " ".join(words.split())
    digits = words.replace(" ", "")
    direct = digits.isdigit() and len(digits) in (9, 14)
    filters = {} if direct else {"departement": department, "activite_principale": activity}
    params = {name: value.strip().upper() for name, value in filters.items() if value and value.strip()}
    if len(words) < _LEAST and not params:
        raise BadSearch("Tapez au moins trois caractères, ou choisissez un département ou une activité.")
    if not 1 <= page <= LAST_PAGE:
        raise BadSearch("Seuls les 10 000 premiers résultats peuvent être affichés : précisez la recherche.")
    params |= {"page": str(page), "per_page": str(PER_PAGE)} | ({"q": digits if direct else words} if words else {})
    answer = _ask(recherche_url, params, now, quotas, network)
    return _found(answer, direct) if isinstance(answer, Mapping) else answer


def identity_in_reserve(
    siret: Siret, recherche_url: str, now: datetime, quotas: QuotaStore, network: Network | None = None
) -> Identity:
    """The identity that the Annuaire gives of one establishment, its source said. Never raises for a remote fault."""
    try:
        answer = _ask(recherche_url, {"q": siret.value, "per_page": "1"}, now, quotas, network)
    except BadSearch as error:
        return _unknown(siret, Outcome.UNAVAILABLE, now, None, str(error))
    if isinstance(answer, Found):
        return _unknown(siret, answer.outcome, now, answer.retry_at, answer.detail)
    masked: list[str] = []
    try:
        return _identity(siret, unmask(answer, "", masked), masked, now)
    except (Unreadable, RecursionError):
        return _unknown(siret, Outcome.UNAVAILABLE, now, None, _ILLEGIBLE)


def or_in_reserve(
    identity: Identity, recherche_url: str, quotas: QuotaStore, network: Network | None = None
) -> Identity:
    """`identity`, or the Annuaire's where Insee's did not come (outage, expired token). A real answer is kept."""
    if identity.outcome not in (Outcome.UNAVAILABLE, Outcome.NOT_AUTHORISED):
        return identity
    other = identity_in_reserve(Siret(identity.siret), recherche_url, identity.fetched_at, quotas, network)
    return other if other.outcome is Outcome.OBTAINED else identity


def _ask(
    url: str, params: Mapping[str, str], now: datetime, quotas: QuotaStore, network: Network | None
) -> Json | Found:
    free_at = spend_open(quotas, "recherche", now)
    if free_at is not None:
        return Found(Outcome.UNAVAILABLE, retry_at=free_at, detail=_BUSY)
    reply = get_json(url.rstrip("/") + "/search", params, now=now, network=network or Network(), seconds=_SECONDS)
    if isinstance(reply, Reply):
        return reply.body
    if reply.status == 400:
        raise BadSearch(_said(reply) or "Cette recherche n’est pas possible : changez les termes ou les filtres.")
    return Found(Outcome.UNAVAILABLE, retry_at=reply.failure.retry_at, detail=reply.failure.detail)


def _said(refusal: Refusal) -> str | None:
    said = refusal.body.get("erreur")
    return said.strip()[:300] or None if isinstance(said, str) else None


def _found(body: Json, direct: bool) -> Found:
    try:
        clean = unmask(body, "", [])
        if not isinstance(clean, dict) or "results" not in clean:
            raise Unreadable("no results")
        companies = tuple(_company(row) for row in rows(clean, "results"))
    except (Unreadable, RecursionError):
        return Found(Outcome.UNAVAILABLE, detail=_ILLEGIBLE)
    return Found(
        Outcome.OBTAINED if companies else Outcome.NOT_FOUND,
        companies,
        _count(clean, "total_results"),
        _count(clean, "page") or 1,
        _count(clean, "total_pages"),
        direct,
    )


def _company(row: Json) -> Company:
    siren = text(row, "siren")
    if siren is None:
        raise Unreadable("siren is missing")
    naf, naf_2025 = _activity(row)
    return Company(
        siren=siren,
        name=_name(row),
        acronym=text(row, "sigle"),
        active=text(row, "etat_administratif") == "A",
        legal_form_code=text(row, "nature_juridique"),
        naf=naf,
        naf_2025=naf_2025,
        category=text(row, "categorie_entreprise"),
        workforce=in_words(text(row, "tranche_effectif_salarie")),
        head_office=read_place(section(row, "siege"), True),
        places=tuple(place for item in rows(row, "matching_etablissements") if (place := read_place(item, False))),
        total_places=_count(row, "nombre_etablissements"),
        kept_siren=text(row, "siren_conserve"),
    )


def _name(row: Json) -> str | None:
    return text(row, "nom_raison_sociale") or text(row, "nom_complet")


def _activity(row: Json) -> tuple[str | None, str | None]:
    """(rev. 2, NAF 2025). The field `…_naf25` goes away on 1 January 2027: the other one is NAF 2025 from then on."""
    code = text(row, "activite_principale")
    return (code, text(row, "activite_principale_naf25")) if "activite_principale_naf25" in row else (None, code)


def _count(row: Json, key: str) -> int:
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _identity(siret: Siret, body: object, masked: list[str], now: datetime) -> Identity:
    results = rows(body, "results") if isinstance(body, Mapping) else []
    unit = next((row for row in results if text(row, "siren") == siret.siren), None)
    head_office = section(unit, "siege") if unit else {}
    places = [*rows(unit, "matching_etablissements"), head_office] if unit else []
    place = next((row for row in places if text(row, "siret") == siret.value), None)
    if unit is None or place is None:
        return _unknown(siret, Outcome.NOT_FOUND, now, None, None)
    return replace(
        _of_unit(siret, unit, now),
        trade_name=_trade_name(place),
        address_lines=_street(place),
        postcode=text(place, "code_postal"),
        city=text(place, "libelle_commune") or text(place, "libelle_commune_etranger"),
        country=text(place, "libelle_pays_etranger"),
        head_office=text(head_office, "siret") == siret.value,
        head_office_siret=text(head_office, "siret"),
        masked=_masked(masked),
        **_of_place(place, unit),
    )


def _of_unit(siret: Siret, unit: Json, now: datetime) -> Identity:
    form = text(unit, "nature_juridique")
    return Identity(
        siret=siret.value,
        siren=siret.siren,
        outcome=Outcome.OBTAINED,
        fetched_at=now,
        source=TITLE,
        name=_name(unit),
        kind="natural_person" if form == _PERSON else "legal_person",
        legal_form_code=form,
        unit_state=UNIT_STATES.get(text(unit, "etat_administratif") or ""),
        category=text(unit, "categorie_entreprise"),
    )


def _of_place(place: Json, unit: Json) -> dict[str, Any]:
    state = ESTABLISHMENT_STATES.get(text(place, "etat_administratif") or "")
    naf, naf_2025 = _activity(place if text(place, "activite_principale") else unit)
    sized = place if text(place, "tranche_effectif_salarie") else unit
    return {
        "naf": (naf, _REV2) if naf else None,
        "naf_2025": (naf_2025, _NAF2025) if naf_2025 else None,
        "establishment_state": state,
        # A closing date is seen on open places: only the state tells.
        "closed_on": iso(day(place, "date_fermeture")) if state == "closed" else None,
        "workforce": in_words(text(sized, "tranche_effectif_salarie")),
        "workforce_year": text(sized, "annee_tranche_effectif_salarie"),
    }


def _trade_name(place: Json) -> str | None:
    names = place.get("liste_enseignes")
    first = next((name for name in names if isinstance(name, str)), None) if isinstance(names, list) else None
    return first or text(place, "nom_commercial")


def _street(place: Json) -> tuple[str, ...]:
    """The address is one line that ends with postcode and town: these are told apart."""
    line = text(place, "adresse")
    if line is None:
        return ()
    tail = " ".join(part for key in ("code_postal", "libelle_commune") if (part := text(place, key)))
    street = line.removesuffix(tail).strip() if tail else line
    return (street,) if street else ()


def _masked(paths: list[str]) -> tuple[str, ...]:
    found = (_MASKED.get(path.rpartition(".")[2]) for path in paths)
    return tuple(dict.fromkeys(fact for fact in found if fact))


def _unknown(siret: Siret, outcome: Outcome, now: datetime, retry_at: datetime | None, detail: str | None) -> Identity:
    return Identity(siret.value, siret.siren, outcome, now, TITLE, retry_at=retry_at, detail=detail)
