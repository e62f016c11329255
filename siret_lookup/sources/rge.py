"""Ademe, RGE certifications of an establishment. The address may be a certificate or a page of the body's site."""

from siret_lookup.body import Body, Json, Reading, flag, public_page, required, said_day, section, text
from siret_lookup.outcome import Outcome
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """`certificates`, current ones first, then by end; each has its own, the piece has none. Raises Unreadable."""
    items = sorted(body.items, key=_rank, reverse=True)
    facts: dict[str, object] = {"certificates": [_certificate(item) for item in items]}
    outcome = Outcome.OBTAINED if items else Outcome.NOT_FOUND
    return Reading(facts, outcome=outcome, document_url=text(items[0], "url") if items else None)


def _archived(item: Json) -> bool | None:
    return flag(section(item, "meta"), "archived")


def _rank(item: Json) -> tuple[bool, str]:
    return not _archived(item), said_day(item, "date_expiration") or ""


def _certificate(item: Json) -> dict[str, object]:
    qualification = section(item, "qualification")
    return {
        "name": required(item, "nom_certificat"),
        "field": text(item, "domaine"),
        "family": text(item, "meta_domaine"),
        "qualification": {"code": text(qualification, "code"), "name": text(qualification, "nom")},
        "body": text(item, "organisme"),
        "starts_on": said_day(item, "date_attribution"),
        "ends_on": said_day(item, "date_expiration"),
        "archived": _archived(item),
        "page": public_page(item, "url"),
    }


SOURCE = Source(
    key="rge",
    title="Certifications RGE",
    provider="Ademe",
    by="siret",
    path="/v3/ademe/etablissements/{siret}/certification_rge",
    open=False,
    kind="capacity",
    group="json",
    perimeter="les entreprises qui ont un signe de qualité « reconnu garant de l’environnement »",
    substitute="le certificat de l’organisme qualificateur, ou une preuve équivalente",
    read=read,
    document=True,
    facts_stand=True,
    # Production gives from 1 to 1 000.
    params={"limit": "100"},
)
