"""Insee, establishment with its legal unit: protected (buyers) and open (`diffusibles`) endpoints, v4."""

from siret_lookup.body import Body, Json, Reading, Unreadable, flag, required, section, text, unix_day
from siret_lookup.source import Source
from siret_lookup.sources.insee import ESTABLISHMENT_STATES, activity_facts, masked_facts, unit_facts, workforce_facts


def read(body: Body) -> Reading:
    """Facts of the establishment and of its legal unit; states of both are kept apart. Raises Unreadable."""
    data = body.fields
    facts = {
        **unit_facts(section(data, "unite_legale")),
        "siret": required(data, "siret"),
        "redirected_from": text(body.meta, "redirect_from_siret"),
        "head_office": flag(data, "siege_social"),
        "trade_name": text(data, "enseigne"),
        "establishment_state": ESTABLISHMENT_STATES.get(required(data, "etat_administratif")),
        "closed_on": unix_day(data, "date_fermeture"),
        "created_on": unix_day(data, "date_creation"),
        "diffusion": text(data, "status_diffusion"),
        **activity_facts(data),
        **workforce_facts(data),
        **address_facts(section(data, "adresse")),
        "updated_on": unix_day(body.meta, "date_derniere_mise_a_jour"),
        "masked": masked_facts(body),
    }
    if facts["siren"] != required(data, "siret")[:9]:
        raise Unreadable("siret and siren disagree")
    return Reading(facts)


def address_facts(address: Json) -> dict[str, object]:
    """Lines, postcode, city, its code and the foreign country, under either endpoint. Raises Unreadable."""
    return {
        "address_lines": address_lines(address),
        "postcode": text(address, "code_postal"),
        "city": text(address, "libelle_commune") or text(address, "libelle_commune_etranger"),
        "country": text(address, "libelle_pays_etranger"),
        "city_code": text(address, "code_commune"),
    }


def address_lines(address: Json) -> list[str]:
    """Street lines, without name, postcode and city: the postal lines 2 to 5, else built from the parts."""
    postal = section(address, "acheminement_postal")
    lines = [line for key in ("l2", "l3", "l4", "l5") if (line := text(postal, key))]
    if lines:
        return lines
    parts = ("numero_voie", "indice_repetition_voie", "type_voie", "libelle_voie")
    street = " ".join(part for key in parts if (part := text(address, key)))
    others = (text(address, "complement_adresse"), street, text(address, "distribution_speciale"))
    return [line for line in others if line]


PROTECTED = Source(
    key="insee_etablissement",
    title="Fiche Sirene de l’établissement",
    provider="Insee",
    by="siret",
    path="/v4/insee/sirene/etablissements/{siret}",
    open=False,
    kind="identity",
    group="json",
    perimeter="les établissements inscrits au répertoire Sirene, y compris ceux dont la diffusion est restreinte",
    substitute="les informations d’identité de l’entreprise, saisies par elle",
    read=read,
)

OPEN = Source(
    key="insee_etablissement_diffusible",
    title="Fiche Sirene de l’établissement (données ouvertes)",
    provider="Insee",
    by="siret",
    path="/v4/insee/sirene/etablissements/diffusibles/{siret}",
    open=True,
    kind="identity",
    group="json",
    perimeter="les établissements du répertoire Sirene dont les données sont publiques",
    substitute="les informations d’identité de l’entreprise, saisies par elle",
    read=read,
)
