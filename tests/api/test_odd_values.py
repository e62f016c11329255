"""Characters that no mail header and no database can hold are said, wherever they are written."""

import pytest

from api.context import Context
from api.db import now, reading, transaction
from api.steps.mail import send_one
from procurement.mail import Mail, post
from tests.checked_client import CheckedClient

ODD = ["é@exemple.fr", "a@b..fr", "a@é.fr", "\u202ea@x.fr", "a(b@x.fr", "a@b@x.fr", "a@[x.fr"]
OURS = {"sec-fetch-site": "same-origin"}


@pytest.mark.parametrize("email", ODD)
def test_an_address_no_server_takes_is_refused(client: CheckedClient, email: str) -> None:
    answer = client.post("/inscription", data={"email": email, "name": "Nadia"}, headers=OURS)
    assert answer.status_code == 422
    assert "nom@exemple.fr" in answer.text


def test_a_null_character_is_no_bug(client: CheckedClient) -> None:
    assert client.get("/consultations/%00").status_code in (404, 422)  # PostgreSQL cannot even look for it


def test_a_message_that_cannot_be_written_is_given_up_in_the_end(context: Context) -> None:
    """Left unrecorded, it would be claimed again every two minutes, for ever."""
    context.settings.smtp_url = "smtp://127.0.0.1:9"
    with transaction(context.database) as db:
        post(db, to="a\nb@x.fr", subject="Essai", body="Essai", now=now(db))
    assert send_one(context)
    with reading(context.database) as db:
        assert "ValueError" in db.query(Mail).one().last_error
