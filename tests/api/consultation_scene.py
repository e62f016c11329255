"""A consultation written by an officer through the form, as a person does it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

from api.clause_form import to_typed
from api.db import Database, now, transaction
from api.dossiers import to_values
from dce_templates.catalogue import catalogue
from dce_templates.dossier import load_dossier
from procurement.people import Organisation, User, adopt_rules
from procurement.rules import rule_table
from tests.checked_client import CheckedClient, Value
from tests.factories import make_buyer, make_officer

Browser = Callable[[User], CheckedClient]
NEW = "/acheteur/consultations/nouvelle"


@dataclass(frozen=True)
class Desk:
    """An officer at work: the browser, the buyer."""

    buyer: Organisation
    officer: User
    client: CheckedClient


def desk(database: Database, browser: Browser, *, adopted: bool = True) -> Desk:
    buyer = make_buyer(database)
    officer = make_officer(database, buyer)
    if adopted:
        with transaction(database) as db:
            adopt_rules(db.get_one(Organisation, buyer.id), rule_table().sha256, "Conseil d’essai", now(db))
    return Desk(buyer, officer, browser(officer))


def clock(database: Database) -> datetime:
    with transaction(database) as db:
        return now(db)


def example(database: Database, **changes: Any) -> dict[str, Any]:
    """The shipped example as a dossier launched today, answers due in 40 days."""
    text = resources.files("dce_templates").joinpath("example.yaml").read_text(encoding="utf-8")
    today = clock(database).replace(microsecond=0, second=0)
    dates = {
        "launched_on": today.date().isoformat(),
        "deadline": (today + timedelta(days=40)).isoformat(),
        "questions_deadline": (today + timedelta(days=30)).isoformat(),
    }
    return load_dossier(text).model_dump(mode="json") | dates | changes


def typed(database: Database, **changes: Value) -> dict[str, Value]:
    """What the officer types in the form for the example."""
    values = to_values(example(database))
    shown = {name: value for name, value in values.items() if name != "rows" and not name.endswith("_id")}
    return shown | changes


def chosen(database: Database, **changes: Value) -> dict[str, Value]:
    """What the officer types in the page of data and clauses for the example."""
    return to_typed(example(database), catalogue()) | changes


def write(at: Desk, database: Database, button: str = "check", **changes: Value) -> str:
    """Fill the form, then the page of data and clauses, and save; returns the ref."""
    saved = at.client.submit(at.client.get(NEW), NEW, button="clauses", follow=True, **typed(database, **changes))
    assert saved.status_code == 200, at.client.page.main
    ref = str(saved.url.path).split("/")[3]
    path = f"/acheteur/consultations/{ref}/clauses"
    saved = at.client.submit(saved, path, button=button, follow=True, **chosen(database))
    assert saved.status_code == 200, at.client.page.main
    return ref


def publish(at: Desk, ref: str) -> None:
    path = f"/acheteur/consultations/{ref}"
    page = at.client.get(f"{path}/verifier")
    at.client.submit(page, f"{path}/publier")
    assert "La consultation est publiée." in at.client.page.main, at.client.page.main
