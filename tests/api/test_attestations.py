"""« Vérifier mes attestations »: for a proven member, live, kept nowhere, each look in sight of the members."""

from api.context import Context
from api.db import Database, reading
from procurement.looks import CompanyLook
from procurement.pieces import Piece
from tests.candidacy_scene import BAKERY, REFUSED_BY_URSSAF, Browser, press, published
from tests.checked_client import CheckedClient, page_of
from tests.factories import make_account, make_company, make_company_member

IN_LIQUIDATION = "00001029800016"
HERE = f"/compte/attestations/{BAKERY}"


def test_a_member_sees_the_board_with_its_dates_and_the_look_is_listed(database: Database, browser: Browser) -> None:
    company = make_company(database, BAKERY)
    user, colleague = make_company_member(database, company), make_company_member(database, company)
    member = browser(user)
    page = member.click(member.get("/compte/appartenance"), "Vérifier mes attestations : Entreprise d’Essai")
    assert "Aucune date connue" in member.page.main
    member.submit(page, HERE)
    board, _, calendar = member.page.main.partition("Calendrier des validités")
    assert "Attestation de vigilance" in board
    assert "Moins de six mois (D8222-5)" in board
    assert "Attestation de vigilance" in calendar.partition("Qui a regardé quoi")[0]
    assert "Aucun avis de procédure collective publié au BODACC" in board
    assert "Carte" not in board, "what makes no sense for a bakery is not asked"
    other = browser(colleague)
    assert user.email in other.get(HERE).text
    assert "Aucune date connue" in other.page.main, "nothing is kept"
    with reading(database) as db:
        assert db.query(Piece).count() == 0


def test_a_certificate_that_is_not_delivered_says_what_to_do(database: Database, browser: Browser) -> None:
    member = browser(make_company_member(database, make_company(database, REFUSED_BY_URSSAF)))
    path = f"/compte/attestations/{REFUSED_BY_URSSAF}"
    member.submit(member.get(path), path)
    assert "Non délivrée par l’organisme" in member.page.main
    assert "Rapprochez-vous de l’organisme" in member.page.main
    assert press(member, f"{path}/vigilance") == 409, "there is no document"


def test_a_document_is_fetched_again_handed_over_and_kept_nowhere(context: Context, browser: Browser) -> None:
    user = make_company_member(context.database, make_company(context.database, BAKERY))
    member = browser(user)
    member.submit(member.get(HERE), HERE)
    answer = member.submit(member.page, f"{HERE}/vigilance")
    assert answer.content.startswith(b"%PDF")
    assert answer.headers["content-disposition"].startswith('attachment; filename="vigilance-')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "Document de l’entreprise : Attestation de vigilance" in page_of(member.get(HERE)).text
    assert not [name for name in context.storage.names() if name.startswith("pieces")]
    for key in ("chiffres_affaires", "bodacc", "insee_etablissement", "nothing"):
        assert press(member, f"{HERE}/{key}") == 404, key


def test_the_bodacc_tells_the_company_its_situation(database: Database, browser: Browser) -> None:
    member = browser(make_company_member(database, make_company(database, IN_LIQUIDATION)))
    path = f"/compte/attestations/{IN_LIQUIDATION}"
    member.submit(member.get(path), path)
    assert "Liquidation judiciaire" in member.page.main
    assert "L’acheteur vous demandera la copie du jugement" in member.page.main


def test_nobody_else_sees_or_asks_anything(context: Context, browser: Browser, client: CheckedClient) -> None:
    database = context.database
    make_company_member(database, make_company(database, BAKERY))
    member_elsewhere = make_company_member(database, make_company(database, REFUSED_BY_URSSAF))
    for user in (make_account(database), published(context).officer, member_elsewhere):
        other = browser(user)
        other.get(HERE)
        assert "Prouver mon appartenance" in other.page.main
        assert "Qui a regardé quoi" not in other.page.main
        assert press(other, HERE) == press(other, f"{HERE}/vigilance") == 409
        assert other.get("/compte/attestations/123").status_code == 404
    assert client.get(HERE, follow_redirects=False).headers["location"].startswith("/connexion")
    with reading(database) as db:
        assert db.query(CompanyLook).count() == 0
