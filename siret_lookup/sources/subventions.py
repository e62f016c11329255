"""Data.Subvention, subsidies that an association asked for and was paid."""

from decimal import Decimal

from siret_lookup.body import Body, Json, Reading, day, expect, iso, number, rows, section, text
from siret_lookup.outcome import Outcome
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """`subsidies`: `[{year, scheme, asked, granted, status, paid, last_paid_on}]`, euros as text. Raises Unreadable."""
    subsidies = [_subsidy(item) for item in body.items]
    return Reading({"subsidies": subsidies}, outcome=Outcome.OBTAINED if subsidies else Outcome.NOT_FOUND)


def _subsidy(item: Json) -> dict[str, object]:
    expect(item, "demande_subvention", "paiements")
    request, payments = section(item, "demande_subvention"), rows(item, "paiements")
    asked, answer = section(request, "subvention_demandee"), section(request, "instruction")
    return {
        "year": number(request, "annee_exercice_demande"),
        "scheme": text(asked, "dispositif"),
        "asked": number(asked, "montant_demande"),
        "granted": number(answer, "montant_accorde"),
        "status": text(answer, "statut_demande"),
        "paid": format(sum((Decimal(number(row, "montant_verse") or 0) for row in payments), Decimal()), "f"),
        "last_paid_on": max((iso(day(row, "date_versement")) or "" for row in payments), default="") or None,
    }


SOURCE = Source(
    key="subventions",
    title="Subventions publiques de l’association",
    provider="Data.Subvention",
    by="siren",
    path="/v3/data_subvention/associations/{siren}/subventions",
    open=False,
    kind="capacity",
    group="json",
    perimeter="les associations dont une subvention de l’État est connue du service",
    substitute="la liste des subventions publiques reçues, indiquée par l’association",
    read=read,
)
