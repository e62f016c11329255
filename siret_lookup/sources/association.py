"""DJEPVA, what is known of an association: open endpoint, and protected one with officers and statutes, v4."""

from siret_lookup.body import Body, Json, Reading, day, flag, iso, required, rows, section, text
from siret_lookup.source import Source

_STATUTES = "STC"


def read_open(body: Body) -> Reading:
    """Name, numbers, state, purpose and approvals. Raises Unreadable."""
    return Reading(_facts(body))


def read(body: Body) -> Reading:
    """The same with officers (name, role), titles of documents and a copy of the latest statutes. Raises Unreadable."""
    data = body.fields
    establishments, filed = rows(data, "etablissements"), rows(data, "documents_rna")
    facts = {
        **_facts(body),
        "officers": [_officer(row) for place in establishments for row in rows(place, "representants_legaux")],
        "documents": [_document(row) for row in filed],
    }
    statutes = [row for row in filed if text(section(row, "sous_type"), "code") == _STATUTES and text(row, "url")]
    latest = max(statutes, key=lambda row: iso(day(row, "date_depot")) or "", default=None)
    return Reading(facts, document_url=text(latest or {}, "url"))


def _facts(body: Body) -> dict[str, object]:
    data = body.fields
    activity = section(data, "activites")
    return {
        "name": required(data, "nom"),
        "acronym": text(data, "sigle"),
        "rna": text(data, "rna"),
        "siren": text(data, "siren"),
        "head_office_siret": text(data, "siret_siege"),
        "active": flag(data, "active"),
        "law": text(data, "regime"),
        "grouping": text(data, "groupement"),
        "public_interest": flag(data, "reconnue_utilite_publique"),
        "business_taxes": flag(data, "impots_commerciaux"),
        "created_on": iso(day(data, "date_creation")),
        "dissolved_on": iso(day(data, "date_dissolution")),
        "purpose": text(activity, "objet"),
        "social_economy": flag(activity, "economie_sociale_et_solidaire"),
        "approvals": [_approval(row) for row in rows(data, "agrements")],
    }


def _approval(row: Json) -> dict[str, object]:
    return {
        "number": text(row, "numero"),
        "kind": text(row, "type"),
        "level": text(row, "niveau"),
        "by": text(row, "attributeur"),
        "awarded_on": iso(day(row, "date_attribution")),
    }


def _officer(row: Json) -> dict[str, object]:
    names = (part for key in ("prenom", "nom") if (part := text(row, key)))
    return {"role": text(row, "fonction"), "name": " ".join(names) or None}


def _document(row: Json) -> dict[str, object]:
    return {"title": text(section(row, "sous_type"), "libelle"), "filed_on": iso(day(row, "date_depot"))}


PROTECTED = Source(
    key="association",
    title="Fiche de l’association, statuts",
    provider="DJEPVA",
    by="siren",
    path="/v4/djepva/api-association/associations/{siren}",
    open=False,
    kind="identity",
    group="json",
    perimeter="les associations inscrites au répertoire national des associations ou au répertoire Sirene",
    substitute="les statuts de l’association et la liste de ses dirigeants",
    read=read,
    document=True,
    facts_stand=True,
)

OPEN = Source(
    key="association_ouverte",
    title="Fiche de l’association (données ouvertes)",
    provider="DJEPVA",
    by="siren",
    path="/v4/djepva/api-association/associations/open_data/{siren}",
    open=True,
    kind="identity",
    group="json",
    perimeter="les associations inscrites au répertoire national des associations ou au répertoire Sirene",
    substitute="les informations d’identité de l’association, saisies par elle",
    read=read_open,
)
