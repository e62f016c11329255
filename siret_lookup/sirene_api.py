"""Insee's API Sirene 3.11: one fresh record by SIRET, and the successions of an establishment. Open data, with a key.

Contract: portail-api.insee.fr, Sirene 3.11 (header X-INSEE-Api-Key-Integration, 30 requests a minute). The present
period is the one whose dateFin is null. 404: unknown; 403 « non diffusable »: withheld by law, never « unknown SIRET »;
301: a duplicate, another number answers. Partially diffused units come with « [ND] ».
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from siret_lookup.body import Json, Unreadable, day, flag, required, rows, section, text, unmask
from siret_lookup.envelope import Failure
from siret_lookup.fetch import SPENT
from siret_lookup.http import Network, Refusal, Reply, get_json
from siret_lookup.identity import Identity
from siret_lookup.outcome import Outcome
from siret_lookup.quotas import QuotaStore, spend_open
from siret_lookup.siret import Siret
from siret_lookup.sources.insee import ESTABLISHMENT_STATES, UNIT_STATES
from siret_lookup.succession import Link
from siret_lookup.workforce import in_words

TITLE = "Répertoire Sirene (Insee)"
_SECONDS = 5.0
_MOST_LINKS = "1000"
_PERSON = "1000"
_NAF2025 = "NAF2025"
# Where a mask was found → the fact that is missing because of it.
_MASKED = (
    ("denomination", "name"),
    ("nomUniteLegale", "name"),
    ("nomUsageUniteLegale", "name"),
    ("prenom", "name"),
    ("pseudonyme", "name"),
    ("enseigne", "trade_name"),
    ("codePostalEtablissement", "postcode"),
    ("adresseEtablissement.", "address_lines"),
)


@dataclass(frozen=True, slots=True)
class SireneAccess:
    """Where Sirene answers, and the key of this install."""

    base_url: str
    key: str = field(repr=False)
    network: Network = field(default_factory=Network)


@dataclass(frozen=True, slots=True)
class Links:
    """Successions in which one SIRET stands. `outcome`: obtained, not_found, or why there is no answer."""

    siret: str
    outcome: Outcome
    links: tuple[Link, ...] = ()
    retry_at: datetime | None = None
    detail: str | None = None

    @property
    def successors(self) -> tuple[Link, ...]:
        return tuple(link for link in self.links if link.predecessor == self.siret)

    @property
    def predecessors(self) -> tuple[Link, ...]:
        return tuple(link for link in self.links if link.successor == self.siret)


def fetch_record(siret: Siret, access: SireneAccess, now: datetime, quotas: QuotaStore) -> Identity:
    """The establishment's record of today. Never raises for a remote fault."""
    answer = _ask(access, f"/siret/{siret.value}", {}, now, quotas)
    kept = _kept(answer, siret)
    if kept is not None:
        # The number that answers is asked at the same address: the redirection itself is never followed.
        return replace(fetch_kept(kept, access, now, quotas), redirected_from=siret.value)
    return _record(siret, answer, now)


def fetch_kept(siret: Siret, access: SireneAccess, now: datetime, quotas: QuotaStore) -> Identity:
    """As fetch_record, for a number that is not itself a duplicate."""
    return _record(siret, _ask(access, f"/siret/{siret.value}", {}, now, quotas), now)


def fetch_links(siret: Siret, access: SireneAccess, now: datetime, quotas: QuotaStore) -> Links:
    """The successions of one establishment, both ways. Never raises for a remote fault."""
    query = f"siretEtablissementPredecesseur:{siret.value} OR siretEtablissementSuccesseur:{siret.value}"
    params = {"q": query, "nombre": _MOST_LINKS}
    answer = _ask(access, "/siret/liensSuccession", params, now, quotas)
    if isinstance(answer, Refusal):
        failure = answer.failure
        return Links(siret.value, failure.outcome, retry_at=failure.retry_at, detail=_message(answer))
    try:
        links = tuple(_link(row) for row in rows(answer.body, "liensSuccession"))
    except Unreadable:
        return Links(siret.value, Outcome.UNAVAILABLE, detail="La réponse du service est illisible.")
    return Links(siret.value, Outcome.OBTAINED if links else Outcome.NOT_FOUND, links)


def _ask(access: SireneAccess, path: str, params: dict[str, str], now: datetime, quotas: QuotaStore) -> Reply | Refusal:
    if not access.key:
        return Refusal(Failure(Outcome.NOT_AUTHORISED, detail="Aucune clé de l’API Sirene n’est enregistrée."))
    free_at = spend_open(quotas, "sirene", now, access.key)
    if free_at is not None:
        return Refusal(Failure(Outcome.UNAVAILABLE, detail=SPENT, retry_at=free_at))
    url = access.base_url.rstrip("/") + path
    headers = {"X-INSEE-Api-Key-Integration": access.key, "Accept": "application/json"}
    return get_json(url, params, now=now, network=access.network, seconds=_SECONDS, headers=headers)


def _kept(answer: Reply | Refusal, asked: Siret) -> Siret | None:
    if not isinstance(answer, Refusal) or answer.status not in (301, 302, 307, 308):
        return None
    found = re.search(r"/siret/(\d{14})(?:$|[/?#])", answer.location or "")
    return Siret(found[1]) if found and found[1] != asked.value else None


def _record(siret: Siret, answer: Reply | Refusal, now: datetime) -> Identity:
    if isinstance(answer, Refusal):
        outcome, retry_at = answer.failure.outcome, answer.failure.retry_at
        if answer.status == 403 and "diffus" in (_message(answer) or ""):
            outcome = Outcome.WITHHELD_BY_LAW
        blank = Identity(siret.value, siret.siren, outcome, now, TITLE, retry_at=retry_at, sha256=answer.sha256)
        return replace(blank, detail=_message(answer))
    masked: list[str] = []
    try:
        body = unmask(answer.body, "", masked)
        place = section(body, "etablissement") if isinstance(body, dict) else {}
        return replace(_identity(siret, place, now), masked=_masked(masked), sha256=answer.sha256)
    except (Unreadable, RecursionError):
        detail = "La réponse du service n’a pas la forme publiée."
        return Identity(siret.value, siret.siren, Outcome.UNAVAILABLE, now, TITLE, detail=detail)


def _message(refusal: Refusal) -> str | None:
    header = refusal.body.get("header")
    said = header.get("message") if isinstance(header, dict) else None
    return said.strip()[:300] or None if isinstance(said, str) else refusal.failure.detail


def _identity(siret: Siret, place: Json, now: datetime) -> Identity:
    if required(place, "siret") != siret.value:
        raise Unreadable("another siret answers")
    unit, address = section(place, "uniteLegale"), section(place, "adresseEtablissement")
    period = _present(place)
    state = ESTABLISHMENT_STATES.get(required(period, "etatAdministratifEtablissement"))
    naf, naf_2025 = _activities(place, period)
    sized = (place, "Etablissement") if text(place, "trancheEffectifsEtablissement") else (unit, "UniteLegale")
    return replace(
        _of_unit(siret, unit, now),
        trade_name=text(period, "enseigne1Etablissement") or text(period, "denominationUsuelleEtablissement"),
        address_lines=_address(address),
        postcode=text(address, "codePostalEtablissement"),
        city=text(address, "libelleCommuneEtablissement") or text(address, "libelleCommuneEtrangerEtablissement"),
        country=text(address, "libellePaysEtrangerEtablissement"),
        naf=naf,
        naf_2025=naf_2025,
        establishment_state=state,
        closed_on=_closed_since(place) if state == "closed" else None,
        head_office=flag(place, "etablissementSiege"),
        workforce=in_words(text(sized[0], f"trancheEffectifs{sized[1]}")),
        workforce_year=text(sized[0], f"anneeEffectifs{sized[1]}"),
    )


def _of_unit(siret: Siret, unit: Json, now: datetime) -> Identity:
    head = text(unit, "nicSiegeUniteLegale")
    form = text(unit, "categorieJuridiqueUniteLegale")
    return Identity(
        siret=siret.value,
        siren=siret.siren,
        outcome=Outcome.OBTAINED,
        fetched_at=now,
        source=TITLE,
        name=_name(unit),
        kind="natural_person" if form == _PERSON else "legal_person",
        legal_form_code=form,
        unit_state=UNIT_STATES.get(text(unit, "etatAdministratifUniteLegale") or ""),
        head_office_siret=siret.siren + head if head else None,
        category=text(unit, "categorieEntreprise"),
    )


def _present(place: Json) -> Json:
    periods = [period for period in rows(place, "periodesEtablissement") if period.get("dateFin") is None]
    if len(periods) != 1:
        raise Unreadable("no present period, or several")
    return periods[0]


def _closed_since(place: Json) -> str | None:
    """First day of the run of closed periods that lasts today: a closed place has periods too."""
    since: str | None = None
    for period in sorted(rows(place, "periodesEtablissement"), key=lambda p: text(p, "dateDebut") or "", reverse=True):
        if text(period, "etatAdministratifEtablissement") != "F":
            break
        start = day(period, "dateDebut")
        since = start.isoformat() if start else since
    return since


def _activities(place: Json, period: Json) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """(present nomenclature, NAF 2025): the second has a field of its own until the first turns into it."""
    code, nomenclature = (
        text(period, f"{name}Etablissement") for name in ("activitePrincipale", "nomenclatureActivitePrincipale")
    )
    coming = text(place, "activitePrincipaleNAF25Etablissement") or text(period, "activitePrincipaleNAF25Etablissement")
    naf = (code, nomenclature or "NAFRev2") if code else None
    if naf and naf[1] == _NAF2025:
        return None, naf
    return naf, (coming, _NAF2025) if coming else None


def _name(unit: Json) -> str | None:
    company = text(unit, "denominationUniteLegale")
    last = text(unit, "nomUsageUniteLegale") or text(unit, "nomUniteLegale")
    if company or not last:
        return company or text(unit, "pseudonymeUniteLegale") or text(unit, "denominationUsuelle1UniteLegale")
    first = text(unit, "prenomUsuelUniteLegale") or text(unit, "prenom1UniteLegale")
    return f"{first} {last}" if first else last


def _address(address: Json) -> tuple[str, ...]:
    parts = ("numeroVoie", "indiceRepetition", "typeVoie", "libelleVoie")
    street = " ".join(part for name in parts if (part := text(address, f"{name}Etablissement")))
    around = [text(address, f"{name}Etablissement") for name in ("complementAdresse", "distributionSpeciale")]
    return tuple(line for line in (around[0], street, around[1]) if line)


def _masked(paths: Iterable[str]) -> tuple[str, ...]:
    found = (next((fact for part, fact in _MASKED if part in path), None) for path in paths)
    return tuple(dict.fromkeys(fact for fact in found if fact))


def _link(row: Json) -> Link:
    return Link(
        predecessor=required(row, "siretEtablissementPredecesseur"),
        successor=required(row, "siretEtablissementSuccesseur"),
        on=day(row, "dateLienSuccession"),
        head_office_moved=flag(row, "transfertSiege") is True,
        economic_continuity=flag(row, "continuiteEconomique") is True,
    )
