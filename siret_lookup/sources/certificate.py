"""What the funds' v3 endpoints share: a document and nothing else."""

from siret_lookup.body import Body, Reading, expect, text
from siret_lookup.outcome import Outcome


def read_certificate(body: Body) -> Reading:
    """The document's address; a null one says nothing of the company. Raises Unreadable.

    `expires_in` is how many seconds the address lives: it is not an end of validity, and nothing is made of it.
    """
    data = body.fields
    expect(data, "document_url")
    url = text(data, "document_url")
    return Reading(outcome=Outcome.OBTAINED if url else Outcome.NOT_FOUND, document_url=url)
