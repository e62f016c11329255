"""A contract in effect and the people who keep its record: what the tests of its pages share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from api.context import Context
from api.db import reading
from api.wording import register_line
from procurement.consultation import find
from procurement.contract import Contract, paris_day
from procurement.events import Event, chain_holds, register
from procurement.execution.amendments import Change, agree, draft_amendment, notify_amendment
from procurement.execution.assignments import certify, issue_certificate, keep_assignment, return_certificate
from procurement.execution.documents import keep_paper
from procurement.execution.engagements import Line, open_engagement
from procurement.execution.indices import write_index
from procurement.execution.parties import propose_account
from procurement.execution.parts import Planned, affirm, plan_part
from procurement.execution.receptions import receive
from procurement.execution.terms import write_terms
from procurement.people import Person, User
from tests.award_scene import Scene, contract_of_scene, in_effect
from tests.checked_client import CheckedClient

Browser = Callable[[User], CheckedClient]
OURS = {"sec-fetch-site": "same-origin"}
PDF = ("piece.pdf", b"%PDF-1.7 piece", "application/pdf")


@dataclass(frozen=True)
class Record:
    """`path`: the contract's own page."""

    context: Context
    scene: Scene
    browser: Browser

    @property
    def contract(self) -> Contract:
        return contract_of_scene(self.context.database, self.scene)

    @property
    def path(self) -> str:
        return f"/contrats/{self.contract.ref}"

    def officer(self) -> CheckedClient:
        return self.browser(self.scene.officer)

    def finance(self) -> CheckedClient:
        return self.browser(self.scene.finance)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What the register says of one kind of event; its chain holds."""
        return [event.data for event in self._events() if event.kind == kind]

    @property
    def said(self) -> list[str]:
        """The register in the words that its readers see."""
        return [register_line(event).what for event in self._events()]

    def _events(self) -> Iterator[Event]:
        with reading(self.context.database) as db:
            consultation = find(db, self.scene.consultation)
            assert chain_holds(db, consultation)
            yield from list(register(db, consultation))


def record(context: Context, browser: Browser) -> Record:
    return Record(context, in_effect(context), browser)


def add_to_record(db: Session, contract: Contract, number: int, person: Person, now: datetime) -> None:
    """One more row of everything that a record lists."""
    on, siret, by = paris_day(now), contract.holder_siret, person.email
    line = Line(contract.number, f"EJ-{number}")
    open_engagement(db, contract, line, person, now)
    propose_account(db, contract, siret, keyed_iban(number), "rappelée au 01 99 00 12 34", person, now)
    part = plan_part(db, contract, Planned("order", f"BC{number}", "Capteurs", Decimal(1)), person, now)
    affirm(db, contract, part, on, person, now)
    change = Change("minor", "Un capteur de plus que prévu.", Decimal(1))
    amendment = draft_amendment(db, contract, change, person, now)
    agree(db, contract, amendment, by, now)
    notify_amendment(db, contract, amendment, on, person, now)
    keep_assignment(
        db, contract, kind="assignment", siret=siret, beneficiary="Banque", iban="", amount_ttc=Decimal(1),
        notified_on=on, person=person, now=now,
    )  # fmt: skip
    said = certify(db, contract, siret, Decimal(1000), None)
    found = issue_certificate(db, contract, said, company="E", key="a/b", sha256="0" * 64, person=person, now=now)
    return_certificate(db, contract, found, person, now)
    receive(
        db, contract, on=on, label="Capteurs", amount_ht=Decimal(1), part=part.number, code="", quantity=None,
        person=person, now=now,
    )  # fmt: skip
    write_terms(db, contract, {"price_kind": "revisable", "revision": FORMULA}, person, now)
    write_index(db, contract, "i", f"20{number + 10}-01", "100", person, now, final=True)
    for subject in (part.ref, amendment.ref, contract.ref):
        keep_paper(
            db, contract, kind="ending", subject=subject, name="a.pdf", media_type=PDF[2], size=1, key="a/b",
            sha256="0" * 64, person=person, now=now,
        )  # fmt: skip


def keyed_iban(number: int) -> str:
    """An invented account with its key (ISO 13616)."""
    own = f"{number:023d}"
    return f"FR{98 - int(own + '152700') % 97:02d}{own}"


FORMULA = {"fixed": "0", "terms": [{"index": "i", "weight": "1", "base": "2011-01"}], "decimals": 4, "months": 1}


def post(client: CheckedClient, path: str, **fields: str) -> int:
    """A POST without the page that offers it, as a form with a file sends it."""
    body = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    headers = OURS | {"content-type": "multipart/form-data; boundary=x"}
    return client.post(path, content=f"{body}--x--\r\n".encode(), headers=headers, follow_redirects=False).status_code
