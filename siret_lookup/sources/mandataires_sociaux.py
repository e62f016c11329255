"""Infogreffe, representatives of a company of the trade register. Of a birth date only the year is kept."""

from siret_lookup.body import Body, Json, Reading, birth_year, expect, text
from siret_lookup.outcome import Outcome
from siret_lookup.source import Source

_KINDS = {"personne_morale": "legal_person", "personne_physique": "natural_person"}


def read(body: Body) -> Reading:
    """`representatives`: `[{role, kind, name, number, birth_year}]`, without place of birth. Raises Unreadable."""
    people = [person for item in body.items if (person := _representative(item))]
    return Reading({"representatives": people}, outcome=Outcome.OBTAINED if people else Outcome.NOT_FOUND)


def _representative(item: Json) -> dict[str, object] | None:
    expect(item, "fonction")
    names = (part for key in ("prenom", "nom") if (part := text(item, key)))
    name = text(item, "raison_sociale") or " ".join(names) or None
    role = text(item, "fonction")
    if name is None and role is None:
        return None
    return {
        "role": role,
        "kind": _KINDS.get(text(item, "type") or ""),
        "name": name,
        "number": text(item, "numero_identification"),
        "birth_year": birth_year(item, "date_naissance"),
    }


SOURCE = Source(
    key="mandataires_sociaux",
    title="Mandataires sociaux",
    provider="Infogreffe",
    by="siren",
    path="/v3/infogreffe/rcs/unites_legales/{siren}/mandataires_sociaux",
    open=False,
    kind="identity",
    group="json",
    perimeter="les sociétés et commerçants inscrits au registre du commerce et des sociétés",
    substitute="le nom et la fonction des représentants de l’entreprise, indiqués par elle",
    read=read,
    motive=True,
)
