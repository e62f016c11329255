"""Publishing a draft: checks as of today, documents made in a worker process, then one short transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api import db as database
from api import isolate, vault
from api.context import Context
from api.db import reading, transaction
from api.notices import tell_extension
from api.render import PARIS
from api.review import Review, read, review
from api.storage import withdrawn_if_refused
from dce_templates.catalogue import Clause, taken_by
from dce_templates.dossier import Dossier
from dce_templates.office import EXTENSIONS
from procurement.candidacy import sha256_json
from procurement.consultation import Consultation, DceFile, describe, extend, find_for, may_extend, publish
from procurement.errors import Invalid, Refused
from procurement.events import lock
from procurement.library import clauses_for, record_uses, with_versions
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
        seen = _seen(consultation)
        clauses = clauses_for(db, consultation)
        data = with_versions(launched_today(consultation, now), clauses)
        checked = review(consultation, data, now, clauses)
        pieces, model = named(consultation), consultation.organisation.word_model_key
    if checked.dossier is None or checked.blocking:
        raise Invalid(what_is_left(checked))
    files = make_documents(ctx, checked.dossier, ref, now, pieces, clauses=clauses, model=model)
    with withdrawn_if_refused(ctx.storage, [file.key for file in files]):
        _record(ctx, who, ref, seen, data, files, clauses)


def _seen(consultation: Consultation) -> str:
    """What the documents are made from, deadline included: it must not have changed when they are recorded."""
    dates = [consultation.dce_version, str(consultation.deadline)]
    return sha256_json([consultation.dossier, named(consultation), *dates])


def named(consultation: Consultation) -> list[tuple[str, str]]:
    """(name, sha256) of the officer's own pieces."""
    return [(piece.name, piece.sha256) for piece in consultation.pieces]


def extend_published(ctx: Context, who: Person, ref: str, deadline: datetime) -> None:
    """A longer delay, and the documents made anew with its date; whoever answers is told.

    Raises Refused or Invalid (`may_extend`), Refused where somebody changed the dossier meanwhile.
    """
    with reading(ctx.database) as db:
        consultation = find_for(db, ref, who)
        now = database.now(db)
        may_extend(consultation, deadline, now)
        seen, pieces, version = _seen(consultation), named(consultation), consultation.dce_version + 1
        before, _ = read(consultation.dossier)
        dossier, _ = read(consultation.dossier | {"deadline": deadline.isoformat()})
        clauses = clauses_for(db, consultation)
        keys = {file.name: file.key for file in consultation.current_files if _is_our_word(file)}
        model = consultation.organisation.word_model_key
    # A dossier that this version of mps cannot read keeps its documents: the page says that the date alone changed.
    files = (
        make_next(ctx, ref, before, dossier, keys, now, pieces, version, clauses, model) if before and dossier else []
    )
    with withdrawn_if_refused(ctx.storage, [file.key for file in files]), transaction(ctx.database) as db:
        consultation = find_for(db, ref, who)
        lock(db, consultation)
        if _seen(consultation) != seen:
            raise Refused("Une autre personne vient de modifier ce dossier : relisez sa page avant de recommencer.")
        now = database.now(db)
        extend(db, consultation, deadline, who, now, files)
        tell_extension(db, ctx, consultation, now)


def _is_our_word(file: DceFile) -> bool:
    return file.origin == "generated" and EXTENSIONS.get(file.media_type) == "docx"


def still_draft(consultation: Consultation) -> None:
    if consultation.state != "draft":
        raise Refused("Cette consultation n’est plus un brouillon : elle ne se publie qu’une fois.")


def what_is_left(checked: Review) -> dict[str, str]:
    """Field or rule → sentence, for whoever cannot see the page of findings."""
    gaps = {gap.field: gap.sentence for gap in checked.gaps}
    return gaps | {finding.id: f"{finding.message} {finding.fix}" for finding, _ in checked.blocking}


def make_documents(
    ctx: Context,
    dossier: Dossier,
    ref: str,
    now: datetime,
    pieces: Sequence[tuple[str, str]] = (),
    *,
    clauses: Mapping[str, Clause],
    model: str | None = None,
) -> list[DceFile]:
    """The documents, made in a worker process and stored. `model`: key of the buyer's own Word model.

    Unchecked here: the review has just passed, and its findings and motives are the buyer's, not the public's.
    """
    table = rule_table()
    built = isolate.run(
        "dce_templates.build:build", dossier, table.figures, table.rules,
        now=now, checked=False, pieces=pieces, clauses=taken_by(dossier, clauses), model=word_model(ctx, model),
        seconds=90,
    )  # fmt: skip
    return _stored(ctx, ref, built)


def word_model(ctx: Context, key: str | None) -> bytes | None:
    """The buyer's own Word model, where it has one."""
    return None if key is None else ctx.storage.get(key)


def make_next(
    ctx: Context,
    ref: str,
    before: Dossier,
    after: Dossier,
    keys: Mapping[str, str],
    now: datetime,
    pieces: Sequence[tuple[str, str]],
    version: int,
    clauses: Mapping[str, Clause],
    model: str | None = None,
) -> list[DceFile]:
    """The documents of the next version, the notice of what changed and the redlines. `keys`: name → key of each .docx.

    Whoever reads the documents reads these too: they are files of the version like the others.
    """
    table = rule_table()
    former = {name: ctx.storage.get(key) for name, key in keys.items()}
    built = isolate.run(
        "dce_templates.modification:build_next", before, after, table.figures, table.rules,
        former=former, now=now, pieces=pieces, version=version, clauses=taken_by(after, clauses),
        model=word_model(ctx, model), seconds=90,
    )  # fmt: skip
    return _stored(ctx, ref, built)


def _stored(ctx: Context, ref: str, built: Any) -> list[DceFile]:
    """`built` is dce_templates.build.Built, which the web process does not load."""
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


def _record(
    ctx: Context,
    who: Person,
    ref: str,
    seen: str,
    data: dict[str, Any],
    files: list[DceFile],
    clauses: Mapping[str, Clause],
) -> None:
    recipient, identity = vault.new_key(ctx.secret, ref)
    with transaction(ctx.database) as db:
        consultation = find_for(db, ref, who)
        lock(db, consultation)
        still_draft(consultation)
        if _seen(consultation) != seen:
            raise Refused("Le brouillon a changé pendant la publication : vérifiez-le de nouveau.")
        describe(db, consultation, data)
        now = database.now(db)
        publish(db, consultation, files, recipient, identity, who, now)
        record_uses(db, consultation, clauses, now)
