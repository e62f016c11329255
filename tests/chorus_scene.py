"""A buyer's account at the sandbox's Chorus Pro, and the levers that play everybody else there."""

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import requests
from pydantic import SecretStr
from sqlalchemy import select

from api.chorus import seal
from api.context import Context
from api.db import now, reading, transaction
from api.remote.piste import Portal
from api.sandbox.chorus import CLIENT_ID, CLIENT_SECRET, PASSWORD, login_of
from api.steps import chorus
from procurement.chorus import ChorusAccount, ChorusNotice, keep_account
from procurement.invoice_copy import InvoiceCopy
from procurement.people import Organisation

SEARCH, DOWNLOAD, PROCESS = (
    "factures/v1/rechercher/recipiendaire", "factures/v1/telecharger/groupe", "factures/v1/traiter/recue",
)  # fmt: skip
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Levers:
    """`/bac-a-sable/…` of one running sandbox."""

    url: str

    def __call__(self, name: str, **asked: Any) -> dict[str, Any]:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(f"{self.url}/bac-a-sable/{name}", json=asked, timeout=60)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def breaks(self, path: str, times: int = 1, skip: int = 0, before: Any = None, **fault: Any) -> None:
        """The next calls of `path` go wrong (after `skip` good ones)."""
        self("pannes", path=path, times=times, skip=skip, before=before, fault=fault)

    def sends(self, buyer: Organisation, **told: Any) -> int:
        """An invented supplier deposits an invoice; its number at the portal."""
        told = {"number": f"F-{next(_numbers):05d}", **told}
        found = self("fournisseur", buyer={"siret": buyer.siret, "name": buyer.name}, **told)
        assert found["errors"] == [], found
        return int(found["idFacture"])

    def state(self, buyer: Organisation) -> dict[int, dict[str, Any]]:
        return {each["idFacture"]: each for each in self("etat", buyer=buyer.siret)["factures"]}

    def calls(self, path: str) -> int:
        return int(self("etat")["appels"].get(path, 0))


def levers_of(context: Context) -> Levers:
    return Levers(context.services["chorus"])


def portal_for(context: Context, siret: str, **changes: Any) -> Portal:
    """As that structure's technical account."""
    given: dict[str, Any] = {
        "base": context.services["chorus"], "token_url": context.services["chorus_token"], "client_id": CLIENT_ID,
        "client_secret": SecretStr(CLIENT_SECRET), "login": login_of(siret), "password": SecretStr(PASSWORD),
    }  # fmt: skip
    return Portal(**given | changes)


def connect(context: Context, buyer: Organisation, password: str = PASSWORD, **changes: Any) -> None:
    """The buyer's administrator has given the account, since an hour ago."""
    with transaction(context.database) as db:
        at, organisation = now(db), db.get_one(Organisation, buyer.id)
        given: dict[str, Any] = {
            "login": login_of(buyer.siret), "client_id": CLIENT_ID, "approval": "SERVICE_FAIT",
            "since": at - timedelta(hours=1), "by": "test@exemple.fr", "now": at,
            "sealed": seal(context, buyer.ref, password, CLIENT_SECRET),
        } | changes  # fmt: skip
        keep_account(db, organisation, **given)


def at_once(context: Context) -> None:
    """What waits for its time has it."""
    with transaction(context.database) as db:
        at = now(db)
        for account in db.scalars(select(ChorusAccount).where(ChorusAccount.due_at.is_not(None))):
            account.due_at = at
        for notice in db.scalars(select(ChorusNotice).where(ChorusNotice.due_at.is_not(None))):
            notice.due_at = at
        for copy in db.scalars(select(InvoiceCopy).where(InvoiceCopy.portal_due_at.is_not(None))):
            copy.portal_due_at = at


def work(context: Context) -> None:
    """The worker's four steps, as long as one of them finds something."""
    steps = (chorus.read_one, chorus.fetch_some, chorus.tell_one, chorus.read_structure)
    while sum(step(context) for step in steps):
        pass


def account(context: Context) -> ChorusAccount:
    with reading(context.database) as db:
        return db.scalars(select(ChorusAccount)).one()


def notices(context: Context) -> list[ChorusNotice]:
    with reading(context.database) as db:
        return list(db.scalars(select(ChorusNotice).order_by(ChorusNotice.id)))


def copies(context: Context) -> list[InvoiceCopy]:
    with reading(context.database) as db:
        return list(db.scalars(select(InvoiceCopy).order_by(InvoiceCopy.id)))
