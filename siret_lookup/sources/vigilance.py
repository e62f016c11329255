"""Urssaf, vigilance certificate, v4. A certificate that is not delivered comes as a 200 without a document."""

from datetime import date, timedelta

from siret_lookup.body import Body, Reading, Unreadable, day, required, section, text
from siret_lookup.outcome import Outcome
from siret_lookup.periods import later
from siret_lookup.source import Source

_REFUSED = "refus_de_delivrance"


def read(body: Body) -> Reading:
    """Status, security code and validity; dates and code may be missing even on a good answer. Raises Unreadable."""
    data = body.fields
    status = section(data, "entity_status")
    code = required(status, "code")
    starts = day(data, "date_debut_validite")
    facts: dict[str, object] = {
        "status": code,
        "status_label": text(status, "libelle"),
        "security_code": text(data, "code_securite"),
    }
    if code == _REFUSED:
        return Reading(facts, outcome=Outcome.REFUSED_BY_AUTHORITY, detail=text(status, "description"))
    if code != "ok":
        raise Unreadable("unknown status")
    return Reading(
        facts,
        document_url=required(data, "document_url"),
        valid_from=starts,
        valid_until=day(data, "date_fin_validite"),
        valid_strictly_until=strict_end(starts) if starts else None,
    )


def strict_end(starts: date) -> date:
    """The last day on which a certificate starting then is under six months old (code du travail, D8222-5).

    API Entreprise's own end is (start + six months) rounded up to the month's end: later than the text allows.
    """
    return later(starts, 6) - timedelta(days=1)


SOURCE = Source(
    key="vigilance",
    title="Attestation de vigilance",
    provider="Urssaf",
    by="siren",
    path="/v4/urssaf/unites_legales/{siren}/attestation_vigilance",
    open=False,
    kind="social",
    group="urssaf_vigilance",
    perimeter="les entreprises suivies par l’Urssaf, à l’exclusion des micro-entrepreneurs artisans ou commerçants, "
    "des artistes-auteurs, des utilisateurs du Tese ou du CEA et des entreprises sans salarié ou radiées",
    substitute="une attestation de vigilance ou de fourniture des déclarations sociales, à obtenir de l’Urssaf",
    read=read,
    document=True,
)
