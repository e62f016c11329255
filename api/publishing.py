"""Publishing a draft: checks as of today, documents made in a worker process, then one short transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from api import db as database
from api import isolate, vault
from api.context import Context
from api.db import reading, transaction
from api.render import PARIS
from api.review import Review, review
from dce_templates.dossier import Dossier
from procurement.candidacy import sha256_json
from procurement.consultation import Consultation, DceFile, describe, find_for, publish
from procurement.errors import DomainError, Invalid, Refused
from procurement.events import lock
from procurement.people import Person
from procurement.rules import rule_table


def launched_today(consultation: Consultation, now: datetime) -> dict[str, Any]:
    """The dossier as published now: the launch date chooses the rules, whatever was planned."""
    return consultation.dossier | {"launched_on": now.astimezone(PARIS).date().isoformat()}


def publish_draft(ctx: Context, who: Person, ref: str) -> None:
    """Publish. Raises Invalid naming what is left to correct, Refused where the draft is none or changed meanwhile."""
    with reading(ctx.database) as db:
        consultation = find_for(db, ref, who)
        still_draft(consultation)
        now = database.now(db)
        seen = sha256_json(consultation.dossier)
        data = launched_today(consultation, now)
        checked = review(consultation, data, now)
    if checked.dossier is None or checked.blocking:
        raise Invalid(what_is_left(checked))
    files = make_documents(ctx, checked.dossier, ref, now)
    with withdrawn_if_refused(ctx, files):
        _record(ctx, who, ref, seen, data, files)


def still_draft(consultation: Consultation) -> None:
    if consultation.state != "draft":
        raise Refused("Cette consultation n’est plus un brouillon : elle ne se publie qu’une fois.")


def what_is_left(checked: Review) -> dict[str, str]:
    """Field or rule → sentence, for whoever cannot see the page of findings."""
    gaps = {gap.field: gap.sentence for gap in checked.gaps}
    return gaps | {finding.id: f"{finding.message} {finding.fix}" for finding, _ in checked.blocking}


def make_documents(ctx: Context, dossier: Dossier, ref: str, now: datetime) -> list[DceFile]:
    """The documents, made in a worker process and stored.

    Unchecked here: the review has just passed, and its findings and motives are the buyer's, not the public's.
    """
    table = rule_table()
    built = isolate.run(
        "dce_templates.build:build", dossier, table.figures, table.rules, ("docx", "pdf"),
        now=now, checked=False, seconds=90,
    )  # fmt: skip
    return [
        DceFile(
            name=file.name,
            media_type=file.media_type,
            size=len(file.content),
            sha256=file.sha256,
            key=ctx.storage.put(f"dce/{ref}", file.content),
        )
        for file in built.files
    ]


@contextmanager
def withdrawn_if_refused(ctx: Context, files: list[DceFile]) -> Iterator[None]:
    """What was stored for a record that is then refused is taken back; after any other failure the sweep decides."""
    try:
        yield
    except DomainError:
        for file in files:
            ctx.storage.delete(file.key)
        raise


def _record(ctx: Context, who: Person, ref: str, seen: str, data: dict[str, Any], files: list[DceFile]) -> None:
    recipient, identity = vault.new_key(ctx.secret, ref)
    with transaction(ctx.database) as db:
        consultation = find_for(db, ref, who)
        lock(db, consultation)
        still_draft(consultation)
        if sha256_json(consultation.dossier) != seen:
            raise Refused("Le brouillon a changé pendant la publication : vérifiez-le de nouveau.")
        describe(db, consultation, data)
        publish(db, consultation, files, recipient, identity, who, database.now(db))
