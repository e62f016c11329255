"""Who a company is, in one open-data call: what may be shown to whoever typed the SIRET."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from siret_lookup.fetch import fetch
from siret_lookup.http import Access
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.quotas import QuotaStore
from siret_lookup.siret import Siret
from siret_lookup.sources import insee_etablissement


@dataclass(frozen=True, slots=True)
class Identity:
    """What Sirene says of one establishment. Without an `obtained` outcome only the numbers are known.

    `siret` is the one that answers, `redirected_from` the one asked where Insee has merged a duplicate. `naf` and
    `naf_2025` are `(code, nomenclature)`. `masked` names what the person asked not to diffuse: to be asked for, by
    name of field. `establishment_state` is active or closed, `unit_state` active or ceased.
    """

    siret: str
    siren: str
    outcome: Outcome
    fetched_at: datetime
    source: str
    name: str | None = None
    trade_name: str | None = None
    kind: str | None = None
    legal_form: str | None = None
    legal_form_code: str | None = None
    address_lines: tuple[str, ...] = ()
    postcode: str | None = None
    city: str | None = None
    country: str | None = None
    naf: tuple[str, str] | None = None
    naf_2025: tuple[str, str] | None = None
    establishment_state: str | None = None
    unit_state: str | None = None
    closed_on: str | None = None
    head_office: bool | None = None
    head_office_siret: str | None = None
    category: str | None = None
    workforce: str | None = None
    workforce_year: str | None = None
    unit_workforce_code: str | None = None
    unit_workforce_year: str | None = None
    masked: tuple[str, ...] = ()
    redirected_from: str | None = None
    retry_at: datetime | None = None
    detail: str | None = None
    sha256: str | None = None


def open_identity(siret: Siret, access: Access, now: datetime, quotas: QuotaStore) -> Identity:
    """Look the establishment up in open data only. Never raises for a remote fault."""
    return identity_of(siret, fetch(insee_etablissement.OPEN.key, siret, access, now, quotas))


def identity_of(siret: Siret, result: PieceResult) -> Identity:
    """The identity that one of the two establishment sources gave."""
    if result.outcome is not Outcome.OBTAINED:
        return _numbers_only(siret, result)
    facts = result.facts
    answered = _text(facts, "siret") or siret.value
    form, head_office = facts.get("legal_form"), facts.get("head_office")
    form = form if isinstance(form, Mapping) else {}
    return Identity(
        siret=answered,
        siren=answered[:9],
        outcome=result.outcome,
        fetched_at=result.fetched_at,
        source=result.source,
        name=_text(facts, "name"),
        trade_name=_text(facts, "trade_name"),
        kind=_text(facts, "kind"),
        legal_form=_text(form, "label"),
        legal_form_code=_text(form, "code"),
        address_lines=_texts(facts, "address_lines"),
        postcode=_text(facts, "postcode"),
        city=_text(facts, "city"),
        country=_text(facts, "country"),
        naf=_pair(facts, "naf"),
        naf_2025=_pair(facts, "naf_2025"),
        establishment_state=_text(facts, "establishment_state"),
        unit_state=_text(facts, "unit_state"),
        closed_on=_text(facts, "closed_on"),
        head_office=head_office if isinstance(head_office, bool) else None,
        head_office_siret=_text(facts, "head_office_siret"),
        category=_text(facts, "category"),
        workforce=_text(facts, "workforce") or _text(facts, "unit_workforce"),
        unit_workforce_code=_text(facts, "unit_workforce_code"),
        unit_workforce_year=_text(facts, "unit_workforce_year"),
        workforce_year=_text(facts, "workforce_year") or _text(facts, "unit_workforce_year"),
        masked=_texts(facts, "masked"),
        redirected_from=siret.value if answered != siret.value else _text(facts, "redirected_from"),
        sha256=result.sha256,
    )


def _numbers_only(siret: Siret, result: PieceResult) -> Identity:
    return Identity(
        siret.value,
        siret.siren,
        result.outcome,
        result.fetched_at,
        result.source,
        retry_at=result.retry_at,
        detail=result.detail,
        sha256=result.sha256,
    )


def _text(facts: Mapping[str, object], key: str) -> str | None:
    value = facts.get(key)
    return value if isinstance(value, str) else None


def _texts(facts: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = facts.get(key)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _pair(facts: Mapping[str, object], key: str) -> tuple[str, str] | None:
    value = facts.get(key)
    return (str(value["code"]), str(value["nomenclature"])) if isinstance(value, Mapping) else None
