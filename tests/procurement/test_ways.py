"""The one sentence on how to sign, and the date by which a certificate is ordered; working days in France."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from procurement.act import Act
from procurement.candidacy import Candidacy
from procurement.consultation import Consultation
from procurement.contract import Contract
from procurement.errors import Invalid
from procurement.signers import Signer
from procurement.ways import CERTIFICATES, advice, declare, standstill_end
from procurement.working_days import easter, is_working, shifted

DECIDED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def signer(certificate: str = "", procedure: str = "mapa", siret: str = "1" * 14) -> Signer:
    dossier: dict[str, Any] = {"procedure": procedure, "launched_on": "2026-10-01"}
    contract = Contract(
        consultation=Consultation(dossier=dossier), candidacy=Candidacy(certificate=certificate),
        holder_siret="1" * 14, created_at=DECIDED,
    )  # fmt: skip
    return Signer(act=Act(kind="acte_engagement", contract=contract, created_at=DECIDED), siret=siret)


@pytest.mark.parametrize(
    ("year", "day"), [(2024, date(2024, 3, 31)), (2026, date(2026, 4, 5)), (2027, date(2027, 3, 28))]
)
def test_easter(year: int, day: date) -> None:
    assert easter(year) == day


def test_working_days_leave_out_weekends_and_holidays() -> None:
    assert not is_working(date(2026, 4, 6)), "Easter Monday"
    assert not is_working(date(2026, 5, 14)), "Ascension"
    assert not is_working(date(2026, 5, 25)), "Whit Monday"
    assert not is_working(date(2026, 11, 11))
    assert shifted(date(2026, 11, 27), 2) == date(2026, 12, 1)
    assert shifted(date(2026, 11, 12), -1) == date(2026, 11, 10)


def test_where_a_code_suffices_nothing_is_to_be_bought() -> None:
    assert "un code reçu par courriel suffit" in advice(signer("no"), True, date(2026, 11, 23))


def test_whoever_has_a_certificate_is_told_nothing_of_buying_one() -> None:
    assert "commande" not in advice(signer("yes"), False, date(2026, 11, 23))


def test_without_a_certificate_the_day_when_it_comes_is_said() -> None:
    said = advice(signer("no"), False, date(2026, 11, 27))
    assert "commandez-le aujourd’hui" in said
    assert "deux jours ouvrés" in said
    assert "le 1er décembre 2026 au plus tôt" in said


def test_with_a_standstill_the_last_day_to_order_is_said() -> None:
    formal = signer("no", "open")
    assert standstill_end(formal) == date(2026, 12, 4)
    said = advice(formal, False, date(2026, 11, 24))
    assert "avant le 2 décembre 2026" in said
    assert "ne peut pas signer avant le 4 décembre 2026" in said
    assert "aujourd’hui" in advice(formal, False, date(2026, 12, 3))
    assert standstill_end(signer("no")) is None


def test_what_the_leader_said_is_not_what_another_member_has() -> None:
    assert "si vous n’en avez pas" in advice(signer("yes", siret="2" * 14), False, date(2026, 11, 23))


@pytest.mark.parametrize("answer", ["", *CERTIFICATES])
def test_any_answer_may_be_given_or_taken_back(answer: str) -> None:
    candidacy = Candidacy(certificate="yes")
    declare(candidacy, answer)
    assert candidacy.certificate == answer
    with pytest.raises(Invalid):
        declare(candidacy, "peut-être")
