"""ProBTP, pension contributions of building firms: a certificate, and whether one can be had."""

from siret_lookup.body import Body, Reading, Unreadable, flag
from siret_lookup.outcome import Outcome
from siret_lookup.source import Source
from siret_lookup.sources.certificate import read_certificate

_PERIMETER = "les entreprises du bâtiment et des travaux publics qui cotisent à ProBTP pour la retraite"
_SUBSTITUTE = "une attestation de cotisations retraite, à obtenir de ProBTP"


def read_eligible(body: Body) -> Reading:
    """`eligible`; false is one of the four negative facts that exist. Raises Unreadable."""
    eligible = flag(body.fields, "eligible")
    if eligible is None:
        raise Unreadable("eligible is missing")
    outcome = Outcome.OBTAINED if eligible else Outcome.REFUSED_BY_AUTHORITY
    return Reading({"eligible": eligible}, outcome=outcome)


CERTIFICATE = Source(
    key="probtp_attestation",
    title="Attestation de cotisations retraite",
    provider="ProBTP",
    by="siret",
    path="/v3/probtp/etablissements/{siret}/attestation_cotisations_retraite",
    open=False,
    kind="social",
    group="documents",
    perimeter=_PERIMETER,
    substitute=_SUBSTITUTE,
    read=read_certificate,
    document=True,
)

STATUS = Source(
    key="probtp_conformite",
    title="Cotisations retraite à ProBTP",
    provider="ProBTP",
    by="siret",
    path="/v3/probtp/etablissements/{siret}/conformite_cotisations_retraite",
    open=False,
    kind="social",
    group="json",
    perimeter=_PERIMETER,
    substitute=_SUBSTITUTE,
    read=read_eligible,
)
