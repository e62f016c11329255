"""Qualibat, v4 (open data): certifications, and the insurers that the body has on file."""

from siret_lookup.body import Body, Json, Reading, day, expect, flag, iso, rows, section, text
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """Certifications, insurers of works and of liability, and the certificate with its end. Raises Unreadable."""
    data = body.fields
    expect(data, "entity", "date_fin_validite")
    entity = section(data, "entity")
    facts: dict[str, object] = {
        "issued_on": iso(day(data, "date_emission")),
        "certifications": [_certification(row) for row in rows(entity, "certifications")],
        "insurers": {
            "works": _insurer(section(entity, "assurance_responsabilite_travaux")),
            "liability": _insurer(section(entity, "assurance_responsabilite_civile")),
        },
    }
    return Reading(
        facts,
        document_url=text(data, "document_url"),
        valid_from=day(data, "date_emission"),
        valid_until=day(data, "date_fin_validite"),
    )


def _certification(row: Json) -> dict[str, object]:
    return {
        "code": text(row, "code"),
        "label": text(row, "libelle"),
        "rge": flag(row, "rge"),
        "awarded_on": iso(day(row, "date_attribution")),
    }


def _insurer(row: Json) -> dict[str, object]:
    return {"name": text(row, "nom"), "policy": text(row, "identifiant")}


SOURCE = Source(
    key="qualibat",
    title="Certification Qualibat",
    provider="Qualibat",
    by="siret",
    path="/v4/qualibat/etablissements/{siret}/certification_batiment",
    open=True,
    kind="capacity",
    group="documents",
    perimeter="les entreprises du bâtiment qui ont un certificat Qualibat",
    substitute="un certificat équivalent, ou des références de travaux de même nature",
    read=read,
    document=True,
    facts_stand=True,
)
