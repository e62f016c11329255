"""Mail: written in the transaction, sent by the worker over real SMTP, tried again, kept in the trial box otherwise."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from api.context import Context
from api.db import now, reading, transaction
from api.steps.mail import send_one
from procurement.mail import Mail, post
from tests.checked_client import CheckedClient


class Inbox:
    """An SMTP server's memory."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.messages.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, str]]:
    handler = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, f"smtp://127.0.0.1:{port}"
    controller.stop()


def with_smtp(context: Context, url: str) -> Context:
    return replace(context, settings=context.settings.model_copy(update={"smtp_url": url}))


def queue(context: Context, subject: str = "Votre offre est retenue") -> None:
    with transaction(context.database) as db:
        post(db, to="lea@exemple.fr", subject=subject, body="Bonjour Léa,\n\n« Ça va ? »\n", now=now(db))


def test_a_message_is_sent_once(context: Context, inbox: tuple[Inbox, str]) -> None:
    queue(context)
    sender = with_smtp(context, inbox[1])
    assert send_one(sender)
    assert not send_one(sender)
    (message,) = inbox[0].messages
    assert message["To"] == "lea@exemple.fr"
    assert message["Subject"] == "Votre offre est retenue"
    assert "« Ça va ? »" in message.get_content()


def test_no_header_can_be_slipped_into_the_subject(context: Context, inbox: tuple[Inbox, str]) -> None:
    queue(context, subject="Bonjour\r\nBcc: tous@exemple.fr")
    assert send_one(with_smtp(context, inbox[1]))
    assert inbox[0].messages[0]["Bcc"] is None


def test_a_server_that_is_down_delays_and_loses_nothing(context: Context) -> None:
    queue(context)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"smtp://127.0.0.1:{probe.getsockname()[1]}"
    assert send_one(with_smtp(context, closed))
    with reading(context.database) as db:
        mail = db.scalars(select(Mail)).one()
        assert mail.sent_at is None
        assert mail.attempts == 1
        assert "Refused" in mail.last_error
        assert mail.next_try_at is not None
        assert now(db) < mail.next_try_at < now(db) + timedelta(minutes=1)


def test_without_a_server_messages_wait_in_the_trial_box(context: Context, client: CheckedClient) -> None:
    queue(context)
    assert not send_one(context)
    client.get("/boite")
    assert "Votre offre est retenue" in client.page.main
