"""A buyer's own Word model: which stored file dresses its documents, since when, and who chose it."""

from datetime import datetime

from procurement.people import Organisation, Person


def keep_word_model(
    organisation: Organisation, key: str, name: str, sha256: str, person: Person, now: datetime
) -> None:
    """From now on its .docx are written in this model; those already published stay as they are."""
    organisation.word_model_key, organisation.word_model_name = key, name
    organisation.word_model_sha256, organisation.word_model_at = sha256, now
    organisation.word_model_by = f"{person.name} ({person.email})"[:200]


def drop_word_model(organisation: Organisation) -> None:
    """Back to the look of mps; its bytes are swept later: no row names them any more."""
    organisation.word_model_key = organisation.word_model_sha256 = organisation.word_model_at = None
    organisation.word_model_name = organisation.word_model_by = ""
