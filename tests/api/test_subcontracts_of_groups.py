"""Subcontractors of a group: its mandataire declares them for each member, and each member reads its own."""

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import Database, transaction
from procurement.contract import Contract
from procurement.execution.parties import Party, write_parties
from tests.api.test_subcontracts import HOLDER, OTHER, TYPED, Browser, declared, kept, ours, theirs
from tests.award_scene import Scene, in_effect
from tests.billing_scene import member_of
from tests.factories import make_account, make_siret

MATE, THIRD = make_siret(6200), make_siret(6201)


@pytest.fixture
def scene(context: Context) -> Scene:
    return in_effect(context)


def grouped(context: Context, scene: Scene) -> None:
    with transaction(context.database) as db:
        contract = db.scalars(select(Contract)).one()
        members = ((contract.holder_siret, contract.holder_name), (MATE, "Relevés SARL"), (THIRD, "Câbles SAS"))
        write_parties(db, contract, [Party(siret=siret, name=name) for siret, name in members])


def test_the_mandataire_declares_for_each_member_who_reads_its_own(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    grouped(context, scene)
    leader = browser(member_of(context, HOLDER, "Capteurs et Mesures SAS"))
    assert declared(leader, theirs(scene), member=HOLDER, name="Sous-traitant du mandataire") == 200
    own = kept(database).ref
    assert declared(leader, theirs(scene), member=MATE, name="Sous-traitant de Relevés") == 200
    row = kept(database)
    assert (row.member_siret, row.declared_by[:8]) == (MATE, "account:")
    assert "Sous-traitées par Relevés SARL" in leader.page.main
    assert "Retirer la déclaration" in leader.page.main
    mate = browser(member_of(context, MATE, "Relevés SARL"))
    page = mate.get(theirs(scene))
    assert "Sous-traitant de Relevés" in page.text
    assert "Sous-traitant du mandataire" not in page.text
    assert theirs(scene) not in mate.page.actions
    assert "Sous-traitants" in mate.get(f"{scene.contract}/facturation").text
    assert mate.get(f"{theirs(scene)}/{row.ref}").status_code == 200
    assert "Retirer" not in mate.page.main
    assert mate.get(f"{theirs(scene)}/{row.ref}/dc4.pdf").content.startswith(b"%PDF")
    for path in (f"{theirs(scene)}/{own}", f"{theirs(scene)}/{own}/dc4.pdf"):
        assert mate.get(path).status_code == 404
    assert "Relevés SARL" in browser(scene.officer).get(f"{ours(database, scene)}/{row.ref}").text


def test_nobody_but_the_mandataire_declares_or_withdraws(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    grouped(context, scene)
    winner = browser(scene.winner)
    assert declared(winner, theirs(scene), member=MATE) == 200
    row, headers = kept(database), {"sec-fetch-site": "same-origin"}
    for siret in (MATE, THIRD, make_siret(6300)):
        who = browser(member_of(context, siret, "Une entreprise"))
        assert who.post(theirs(scene), data=TYPED, headers=headers).status_code == 404
        assert who.post(f"{theirs(scene)}/{row.ref}/retirer", headers=headers).status_code == 404
        if siret != MATE:
            assert who.get(f"{theirs(scene)}/{row.ref}").status_code == 404
    assert browser(make_account(database)).get(theirs(scene)).status_code == 404
    assert browser(scene.loser).get(theirs(scene)).status_code == 404
    assert winner.post(theirs(scene), data=TYPED | {"member": OTHER}, headers=headers).status_code == 422
    assert "Choisissez un membre du groupement" in winner.page.main
    assert declared(winner, theirs(scene), member=MATE, siret=MATE) == 422
    assert kept(database).state == "declared"
