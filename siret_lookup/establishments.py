"""Which establishments has this company? Asked of recherche-entreprises, open data, no token."""

from dataclasses import dataclass
from datetime import datetime

from siret_lookup.body import Json, Unreadable, rows, section, text, unmask
from siret_lookup.http import Network, Refusal, get_json
from siret_lookup.outcome import Outcome
from siret_lookup.siret import Siren, Siret

_SHOWN = 100
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Establishment:
    """One place of a company; texts that are not diffused are None."""

    siret: str
    head_office: bool
    active: bool
    address: str | None
    postcode: str | None
    city: str | None


@dataclass(frozen=True, slots=True)
class Establishments:
    """The open ones first, the head office at their head. `outcome` is obtained, not_found or unavailable."""

    siren: str
    outcome: Outcome
    name: str | None = None
    places: tuple[Establishment, ...] = ()
    total: int = 0
    retry_at: datetime | None = None
    detail: str | None = None


def find_establishments(
    number: Siren | Siret, recherche_url: str, now: datetime, network: Network | None = None
) -> Establishments:
    """Search by SIREN, or by SIRET: then that place and the head office. An unknown one is a 200 with no result.

    Never raises for a remote fault.
    """
    siren = Siren(number.value[:9])
    params = {"q": number.value, "per_page": "1", "limite_matching_etablissements": str(_SHOWN)}
    url = recherche_url.rstrip("/") + "/search"
    reply = get_json(url, params, now=now, network=network or Network(), seconds=_SECONDS)
    if isinstance(reply, Refusal):
        # Without token nor rights, any refusal is the service's: it is never « unknown company ».
        return Establishments(
            siren.value, Outcome.UNAVAILABLE, retry_at=reply.failure.retry_at, detail=reply.failure.detail
        )
    try:
        return _read(siren, reply.body)
    except Unreadable:
        return Establishments(siren.value, Outcome.UNAVAILABLE, detail="La réponse du service est illisible.")


def _read(siren: Siren, body: Json) -> Establishments:
    clean = unmask(body, "", [])
    results = rows(clean, "results") if isinstance(clean, dict) else []
    company = next((result for result in results if text(result, "siren") == siren.value), None)
    if company is None:
        return Establishments(siren.value, Outcome.NOT_FOUND)
    head_office = section(company, "siege")
    found = {
        place.siret: place for row in rows(company, "matching_etablissements") if (place := read_place(row, False))
    }
    if head := read_place(head_office, True):
        found[head.siret] = head
    places = sorted(found.values(), key=lambda place: (not place.active, not place.head_office, place.siret))
    total = company.get("nombre_etablissements")
    return Establishments(
        siren.value,
        Outcome.OBTAINED if places else Outcome.NOT_FOUND,
        text(company, "nom_raison_sociale") or text(company, "nom_complet"),
        tuple(places),
        total if isinstance(total, int) else len(places),
    )


def read_place(row: Json, head_office: bool) -> Establishment | None:
    """One place of a result, masks already taken out; None without a number. Raises Unreadable."""
    siret = text(row, "siret")
    if siret is None:
        return None
    return Establishment(
        siret=siret,
        head_office=head_office or row.get("est_siege") is True,
        active=text(row, "etat_administratif") == "A",
        address=text(row, "adresse"),
        postcode=text(row, "code_postal"),
        city=text(row, "libelle_commune"),
    )
