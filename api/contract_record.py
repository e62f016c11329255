"""What the pages of a contract's record share: who may write, fields read one by one, a form and its paper."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from fastapi import Form, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api import db as database
from api.context import Context
from api.contracts import read_date, read_euros
from api.db import reading, transaction
from api.errors import PageInvalid
from api.storage import withdrawn_if_refused
from api.uploads import receive_form
from procurement.contract import Contract, find_contract
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import Stateful
from procurement.execution.documents import keep_paper
from procurement.people import Person, Role

FOLDER = "papers"
CAP = 20 * 10**6
FORMATS = "PDF, PNG, JPEG, DOCX, XLSX, ODT ou ODS"
_ZIP = b"PK\x03\x04"
_WORD = "application/vnd.openxmlformats-officedocument"
# Extension → media type, and how such a file begins: what a name says is not believed alone.
TYPES: Mapping[str, tuple[str, bytes]] = {
    "pdf": ("application/pdf", b"%PDF-"), "png": ("image/png", b"\x89PNG\r\n"), "jpg": ("image/jpeg", b"\xff\xd8\xff"),
    "jpeg": ("image/jpeg", b"\xff\xd8\xff"), "docx": (f"{_WORD}.wordprocessingml.document", _ZIP),
    "xlsx": (f"{_WORD}.spreadsheetml.sheet", _ZIP), "odt": ("application/vnd.oasis.opendocument.text", _ZIP),
    "ods": ("application/vnd.oasis.opendocument.spreadsheet", _ZIP),
}  # fmt: skip
ACCEPT = ",".join(f".{extension}" for extension in TYPES)
MOST = Decimal(10**13)
EVERYONE = (Role.OFFICER, Role.FINANCE)


class Raw(BaseModel):
    """Every field of a plain form, as it was typed."""

    model_config = ConfigDict(extra="allow")

    @property
    def fields(self) -> dict[str, str]:
        return _clean({name: str(value) for name, value in (self.model_extra or {}).items()})


def _clean(fields: Mapping[str, str]) -> dict[str, str]:
    """Without the characters that no database keeps and no page shows."""
    return {name: value.replace("\0", "") for name, value in fields.items()}


Sent = Annotated[Raw, Form()]


def find_for_writing(db: Session, ref: str, who: Person, roles: tuple[Role, ...]) -> Contract:
    """The contract, for whoever holds one of these roles at its buyer. Raises NotFound."""
    contract = find_contract(db, ref, who)
    if not any(who.has(role, contract.organisation_id) for role in roles):
        raise NotFound
    return contract


def frame(contract: Contract, who: Person, roles: tuple[Role, ...] = EVERYONE) -> dict[str, Any]:
    """What every page of the record shows around its own part; `writes`: this person may change what is there."""
    return {
        "contract": contract,
        "consultation": contract.consultation,
        "buyer": contract.organisation,
        "here": f"/contrats/{contract.ref}",
        "writes": any(who.has(role, contract.organisation_id) for role in roles),
        "formats": FORMATS,
        "accept": ACCEPT,
        "values": {},
    }


@dataclass
class Typed:
    """A form's fields, read one by one; `hold` raises every wrong one at once."""

    fields: Mapping[str, str]
    wrong: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, most: int = 300) -> str:
        value = self.fields.get(name, "").strip()
        if len(value) > most:
            self.wrong[name] = f"Cette réponse a plus de {most} caractères."
        return value

    def euros(self, name: str, *, needed: bool = False) -> Decimal | None:
        """Euros and cents; None where the field is empty."""
        text = self.text(name, 40)
        if not text and not needed:
            return None
        try:
            value = read_euros(text, name)
        except Invalid as error:
            self.wrong |= error.fields
            return None
        if abs(value) >= MOST or value != round(value, 2):
            self.wrong[name] = "Écrivez un montant en euros et centimes, par exemple 12 345,60."
            return None
        return value

    def day(self, name: str) -> date | None:
        text = self.text(name, 20)
        try:
            return read_date(text, name) if text else None
        except Invalid as error:
            self.wrong |= error.fields
            return None

    def whole(self, name: str, otherwise: int = 0) -> int:
        """A whole number, negative or not."""
        text = self.text(name, 10)
        digits = text.removeprefix("-").removeprefix("+")
        if not text:
            return otherwise
        if not (digits.isascii() and digits.isdigit()):
            self.wrong[name] = "Écrivez un nombre entier."
            return otherwise
        return int(text)

    def number(self, name: str) -> Decimal | None:
        """A plain number with a comma or a point; None where the field is empty."""
        text = self.text(name, 25).replace(",", ".")
        try:
            value = Decimal("".join(text.split())) if text else None
        except InvalidOperation:
            value = Decimal("NaN")
        if value is not None and (not value.is_finite() or abs(value) >= MOST or value != round(value, 6)):
            self.wrong[name] = "Écrivez un nombre, par exemple 12,5."
            return None
        return value

    def percent(self, name: str) -> str:
        """« 5,5 » → "0.055"; "0" where the field is empty."""
        value = self.number(name)
        if value is not None and value != round(value, 4):
            self.wrong[name] = "Quatre décimales au plus."
            return "0"
        return f"{(value / 100).normalize():f}" if value else "0"

    def need(self, *names: str) -> None:
        """Each of these fields has an answer: none is taken for « 0 »."""
        self.wrong |= {name: "Cette réponse est obligatoire." for name in names if not self.text(name, 10**6)}

    def hold(self) -> None:
        if self.wrong:
            raise Invalid(self.wrong)


@dataclass(frozen=True)
class About:
    """What a paper proves: its kind (procurement/execution/documents.py) and the ref of the row."""

    kind: str
    subject: str


@dataclass(frozen=True)
class Step:
    """A form that may bring a paper. `verb` acts in one transaction and says what the paper proves.

    `again` makes the page's context anew when the form comes back; `at`: ends the ids of fields shown several times.
    `guard` raises Refused where the page shows no such form: its time is past, or not come.
    """

    roles: tuple[Role, ...]
    verb: Callable[[Session, Contract, Typed, Person, datetime], About]
    template: str
    again: Callable[[Session, Contract, Person], dict[str, Any]]
    guard: Callable[[Session, Contract], None] = lambda db, contract: None
    paper_needed: str = ""
    at: str = ""


@dataclass(frozen=True)
class _File:
    name: str
    media_type: str
    content: bytes


async def carry_out(request: Request, ctx: Context, who: Person, ref: str, step: Step) -> None:
    """Authorise, receive, check, store, then act and keep the paper in one transaction. Raises PageInvalid, Refused."""
    await run_in_threadpool(_authorise, ctx, who, ref, step)
    fields: dict[str, str] = {}
    try:
        files, sent = await _received(request)
        fields = _clean(sent)
        await run_in_threadpool(_act, ctx, who, ref, step, files, fields)
    except Invalid as error:
        raise await run_in_threadpool(_again, ctx, who, ref, step, error, fields) from None


def _authorise(ctx: Context, who: Person, ref: str, step: Step) -> None:
    with reading(ctx.database) as db:
        step.guard(db, find_for_writing(db, ref, who, step.roles))


def must_be(contract: Contract, *states: str) -> None:
    """Raises Refused unless the contract is in one of these states."""
    if contract.state not in states:
        raise Refused("Le marché n’est pas en vigueur, ou ne l’est plus : cette étape n’est pas possible.")


def may_move(row: Stateful, to: str) -> None:
    """Raises Refused where the row has no such move: another tab may have made it."""
    if to not in row.MOVES[row.state]:
        raise Refused("Cette étape est déjà passée, ou pas encore possible.")


async def _received(request: Request) -> tuple[list[tuple[str, bytes]], dict[str, str]]:
    try:
        return await receive_form(request, CAP, 1, needed=False)
    except Refused as error:
        raise Invalid({"file": error.sentence}) from None


def _act(
    ctx: Context, who: Person, ref: str, step: Step, files: list[tuple[str, bytes]], fields: dict[str, str]
) -> None:
    if step.paper_needed and not files:
        raise Invalid({"file": step.paper_needed})
    paper = checked(*files[0]) if files else None
    key = ctx.storage.put(FOLDER, paper.content) if paper else ""
    with withdrawn_if_refused(ctx.storage, [key] if key else []), transaction(ctx.database) as db:
        contract, now = find_for_writing(db, ref, who, step.roles), database.now(db)
        about = step.verb(db, contract, Typed(fields), who, now)
        if paper:
            keep_paper(
                db, contract, kind=about.kind, subject=about.subject, name=paper.name, media_type=paper.media_type,
                size=len(paper.content), key=key, sha256=hashlib.sha256(paper.content).hexdigest(), person=who, now=now,
            )  # fmt: skip


def checked(name: str, content: bytes) -> _File:
    """A file of an allowed kind that is what its name says. Raises Invalid."""
    extension = name.rpartition(".")[2].lower()
    if extension not in TYPES:
        raise Invalid({"file": f"Choisissez un fichier {FORMATS}."})
    media_type, start = TYPES[extension]
    if start not in content[:1024]:
        raise Invalid({"file": f"Ce fichier n’est pas un {extension.upper()}, quoi que dise son nom."})
    return _File(name, media_type, content)


def _again(ctx: Context, who: Person, ref: str, step: Step, error: Invalid, fields: dict[str, str]) -> PageInvalid:
    with reading(ctx.database) as db:
        context = step.again(db, find_for_writing(db, ref, who, step.roles), who)
    return page_again(error, step.template, context, fields, step.at)


def page_again(
    error: Invalid, template: str, context: dict[str, Any], fields: Mapping[str, str], at: str = ""
) -> PageInvalid:
    """The page with what was typed; `at` ends the names where the same form stands several times on it."""
    end = f"-{at}" if at else ""
    wrong = Invalid({f"{name}{end}": sentence for name, sentence in error.fields.items()})
    typed = {f"{name}{end}": value for name, value in fields.items()}
    return PageInvalid(wrong, template, context | {"values": {**context["values"], **typed}})
