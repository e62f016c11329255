"""European Commission (VIES), VAT number. A 404 is « not in VIES », as for small firms without VAT: nothing more."""

from siret_lookup.body import Body, Reading, required
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """`vat_number`. Raises Unreadable."""
    return Reading({"vat_number": required(body.fields, "tva_number")})


SOURCE = Source(
    key="numero_tva",
    title="Numéro de TVA intracommunautaire",
    provider="Commission européenne",
    by="siren",
    path="/v3/european_commission/unites_legales/{siren}/numero_tva",
    open=False,
    kind="identity",
    group="json",
    perimeter="les entreprises qui ont un numéro de TVA actif pour les échanges européens, à l’exclusion de celles en "
    "franchise en base qui n’en ont pas demandé",
    substitute="le numéro de TVA, si l’entreprise en a un",
    read=read,
)
