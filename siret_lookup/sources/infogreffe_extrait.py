"""Infogreffe, what the trade register says of a company (open data). Not a Kbis: a Kbis may not be asked for."""

from siret_lookup.body import Body, Json, Reading, day, iso, required, rows, section, text
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """Registration, legal form, capital, representatives (without birth dates) and observations. Raises Unreadable."""
    data = body.fields
    company, person = section(data, "personne_morale"), section(data, "personne_physique")
    main, capital = section(data, "etablissement_principal"), section(data, "capital")
    registry, form = section(data, "greffe"), section(company, "forme_juridique")
    facts: dict[str, object] = {
        "siren": required(data, "siren"),
        "name": text(company, "denomination") or _full_name(person),
        "trade_name": text(data, "nom_commercial"),
        "legal_form": {"code": text(form, "code"), "label": text(form, "valeur")},
        "registered_on": iso(day(data, "date_immatriculation")),
        "struck_off_on": iso(day(data, "date_radiation")),
        "extracted_on": iso(day(data, "date_extrait")),
        "registry": {"code": text(registry, "code"), "name": text(registry, "valeur")},
        "capital": {"amount": _amount(capital), "currency": text(capital, "code_devise")},
        "financial_year_end": text(company, "date_cloture_exercice_comptable"),
        "company_ends_on": text(company, "date_fin_de_vie"),
        # The main establishment of the trade register, which need not be the head office.
        "main_activity": text(main, "activite"),
        "main_activity_code": text(main, "code_ape"),
        "representatives": [_representative(row) for row in rows(data, "mandataires_sociaux")],
        "observations": [_observation(row) for row in rows(data, "observations")],
    }
    return Reading(facts)


def _representative(row: Json) -> dict[str, object]:
    return {
        "role": text(row, "fonction"),
        "name": text(row, "raison_sociale") or _full_name(row),
        "siren": text(row, "numero_identification"),
    }


def _observation(row: Json) -> dict[str, object]:
    return {"number": text(row, "numero"), "text": text(row, "libelle"), "date": text(row, "date")}


def _full_name(person: Json) -> str | None:
    return " ".join(part for key in ("prenom", "nom") if (part := text(person, key))) or None


def _amount(capital: Json) -> str | None:
    value = capital.get("montant")
    return f"{value:.2f}" if isinstance(value, int | float) and not isinstance(value, bool) else None


SOURCE = Source(
    key="infogreffe_extrait",
    title="Extrait du registre du commerce et des sociétés",
    provider="Infogreffe",
    by="siren",
    path="/v3/infogreffe/rcs/unites_legales/{siren}/extrait_kbis",
    open=True,
    kind="identity",
    group="json",
    perimeter="les sociétés et commerçants inscrits au registre du commerce et des sociétés, à l’exclusion des "
    "artisans, professions libérales, exploitants agricoles et associations qui n’y sont pas inscrits",
    substitute="le numéro unique d’identification, qui suffit",
    read=read,
)
