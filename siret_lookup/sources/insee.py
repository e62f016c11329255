"""What Insee's endpoints share: legal unit, activity in both nomenclatures, workforce, masks.

Shapes: INSEE Sirene endpoints of API Entreprise v4. In v4 `activite_principale` is already NAF 2025, official from
1 January 2027 (décret 2025-736); `activite_principale_naf_rev2` holds the present one: both are kept as pairs.
"""

from siret_lookup.body import Body, Json, flag, required, section, text, unix_day

UNIT_STATES = {"A": "active", "C": "ceased"}
ESTABLISHMENT_STATES = {"A": "active", "F": "closed"}
_KINDS = {"personne_morale": "legal_person", "personne_physique": "natural_person"}
_REV2, _NAF2025 = "NAFRev2", "NAF2025"
# Where a mask was found → the fact that is missing because of it.
_MASKED = (
    ("personne_morale_attributs.raison_sociale", "name"),
    ("personne_morale_attributs.sigle", "acronym"),
    ("personne_physique_attributs.", "name"),
    ("adresse.code_postal", "postcode"),
    ("adresse.", "address_lines"),
    ("enseigne", "trade_name"),
)


def unit_facts(unit: Json) -> dict[str, object]:
    """Facts of a legal unit, under either endpoint. Raises Unreadable."""
    legal_form = section(unit, "forme_juridique")
    company = section(unit, "personne_morale_attributs")
    return {
        "siren": required(unit, "siren"),
        "kind": _KINDS.get(text(unit, "type") or ""),
        "name": text(company, "raison_sociale") or person_name(section(unit, "personne_physique_attributs")),
        "acronym": text(company, "sigle"),
        "rna": text(unit, "rna"),
        "head_office_siret": text(unit, "siret_siege_social"),
        "legal_form": {"code": text(legal_form, "code"), "label": text(legal_form, "libelle")},
        "category": text(unit, "categorie_entreprise"),
        "social_economy": flag(unit, "economie_sociale_et_solidaire"),
        "unit_state": UNIT_STATES.get(required(unit, "etat_administratif")),
        "unit_created_on": unix_day(unit, "date_creation"),
        "unit_ceased_on": unix_day(unit, "date_cessation"),
        "unit_diffusion": text(unit, "status_diffusion"),
        **{f"unit_{key}": value for key, value in activity_facts(unit).items()},
        **{f"unit_{key}": value for key, value in workforce_facts(unit).items()},
    }


def person_name(person: Json) -> str | None:
    """First and last name of an individual; the name of use before the name of birth, else the pseudonym."""
    first = text(person, "prenom_usuel") or text(person, "prenom_1")
    last = text(person, "nom_usage") or text(person, "nom_naissance")
    if last is None:
        return text(person, "pseudonyme")
    return f"{first} {last}" if first else last


def activity_facts(data: Json) -> dict[str, object]:
    """`naf` (rev. 2) and `naf_2025`, each `{code, nomenclature, label}` or None."""
    found: dict[str, object] = {"naf": None, "naf_2025": None}
    for key, usual in (("activite_principale_naf_rev2", _REV2), ("activite_principale", _NAF2025)):
        activity = section(data, key)
        code = text(activity, "code")
        if code is None:
            continue
        nomenclature = text(activity, "nomenclature") or usual
        slot = "naf_2025" if nomenclature == _NAF2025 else "naf"
        found[slot] = {"code": code, "nomenclature": nomenclature, "label": text(activity, "libelle")}
    return found


def workforce_facts(data: Json) -> dict[str, object]:
    """The bracket of headcount, in words, its code and the year it is of."""
    bracket = section(data, "tranche_effectif_salarie")
    return {
        "workforce": text(bracket, "intitule"),
        "workforce_code": text(bracket, "code"),
        "workforce_year": text(bracket, "date_reference"),
    }


def masked_facts(body: Body) -> list[str]:
    """Names of the facts that Insee does not diffuse, in order, each once."""
    names = (next((fact for part, fact in _MASKED if part in path), path) for path in body.masked)
    return list(dict.fromkeys(names))


def masked_address(body: Body) -> list[str]:
    """The same for the endpoint that gives an address alone."""
    return list(dict.fromkeys("postcode" if path == "code_postal" else "address_lines" for path in body.masked))
