"""Qualifelec: an electrician's certificates, each with its insurers. The document may be an image."""

from siret_lookup.body import Body, Json, Reading, day, expect, flag, iso, number, rows, section, text
from siret_lookup.outcome import Outcome
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """`certificates`, the one that ends last first; its document and its end are the piece's. Raises Unreadable."""
    items = sorted(body.items, key=_end, reverse=True)
    if not items:
        return Reading({"certificates": []}, outcome=Outcome.NOT_FOUND)
    return Reading(
        {"certificates": [_certificate(item) for item in items]},
        document_url=text(items[0], "document_url"),
        valid_from=day(items[0], "date_debut"),
        valid_until=day(items[0], "date_fin"),
    )


def _end(item: Json) -> str:
    expect(item, "date_fin", "qualification")
    return iso(day(item, "date_fin")) or ""


def _certificate(item: Json) -> dict[str, object]:
    qualification = section(item, "qualification")
    size = section(qualification, "classification")
    return {
        "number": number(item, "numero"),
        "label": text(qualification, "label"),
        "rge": flag(item, "rge"),
        "starts_on": iso(day(item, "date_debut")),
        "ends_on": iso(day(item, "date_fin")),
        "indices": _labels(qualification, "indices"),
        "mentions": _labels(qualification, "mentions"),
        "fields": _labels(qualification, "domaines"),
        # Qualifelec's class of headcount, in its own words.
        "size": text(size, "label"),
        "insurers": {
            "decennial": _insurer(section(item, "assurance_decennale")),
            "liability": _insurer(section(item, "assurance_civile")),
        },
    }


def _labels(qualification: Json, key: str) -> list[str]:
    return [label for row in rows(qualification, key) if (label := text(row, "label") or text(row, "code"))]


def _insurer(row: Json) -> dict[str, object]:
    return {
        "name": text(row, "nom"),
        "starts_on": iso(day(row, "date_debut")),
        "ends_on": iso(day(row, "date_fin")),
    }


SOURCE = Source(
    key="qualifelec",
    title="Certificats Qualifelec",
    provider="Qualifelec",
    by="siret",
    path="/v3/qualifelec/etablissements/{siret}/certificats",
    open=False,
    kind="capacity",
    group="json",
    perimeter="les entreprises d’électricité qui ont un certificat Qualifelec",
    substitute="un certificat équivalent, ou des références de travaux de même nature",
    read=read,
    document=True,
    facts_stand=True,
)
