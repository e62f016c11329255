"""Refs of others: another buyer's staff, a contract's rows under another's address, a role held elsewhere."""

import re
from collections.abc import Iterator

from fastapi import FastAPI

from api.context import Context
from api.db import now, transaction
from procurement.contract import Contract
from procurement.execution.amendments import amendments_of
from procurement.execution.assignments import assignments_of, certificates_of
from procurement.execution.documents import papers_of
from procurement.execution.parties import accounts_of
from procurement.execution.parts import parts_of
from procurement.execution.receptions import receptions_of
from procurement.people import Organisation, Role, User, attach, person_of
from tests.api.test_routes import routes
from tests.award_scene import Scene, contract_of_scene, in_effect
from tests.billing_scene import kept
from tests.candidacy_scene import SAME_ORIGIN, Browser
from tests.factories import make_account, make_buyer
from tests.record_scene import add_to_record


def under_contracts(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """(method, path, rule) of every route about one contract."""
    for route, stated in routes(app):
        if "/contrats/{ref}" in route.path or route.path.startswith("/api/v1/contracts/{ref}"):
            for method in sorted(route.methods or ()):
                yield method, route.path, stated[0].label


def rows_of(context: Context, scene: Scene) -> list[str]:
    """The ref of one row of each kind that hangs on a contract, made by whoever may."""
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        add_to_record(db, contract, 7, person_of(db.get_one(User, scene.officer.id)), now(db))
        listed = (
            accounts_of, amendments_of, assignments_of, certificates_of, papers_of, parts_of, receptions_of,
        )  # fmt: skip
        refs = {name.__name__: [row.ref for row in name(db, contract)] for name in listed}
        assert all(refs.values()), refs
        return [each[-1] for each in refs.values()]


def both_roles(context: Context, *held: tuple[Role, Organisation]) -> User:
    user = make_account(context.database)
    with transaction(context.database) as db:
        for role, buyer in held:
            attach(
                db, db.get_one(User, user.id), db.get_one(Organisation, buyer.id), role, evidence="", granted_by="t",
                now=now(db),
            )  # fmt: skip
    return user


def test_a_row_of_another_contract_is_not_found_under_mine(context: Context, app: FastAPI, browser: Browser) -> None:
    """Same buyer, every role: only the contract's own rows answer at its address."""
    mine = in_effect(context)
    other = in_effect(context, number="2026-MAPA-02", buyer=mine.buyer)
    theirs = rows_of(context, other)
    ref = contract_of_scene(context.database, mine).ref
    person = browser(both_roles(context, (Role.OFFICER, mine.buyer), (Role.FINANCE, mine.buyer)))
    tried = 0
    for method, path, _ in under_contracts(app):
        names = [name for name in re.findall(r"{(\w+)}", path) if name != "ref"]
        for row in theirs if names else ():
            where = re.sub(r"{(\w+)}", lambda found: ref if found[1] == "ref" else row, path)  # noqa: B023
            answer = person.request(method, where, headers=SAME_ORIGIN, follow_redirects=False)
            assert answer.status_code == 404, (method, where, path, answer.status_code)
            tried += 1
    assert tried > 100


def test_a_role_held_at_another_buyer_opens_nothing_here(context: Context, app: FastAPI, browser: Browser) -> None:
    """Officer there and finance here never acts as officer here, and the other way round."""
    scene, elsewhere = in_effect(context), make_buyer(context.database)
    ref, rows = contract_of_scene(context.database, scene).ref, rows_of(context, scene)
    people = {
        "officer": both_roles(context, (Role.FINANCE, scene.buyer), (Role.OFFICER, elsewhere)),
        "finance": both_roles(context, (Role.OFFICER, scene.buyer), (Role.FINANCE, elsewhere)),
    }
    outside = both_roles(context, (Role.OFFICER, elsewhere), (Role.FINANCE, elsewhere))
    for rule, user in [*people.items(), ("", outside)]:
        person = browser(user)
        for method, path, stated in under_contracts(app):
            if rule and stated != rule:
                continue
            for row in rows if path.count("{") > 1 else rows[:1]:
                where = re.sub(r"{(\w+)}", lambda found: ref if found[1] == "ref" else row, path)  # noqa: B023
                answer = person.request(method, where, headers=SAME_ORIGIN, follow_redirects=False)
                assert answer.status_code in (404, 422) if path.startswith("/api/") else answer.status_code == 404, (
                    rule, method, where, path, answer.status_code,
                )  # fmt: skip


def test_an_invoice_opens_to_its_own_finance_only(context: Context, app: FastAPI, browser: Browser) -> None:
    scene, elsewhere = in_effect(context), make_buyer(context.database)
    ref = kept(context, scene)
    people = (
        scene.officer, scene.winner, scene.loser,
        both_roles(context, (Role.OFFICER, scene.buyer), (Role.FINANCE, elsewhere)),
    )  # fmt: skip
    doors = [
        (method, route.path.replace("{ref}", ref))
        for route, _ in routes(app)
        if route.path.startswith(("/factures/{ref}", "/api/v1/invoices/{ref}"))
        for method in sorted(route.methods or ())
    ]
    assert len(doors) > 8
    for user in people:
        person = browser(user)
        for method, where in doors:
            answer = person.request(method, where, headers=SAME_ORIGIN, follow_redirects=False)
            assert answer.status_code == 404, (user.email, method, where, answer.status_code)
