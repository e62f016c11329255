"""MSA, whether an establishment's farming contributions are paid: one of three statuses, no document."""

from datetime import timedelta

from siret_lookup.body import Body, Reading, Unreadable, required
from siret_lookup.outcome import Outcome
from siret_lookup.source import Source

_OUTCOMES = {"up_to_date": Outcome.OBTAINED, "outdated": Outcome.REFUSED_BY_AUTHORITY}
_UNDER_REVIEW = "under_investigation"
_REVIEW = timedelta(days=2)


def read(body: Body) -> Reading:
    """The status; « under investigation » is no outage: it waits two days, like Urssaf's reviews. Raises Unreadable."""
    status = required(body.fields, "status")
    facts: dict[str, object] = {"status": status}
    if status == _UNDER_REVIEW:
        return Reading(facts, outcome=Outcome.UNAVAILABLE, code=status, retry_in=_REVIEW)
    if status not in _OUTCOMES:
        raise Unreadable("unknown status")
    return Reading(facts, outcome=_OUTCOMES[status])


SOURCE = Source(
    key="msa_conformite",
    title="Cotisations à la MSA",
    provider="MSA",
    by="siret",
    path="/v3/msa/etablissements/{siret}/conformite_cotisations",
    open=False,
    kind="social",
    group="json",
    perimeter="les employeurs et exploitants agricoles suivis par la MSA",
    substitute="une attestation de régularité à obtenir de la MSA",
    read=read,
)
