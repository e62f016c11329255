"""OPQIBI, engineering qualifications. The address is a page of its site, the validity a free text."""

from datetime import date

from siret_lookup.body import Body, Json, Reading, flag, public_page, required, rows, said_day, text
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """Certificate number, qualifications (probationary ones apart), insurers as free text. Raises Unreadable."""
    data = body.fields
    ends_on = said_day(data, "date_validite_qualifications")
    facts: dict[str, object] = {
        "certificate": required(data, "numero_certificat"),
        "page": public_page(data, "url"),
        "issued_on": said_day(data, "date_delivrance_certificat"),
        "validity": text(data, "duree_validite_certificat"),
        "insurers": text(data, "assurances"),
        "qualifications": [_qualification(row) for row in rows(data, "qualifications")],
        "qualifications_until": ends_on,
        "probationary": [_qualification(row) for row in rows(data, "qualifications_probatoires")],
        "probationary_until": said_day(data, "date_validite_qualifications_probatoires"),
    }
    return Reading(facts, valid_until=_day(ends_on))


def _qualification(row: Json) -> dict[str, object]:
    return {"code": text(row, "code_qualification"), "name": text(row, "nom"), "rge": flag(row, "rge")}


def _day(said: str | None) -> date | None:
    try:
        return date.fromisoformat(said or "")
    except ValueError:
        return None


SOURCE = Source(
    key="opqibi",
    title="Qualifications OPQIBI",
    provider="OPQIBI",
    by="siren",
    path="/v3/opqibi/unites_legales/{siren}/certification_ingenierie",
    open=False,
    kind="capacity",
    group="json",
    perimeter="les bureaux d’ingénierie qui ont une qualification OPQIBI",
    substitute="une qualification équivalente, ou des références d’études de même nature",
    read=read,
)
