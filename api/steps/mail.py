"""Sends one waiting message over SMTP. Without MPS_SMTP_URL messages stay in the « boîte d’essai »."""

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from api import db as database
from api.context import Context
from procurement.mail import Mail, claim_mail, mail_failed, mail_sent

SENDER = "mps <ne-pas-repondre@{host}>"


def send_one(context: Context) -> bool:
    """Claim, send, record. True when a message was handled."""
    url = context.settings.smtp_url
    if url is None:
        return False
    with database.transaction(context.database) as db:
        mail = claim_mail(db, database.now(db))
    if mail is None:
        return False
    try:
        deliver(url, message(mail, urlsplit(context.settings.public_url).hostname or "localhost"))
        error = ""
    except (OSError, ValueError, smtplib.SMTPException) as problem:  # ValueError: an address no header can hold
        error = f"{type(problem).__name__}: {problem}"
    with database.transaction(context.database) as db:
        row = db.get_one(Mail, mail.id)
        now = database.now(db)
        if error:
            mail_failed(row, error, now)
        else:
            mail_sent(row, now)
    return True


def message(mail: Mail, host: str) -> EmailMessage:
    """The message; its Message-ID is the row's, so that a second sending is recognised as the same."""
    built = EmailMessage()
    built["From"] = SENDER.format(host=host)
    built["To"] = mail.to
    built["Subject"] = mail.subject
    built["Message-ID"] = f"<{mail.ref}@{host}>"
    built.set_content(mail.body)
    return built


def deliver(url: str, built: EmailMessage) -> None:
    """`smtp://`, `smtp+starttls://user:password@host:port`, `smtps://`; raises OSError or SMTPException."""
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or (465 if parts.scheme == "smtps" else 25)
    client = (
        smtplib.SMTP_SSL(host, port, timeout=20, context=ssl.create_default_context())
        if parts.scheme == "smtps"
        else smtplib.SMTP(host, port, timeout=20)
    )
    with client:
        if parts.scheme == "smtp+starttls":
            client.starttls(context=ssl.create_default_context())
        if parts.username:
            client.login(unquote(parts.username), unquote(parts.password or ""))
        client.send_message(built)
