"""Carif-Oref network: training bodies' declarations, Qualiopi certification, France compétences' habilitations."""

from siret_lookup.body import Body, Json, Reading, day, flag, iso, listed, required, rows, section, text
from siret_lookup.source import Source

# Published name → the action of training it certifies.
_ACTIONS = {
    "action_formation": "training",
    "bilan_competences": "skills_review",
    "validation_acquis_experience": "experience",
    "apprentissage": "apprenticeship",
}


def read(body: Body) -> Reading:
    """`declarations` with the certified actions, and `habilitations`. Raises Unreadable."""
    data = body.fields
    facts: dict[str, object] = {
        "siret": required(data, "siret"),
        "declarations": [_declaration(row) for row in listed(data, "declarations_activites_etablissement")],
        "habilitations": [_habilitation(row) for row in rows(data, "habilitations_france_competence")],
    }
    return Reading(facts)


def _declaration(row: Json) -> dict[str, object]:
    certified, fields = section(row, "certification_qualiopi"), section(row, "specialites")
    labels = (text(section(fields, f"specialite_{rank}"), "libelle") for rank in (1, 2, 3))
    return {
        "number": text(row, "numero_de_declaration"),
        "active": flag(row, "actif"),
        "declared_on": iso(day(row, "date_derniere_declaration")),
        "certified_for": [name for key, name in _ACTIONS.items() if flag(certified, key)],
        "by_the_company": flag(certified, "obtention_via_unite_legale"),
        "fields": [label for label in labels if label],
    }


def _habilitation(row: Json) -> dict[str, object]:
    return {
        "code": text(row, "code"),
        "active": flag(row, "actif"),
        "until": iso(day(row, "date_fin_enregistrement")),
        "may_train": flag(row, "habilitation_pour_former"),
        "may_assess": flag(row, "habilitation_pour_organiser_l_evaluation"),
    }


SOURCE = Source(
    key="qualiopi",
    title="Certification Qualiopi et habilitations",
    provider="Carif-Oref",
    by="siret",
    path="/v3/carif_oref/etablissements/{siret}/certifications_qualiopi_france_competences",
    open=False,
    kind="capacity",
    group="json",
    perimeter="les organismes de formation déclarés",
    substitute="le certificat Qualiopi et le numéro de déclaration d’activité",
    read=read,
)
