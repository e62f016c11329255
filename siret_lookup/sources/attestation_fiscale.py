"""DGFiP, tax certificate, v4. Its 404 mixes « out of scope » and « not delivered »: nothing is concluded from it."""

from siret_lookup.body import Body, Reading, day, iso, required
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """Date of issue and end of the analysed period; the certificate states no end of validity. Raises Unreadable."""
    data = body.fields
    issued = day(data, "date_delivrance_attestation")
    facts: dict[str, object] = {
        "issued_on": iso(issued),
        "analysed_until": iso(day(data, "date_periode_analysee")),
    }
    return Reading(facts, document_url=required(data, "document_url"), valid_from=issued)


SOURCE = Source(
    key="attestation_fiscale",
    title="Attestation de régularité fiscale",
    provider="DGFiP",
    by="siren",
    path="/v4/dgfip/unites_legales/{siren}/attestation_fiscale",
    open=False,
    kind="tax",
    group="dgfip_attestation_fiscale",
    perimeter="les sociétés et associations soumises à l’impôt sur les sociétés et à la TVA, à l’exclusion des "
    "entreprises à l’impôt sur le revenu (dont les micro-entreprises), de celles créées dans l’année et de celles en "
    "plan, sauvegarde, redressement, conciliation ou contentieux ; la filiale d’un groupe intégré fournit aussi "
    "l’attestation de sa société mère",
    substitute="l’attestation délivrée par le service des impôts (espace professionnel ou formulaire n° 3666)",
    read=read,
    document=True,
)
