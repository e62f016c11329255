"""INPI, extract of the national register of companies: traders, craftsmen, farmers and liberal professions."""

from siret_lookup.body import Body, Json, Reading, birth_year, day, flag, iso, number, required, rows, section, text
from siret_lookup.source import Source

_NATURES = {"COMMERCIALE": "trade", "ARTISANALE": "craft", "AGRICOLE": "farming", "LIBERALE": "liberal"}
_STATES = {"actif": "active", "fermé": "closed"}


def read(body: Body) -> Reading:
    """Identity, people (birth years only), establishments and observations, with the PDF. Raises Unreadable."""
    data = body.fields
    facts = {
        **_identity(section(data, "identite_entreprise")),
        "people": [_person(row) for row in rows(data, "dirigeants_et_associes")],
        "establishments": [_establishment(row) for row in rows(data, "etablissements")],
        "observations": [_observation(row) for row in rows(data, "observations")],
    }
    return Reading(facts, document_url=required(data, "document_url"))


def _identity(company: Json) -> dict[str, object]:
    capital, form = section(company, "capital_social"), section(company, "forme_juridique")
    dissolved = section(company, "dissolution")
    first_names = company.get("prenoms")
    names = [name for name in first_names if isinstance(name, str)] if isinstance(first_names, list) else []
    person = " ".join([*names[:1], text(company, "nom") or ""]).strip() or None
    return {
        "siren": required(company, "siren"),
        "name": text(company, "denomination") or person,
        "legal_form": {"code": text(form, "code"), "label": text(form, "libelle")},
        "nature": _NATURES.get(text(company, "nature_entreprise") or ""),
        "registered_on": iso(day(company, "date_immatriculation_rne")),
        "started_on": iso(day(company, "date_debut_activite")),
        "dissolved_on": iso(day(dissolved, "date")),
        "carries_on_after_dissolution": flag(dissolved, "poursuite_activite"),
        "company_ends_on": iso(day(company, "date_fin_personne")),
        "financial_year_end": text(company, "date_cloture_exercice"),
        "sole_partner": flag(company, "associe_unique"),
        "purpose": text(company, "activite_principales_objet_social"),
        "activity": _code(company, "code_APE"),
        "craft_activity": _code(company, "code_APRM"),
        "capital": {"amount": number(capital, "montant"), "currency": text(capital, "devise")},
        "head_office": _address(section(company, "adresse_siege_social")),
    }


def _person(row: Json) -> dict[str, object]:
    name = " ".join(part for key in ("prenom", "nom") if (part := text(row, key))) or None
    return {"role": text(row, "qualite"), "name": name, "birth_year": birth_year(row, "date_naissance")}


def _establishment(row: Json) -> dict[str, object]:
    return {
        "siret": text(row, "siret"),
        "kind": text(row, "type_etablissement"),
        "state": _STATES.get(text(row, "statut") or ""),
        "started_on": iso(day(row, "date_debut_activite")),
        "activity": text(row, "activite_principale"),
        "address": _address(section(row, "adresse")),
    }


def _observation(row: Json) -> dict[str, object]:
    return {"number": text(row, "numero"), "text": text(row, "texte"), "date": iso(day(row, "date"))}


def _code(company: Json, key: str) -> dict[str, object]:
    code = section(company, key)
    return {"code": text(code, "code"), "label": text(code, "libelle")}


def _address(address: Json) -> str | None:
    town = " ".join(part for key in ("code_postal", "commune") if (part := text(address, key)))
    lines = (text(address, "voie"), text(address, "complement"), town or None, text(address, "pays"))
    return ", ".join(line for line in lines if line) or None


SOURCE = Source(
    key="rne_extrait",
    title="Extrait du registre national des entreprises",
    provider="INPI",
    by="siren",
    path="/v3/inpi/rne/unites_legales/{siren}/extrait_rne",
    open=False,
    kind="identity",
    group="inpi_rne_extrait",
    perimeter="les entreprises inscrites au registre national des entreprises, dont les artisans, les exploitants "
    "agricoles et les professions libérales",
    substitute="le numéro unique d’identification, qui suffit",
    read=read,
    document=True,
    proxied=True,
)
