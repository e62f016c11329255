"""INPI, deeds and annual accounts filed since 2017 (open data): titles of all, and a copy of the latest accounts."""

from siret_lookup.body import Body, Json, Reading, day, iso, listed, rows, text
from siret_lookup.outcome import Outcome
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """`deeds` and `accounts`, latest first, by title and date; their addresses expire: no facts. Raises Unreadable."""
    data = body.fields
    deeds = sorted(listed(data, "actes"), key=_filed, reverse=True)
    accounts = sorted(listed(data, "bilans"), key=_closed, reverse=True)
    facts: dict[str, object] = {"deeds": [_deed(row) for row in deeds], "accounts": [_account(row) for row in accounts]}
    return Reading(
        facts,
        outcome=Outcome.OBTAINED if deeds or accounts else Outcome.NOT_FOUND,
        document_url=next((url for row in accounts if (url := text(row, "url"))), None),
    )


def _filed(row: Json) -> str:
    return iso(day(row, "date_depot")) or ""


def _closed(row: Json) -> tuple[str, str]:
    return iso(day(row, "date_cloture")) or "", _filed(row)


def _deed(row: Json) -> dict[str, object]:
    kinds = [
        {"deed": text(kind, "type_acte"), "decision": text(kind, "type_decision")} for kind in rows(row, "types_actes")
    ]
    return {"title": text(row, "nom_document"), "filed_on": iso(day(row, "date_depot")), "kinds": kinds}


def _account(row: Json) -> dict[str, object]:
    return {
        "title": text(row, "nom_document"),
        "kind": text(row, "type"),
        "closed_on": iso(day(row, "date_cloture")),
        "filed_on": iso(day(row, "date_depot")),
    }


SOURCE = Source(
    key="rne_actes_bilans",
    title="Actes et comptes annuels déposés",
    provider="INPI",
    by="siren",
    path="/v3/inpi/rne/unites_legales/open_data/{siren}/actes_bilans",
    open=True,
    kind="capacity",
    group="inpi_rne_actes_bilans",
    perimeter="les sociétés qui déposent des actes ou des comptes publics ; les comptes y sont depuis 2017",
    substitute="les comptes annuels des derniers exercices, là où leur établissement est obligatoire",
    read=read,
    document=True,
    proxied=True,
    facts_stand=True,
)
