"""Acts of one contract: numbers per kind, a circuit each, and what follows once the last party has signed."""

from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.context import Context
from api.db import now, transaction
from procurement.act import AMENDMENT, DC4, ENGAGEMENT, KINDS, Act, acts_of, find_act, open_act, withdraw_act
from procurement.consultation import find
from procurement.contract import Contract
from procurement.errors import NotFound, Refused
from procurement.events import chain_holds, register
from procurement.people import Person, User, person_of
from procurement.signers import buyer_of, circuit, leader_of
from procurement.signing import Company, ask, sign_by_hand
from procurement.signing_letters import ASKED
from tests.award_scene import Scene, in_effect


@pytest.fixture
def scene(context: Context) -> Scene:
    return in_effect(context)


def opened(db: Session, kind: str) -> Act:
    contract = db.scalars(select(Contract)).one()
    act = open_act(
        db, contract, kind, title="Un acte", amount=Decimal(1000), key="contracts/a", sha256="0" * 64,
        actor="a@exemple.fr", now=now(db),
    )  # fmt: skip
    ask(db, act, [Company(contract.holder_siret, contract.holder_name, "x@exemple.fr")], now(db))
    return act


def officer(db: Session, scene: Scene) -> Person:
    return person_of(db.get_one(User, scene.officer.id))


def test_each_kind_has_its_numbers_and_its_words(scene: Scene, context: Context) -> None:
    assert set(ASKED) == set(KINDS) == {ENGAGEMENT, DC4, AMENDMENT}
    with transaction(context.database) as db:
        first, other, second = (opened(db, kind) for kind in (AMENDMENT, DC4, AMENDMENT))
        contract = first.contract
        assert [(a.kind, a.number) for a in acts_of(db, contract)] == [
            (ENGAGEMENT, 1), (AMENDMENT, 1), (DC4, 1), (AMENDMENT, 2),
        ]  # fmt: skip
        assert (second.name, second.file_stem) == ("avenant n°\u00a02", f"avenant-{contract.number}-2")
        assert (contract.act.name, contract.act.file_stem) == (
            "acte d’engagement",
            f"acte-engagement-{contract.number}",
        )
        assert find_act(db, contract, other.ref) is other
        with pytest.raises(NotFound):
            find_act(db, contract, "0" * 12)
        assert contract.act.kind == ENGAGEMENT


def test_an_amendment_signed_moves_nothing_but_itself(scene: Scene, context: Context) -> None:
    with transaction(context.database) as db:
        act = opened(db, AMENDMENT)
        assert [s.siret for s in circuit(db, act)] == [leader_of(db, act).siret, buyer_of(db, act).siret]
        sign_by_hand(db, act, officer(db, scene), now(db))
        assert (act.state, act.contract.state, act.contract.act.state) == ("signed", "in_effect", "signed")
        assert act.signed_at is not None
        with pytest.raises(Refused, match="L’avenant n°\u00a01 signé est déjà reçu"):
            sign_by_hand(db, act, officer(db, scene), now(db))
        consultation = find(db, scene.consultation)
        assert chain_holds(db, consultation)
        assert [e.kind for e in register(db, consultation)][-2:] == ["signer.signed", "act.signed"]


def test_a_withdrawn_act_is_not_signed(scene: Scene, context: Context) -> None:
    with transaction(context.database) as db:
        act = opened(db, AMENDMENT)
        withdraw_act(db, act, "a@exemple.fr", now(db))
        for late in (sign_by_hand, lambda db, act, who, at: withdraw_act(db, act, who.email, at)):
            with pytest.raises(Refused, match="il ne se signe plus"):
                late(db, act, officer(db, scene), now(db))
