import json
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from api.sandbox.bodacc import notices as sandbox_notices
from siret_lookup.bodacc import MOST, find_proceedings
from siret_lookup.bodacc.piece import KEY, as_piece, from_facts
from siret_lookup.bodacc.state import Proceedings, State
from siret_lookup.bodacc.words import CONTEST_HELP, CONTEST_LABEL, buyer_sentence, company_sentence, label
from siret_lookup.outcome import Outcome
from siret_lookup.quotas import MemoryQuotas
from siret_lookup.siret import Siren
from siret_lookup.words import buyer_sentence as piece_sentence
from tests.siret_lookup.scene import START, Lookup, answering, siret_of

SIREN = "000010017"


def proceedings(lookup: Lookup, name: str) -> Proceedings:
    return find_proceedings(Siren(siret_of(name).siren), lookup.urls.bodacc, lookup.now, MemoryQuotas())


CASES = {
    "BOULANGERIE TOUT VA BIEN": State.NONE,
    "PEINTURE DEUX BILANS MÊME ANNÉE": State.REDRESSEMENT,
    "VIEILLE MAISON DE 1950": State.REDRESSEMENT_PLAN,
    "DOCUMENT PÉRIMÉ": State.SAUVEGARDE,
    "DOCUMENT QUI N’EN EST PAS UN": State.LIQUIDATION,
    "RADIÉE DU REGISTRE": State.NONE,
    "ÉLECTRICITÉ SANS DATES": State.NONE,
    "DOCUMENT AILLEURS": State.SAUVEGARDE,
    "CODE NAF ABSENT": State.NONE,
    "PIERRE ARTISAN": State.REDRESSEMENT,
    "COUVERTURE APPEL EN DOUBLE": State.LIQUIDATION,
}


@pytest.mark.parametrize(("name", "state"), CASES.items())
def test_the_situation_of_each_invented_company(lookup: Lookup, name: str, state: State) -> None:
    found = proceedings(lookup, name)
    assert (found.outcome, found.state) == (Outcome.OBTAINED, state)


def test_every_invented_notice_is_tried_above() -> None:
    assert set(sandbox_notices()) == {siret_of(name).siren for name in CASES} - {SIREN}


def test_what_the_buyer_reads_of_a_redressement(lookup: Lookup) -> None:
    found = proceedings(lookup, "PEINTURE DEUX BILANS MÊME ANNÉE")
    assert buyer_sentence(found) == (
        "Redressement judiciaire : Jugement d'ouverture d'une procédure de redressement judiciaire, "
        "le 1er septembre 2026, Tribunal des activités économiques d’Essai-sur-Loire, avis A202699011. "
        "L’entreprise peut justifier d’un plan, ou d’une autorisation de poursuivre son activité pendant la durée "
        "prévisible du contrat (L2141-3, 3°). À demander : la copie du ou des jugements prononcés (R2143-9) ; puis "
        "comparez leur durée à celle du contrat. Vous décidez, après avoir entendu l’entreprise."
    )
    assert found.judgment is not None
    assert found.judgment.url.startswith("https://www.bodacc.fr/pages/annonces-commerciales-detail/?q.id=id:A2026")
    assert "cessation des paiements" in (found.judgment.complement or "")


def test_a_plan_lasts_under_a_later_deposit(lookup: Lookup) -> None:
    found = proceedings(lookup, "VIEILLE MAISON DE 1950")
    assert (str(found.since), label(found), len(found.history)) == ("2025-02-10", "Plan de redressement", 3)


def test_garbled_titles_are_read(lookup: Lookup) -> None:
    found = proceedings(lookup, "DOCUMENT QUI N’EN EST PAS UN")
    assert found.history[1].nature == "Jugement d'ouverture d'une procédure de redressement judiciaire"


def test_closed_cancelled_corrected_expired(lookup: Lookup) -> None:
    closed = proceedings(lookup, "RADIÉE DU REGISTRE")
    assert closed.ended
    assert buyer_sentence(closed).startswith("Procédure close : Jugement de clôture pour insuffisance d'actif")
    cancelled = proceedings(lookup, "ÉLECTRICITÉ SANS DATES")
    assert (cancelled.judgment, cancelled.history, len(cancelled.dropped)) == (None, (), 2)
    assert buyer_sentence(cancelled).startswith("Aucune procédure en cours d’après les avis publiés")
    corrected = proceedings(lookup, "DOCUMENT AILLEURS")
    assert [notice.kind for notice in corrected.history] == ["rectificatif"]
    expired = proceedings(lookup, "CODE NAF ABSENT")
    assert expired.expired
    assert (str(expired.since), expired.history[0].judged_on) == ("2009-12-10", None)
    assert "Sa clôture n’a pas été publiée" in buyer_sentence(expired)


def test_all_pages_are_read(lookup: Lookup) -> None:
    found = proceedings(lookup, "PIERRE ARTISAN")
    assert len(found.history) == 121
    assert (str(found.since), found.judgment) == ("2022-01-03", found.history[-1])


def test_what_no_rule_tells_is_to_be_read(lookup: Lookup) -> None:
    found = proceedings(lookup, "COUVERTURE APPEL EN DOUBLE")
    (to_read,) = found.to_read
    assert (to_read.nature or "").startswith("Arrêt de la cour d'appel")
    assert "À lire, car cet avis peut tout changer" in buyer_sentence(found)


@pytest.mark.parametrize("name", CASES)
def test_no_sentence_decides(lookup: Lookup, name: str) -> None:
    found = proceedings(lookup, name)
    said = f"{label(found)} {buyer_sentence(found)} {company_sentence(found)}".casefold()
    assert not [word for word in ("exclu", "conforme", "refusé", "validé", "irrecevable", "interdit") if word in said]
    assert company_sentence(found).endswith(".")


def test_the_contest_box_stands_beside_the_notice() -> None:
    assert CONTEST_LABEL.startswith("Ce n’est pas exact")
    assert "à côté de l’avis, jamais l’un sans l’autre" in CONTEST_HELP


@pytest.mark.parametrize("name", CASES)
def test_a_piece_tells_the_same(lookup: Lookup, name: str) -> None:
    found = proceedings(lookup, name)
    piece = as_piece(found)
    facts = json.loads(json.dumps(piece.facts))
    back = from_facts(found.siren, facts, piece.fetched_at)
    assert (piece.key, piece.outcome) == (KEY, Outcome.OBTAINED)
    assert buyer_sentence(back) == buyer_sentence(found)
    assert company_sentence(back) == company_sentence(found)
    assert all(row["complement"] is None for row in facts["history"])
    assert piece_sentence(piece).startswith("Réponse du BODACC")


def record(number: int, **changes: object) -> dict[str, object]:
    judgment = {"famille": "Jugement d'ouverture", "nature": "Jugement d'ouverture de liquidation judiciaire"}
    usual = {"id": f"A20269901{number}", "dateparution": "2026-06-01", "registre": [SIREN]}
    return {**usual, "jugement": json.dumps(judgment), **changes}


def read(*pages: object, status: int = 200) -> tuple[Proceedings, list[dict[str, list[str]]]]:
    """What a service that answers these pages, one per call, makes of it; and the questions it was asked."""
    asked: list[dict[str, list[str]]] = []

    def handle(request: BaseHTTPRequestHandler) -> None:
        asked.append(parse_qs(urlsplit(request.path).query))
        content = json.dumps(pages[min(len(asked), len(pages)) - 1]).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    with answering(handle) as url:
        return find_proceedings(Siren(SIREN), url, START, MemoryQuotas()), asked


def test_both_writings_of_the_number_are_asked() -> None:
    found, asked = read({"total_count": 1, "results": [record(1)]})
    assert found.state is State.LIQUIDATION
    assert asked[0]["where"] == [
        'familleavis="collective" and (registre like "000010017" or registre like "000 010 017")'
    ]


@pytest.mark.parametrize("register", [["000 010 017"], "000010017", ["000\u00a0010\u00a0017", "x"], "1,000 010 017"])
def test_the_number_is_recognised_whatever_its_spaces(register: object) -> None:
    found, _ = read({"total_count": 1, "results": [record(1, registre=register)]})
    assert found.state is State.LIQUIDATION


@pytest.mark.parametrize("register", [["000010025"], ["1000010017"], None, [], ["0000100170"], [3]])
def test_a_notice_of_another_is_left_out(register: object) -> None:
    found, _ = read({"total_count": 1, "results": [record(1, registre=register)]})
    assert (found.outcome, found.state, found.history) == (Outcome.OBTAINED, State.NONE, ())


@pytest.mark.parametrize(
    "pages",
    [
        [{"total_count": 2, "results": [record(1)]}, {"total_count": 2, "results": []}],
        [{"total_count": 2, "results": [record(1)]}, {"total_count": 2, "results": [record(1)]}],
        [{"total_count": MOST + 1, "results": [record(1)]}],
        [{"results": [record(1)]}],
        [{"total_count": "1", "results": []}],
        [{"total_count": 1, "results": [record(1, id="../x")]}],
        [{"total_count": 1, "results": 3}],
    ],
)
def test_nothing_is_concluded_from_a_part(pages: list[object]) -> None:
    found, _ = read(*pages)
    assert (found.outcome, found.detail is None) == (Outcome.UNAVAILABLE, False)
    assert label(found) == "Indisponible pour l’instant"
    assert "Aucune conclusion possible" in buyer_sentence(found)
    assert as_piece(found).facts == {}


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_a_refusal_is_an_outage(status: int) -> None:
    found, _ = read({"error_code": "x", "message": "y"}, status=status)
    assert found.outcome is not Outcome.OBTAINED
    assert "Vous pouvez déposer sans attendre" in company_sentence(found)


@pytest.mark.parametrize("judgment", [None, "pas du JSON", "[1]", "{}", {"nature": 3}])
def test_a_notice_without_a_judgment_is_to_be_read(judgment: object) -> None:
    found, _ = read({"total_count": 1, "results": [record(1, jugement=judgment)]})
    assert (found.state, len(found.to_read), label(found)) == (State.NONE, 1, "Avis à lire")
