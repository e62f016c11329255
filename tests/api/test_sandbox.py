"""The sandbox keeps API Entreprise's contract: its validators, quotas, lock, documents; nothing leaks between two."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pypdf
import pytest
import requests
from stdnum import luhn

from api.sandbox.answers import ENDPOINTS
from api.sandbox.answers.endpoint import Endpoint
from api.sandbox.api_entreprise import EXPIRED_TOKEN, FAULT_HEADER, RIGHTLESS_TOKEN, TOKEN
from api.sandbox.companies import Fault, book, is_invented
from api.sandbox.documents import certificate
from api.sandbox.server import LOOKUP, SandboxUrls, running_sandbox
from siret_lookup.sources import SOURCES

BUYER = "00001039700016"
WELL, WELL_SIREN = "00001001700010", "000010017"
WELL_ESTABLISHMENT = f"/v4/insee/sirene/etablissements/{WELL}"
VIGILANCE = f"/v4/urssaf/unites_legales/{WELL_SIREN}/attestation_vigilance"
TAX = f"/v4/dgfip/unites_legales/{WELL_SIREN}/attestation_fiscale"
TURNOVER = f"/v3/dgfip/etablissements/{WELL}/chiffres_affaires"
SLOW = "/v4/urssaf/unites_legales/{}/attestation_vigilance"
START = datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC)
ASKED = {"context": "Marchés publics", "object": "essai", "recipient": BUYER}
HANGING = {"Authorization": f"Bearer {TOKEN}", FAULT_HEADER: "hanging"}


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[SandboxUrls, Clock]]:
    clock = Clock()
    with running_sandbox(clock=clock, services=LOOKUP) as urls:
        yield urls, clock


@pytest.fixture
def clock(running: tuple[SandboxUrls, Clock]) -> Clock:
    """At half past a minute that no other test has used."""
    clock = running[1]
    clock.now = clock.now.replace(second=30) + timedelta(minutes=1)
    return clock


@pytest.fixture
def urls(running: tuple[SandboxUrls, Clock], clock: Clock) -> SandboxUrls:
    return running[0]


def get(
    urls: SandboxUrls, path: str, token: str | None = TOKEN, fault: str | None = None, **params: str | None
) -> requests.Response:
    wanted = ASKED | params
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {FAULT_HEADER: fault} if fault else {}
    return requests.get(urls.api_entreprise + path, params=wanted, headers=headers, timeout=10)


def codes(answer: requests.Response) -> list[str]:
    return [error["code"] for error in answer.json()["errors"]]


def test_an_answer_has_the_envelope_and_the_headers(urls: SandboxUrls, clock: Clock) -> None:
    answer = get(urls, WELL_ESTABLISHMENT)
    assert answer.status_code == 200
    assert set(answer.json()) == {"data", "links", "meta"}
    assert answer.headers["Content-Type"] == "application/vnd.api+json"
    assert answer.headers["X-Request-ID"]
    assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("250", "249")
    assert int(answer.headers["RateLimit-Reset"]) == clock.now.timestamp() + 30
    assert answer.json()["links"]["unite_legale"].startswith(urls.api_entreprise)


def test_a_collection_wraps_its_items_again(urls: SandboxUrls) -> None:
    item = get(urls, TURNOVER).json()["data"][0]
    assert item["data"] == {"chiffre_affaires": 1250000, "date_fin_exercice": "2025-12-31"}


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [(None, 401, "00101"), ("x", 401, "00101"), (EXPIRED_TOKEN, 401, "00103"), (RIGHTLESS_TOKEN, 403, "00100")],
)
def test_tokens(urls: SandboxUrls, token: str | None, status: int, code: str) -> None:
    for path in (WELL_ESTABLISHMENT, "/privileges"):
        answer = get(urls, path, token)
        assert (answer.status_code, codes(answer)) == (status, [code])


def test_the_three_parameters_are_missed_together(urls: SandboxUrls) -> None:
    answer = get(urls, VIGILANCE, context=None, object="", recipient=None)
    assert (answer.status_code, codes(answer)) == (422, ["00201", "00202", "00203"])
    assert answer.json()["errors"][0]["source"] == {"parameter": "context"}


@pytest.mark.parametrize("recipient", ["123", "00001039700017", WELL_SIREN])
def test_the_recipient_is_a_siret(urls: SandboxUrls, recipient: str) -> None:
    assert codes(get(urls, VIGILANCE, recipient=recipient)) == ["00210"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v4/insee/sirene/etablissements/00001001700011", "00302"),
        ("/v4/insee/sirene/etablissements/000010017", "00302"),
        ("/v4/insee/sirene/etablissements/diffusibles/abc", "00302"),
        ("/v4/insee/sirene/unites_legales/000010018", "00301"),
        ("/v4/insee/sirene/unites_legales/00001001700010", "00301"),
    ],
)
def test_wrong_numbers_are_422_before_anything_is_looked_up(urls: SandboxUrls, path: str, code: str) -> None:
    answer = get(urls, path)
    assert (answer.status_code, codes(answer)) == (422, [code])


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.key)
def test_an_unknown_number_is_the_provider_s_404(urls: SandboxUrls, endpoint: Endpoint) -> None:
    unknown = "35600000000048" if endpoint.by.startswith("siret") else "356000000"
    answer = get(urls, endpoint.path.format(id=unknown, year=2025, month="06"))
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["code"]) == (404, f"{endpoint.prefix}003")
    assert error["meta"]["provider"] == endpoint.provider


def test_the_sixth_tax_certificate_of_a_minute_is_refused(urls: SandboxUrls, clock: Clock) -> None:
    answers = [get(urls, TAX) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert (codes(answers[5]), answers[5].headers["Retry-After"]) == (["00429"], "30")
    assert get(urls, VIGILANCE).status_code == 200
    clock.now += timedelta(seconds=30)
    assert get(urls, TAX).status_code == 200


def test_quotas_do_not_leak_between_two_sandboxes(urls: SandboxUrls, clock: Clock) -> None:
    for _ in range(6):
        get(urls, TAX)
    with running_sandbox(clock=clock, services=LOOKUP) as other:
        assert get(other, TAX).status_code == 200


def test_the_same_call_in_flight_is_a_conflict(urls: SandboxUrls) -> None:
    company = next(company for company in book().companies if company.delays)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: get(urls, SLOW.format(company.siren)), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    conflict = next(answer for answer in answers if answer.status_code == 409)
    assert codes(conflict) == ["00015"]


def test_a_document_lives_a_day(urls: SandboxUrls, clock: Clock) -> None:
    data = get(urls, VIGILANCE).json()["data"]
    document = requests.get(data["document_url"], timeout=10)
    assert document.headers["Content-Type"] == "application/pdf"
    text = pypdf.PdfReader(io.BytesIO(document.content), strict=True).pages[0].extract_text()
    assert "BOULANGERIE TOUT VA BIEN" in text
    assert "SPÉCIMEN SANS VALEUR" in text
    clock.now += timedelta(seconds=data["document_url_expires_in"])
    assert requests.get(data["document_url"], timeout=10).status_code == 404


def test_a_document_that_was_never_published_is_404(urls: SandboxUrls) -> None:
    assert requests.get(f"{urls.api_entreprise}/documents/x.pdf", timeout=10).status_code == 404


def test_a_certificate_escapes_its_text() -> None:
    page = pypdf.PdfReader(io.BytesIO(certificate("(Titre) \\", ["a) b"])), strict=True).pages[0]
    assert "(Titre) \\" in page.extract_text()


@pytest.mark.parametrize("name", sorted({endpoint.ping for endpoint in ENDPOINTS}))
def test_every_provider_says_how_it_is(urls: SandboxUrls, name: str) -> None:
    answer = get(urls, f"/ping/{name}", None)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert set(answer.json()) == {"status", "last_update", "last_ok_status"}


def test_a_provider_that_is_down_pings_502(urls: SandboxUrls) -> None:
    down, unknown = (get(urls, "/ping/insee/sirene", None, fault) for fault in ("bad_gateway", "unknown"))
    assert (down.status_code, down.json()["status"], down.json()["last_ok_status"]) == (502, "bad_gateway", None)
    assert (unknown.status_code, unknown.json()["status"]) == (200, "unknown")
    assert get(urls, "/ping/nobody", None).status_code == 404


def test_pings_and_privileges_name_every_source(urls: SandboxUrls) -> None:
    pings = get(urls, "/pings", None).json()
    assert {ping["name"] for ping in pings} == {endpoint.ping for endpoint in ENDPOINTS}
    assert {ping["status"] for ping in pings} == {"ok"}
    assert set(get(urls, "/privileges").json()["data"]["privileges"]) == set(SOURCES)


FAULTS = [(name, fault) for name, fault in book().faults.items() if fault.status != 200]


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=[name for name, _ in FAULTS])
def test_a_fault_can_be_asked_for(urls: SandboxUrls, name: str, fault: Fault) -> None:
    answer = get(urls, TURNOVER, fault=name)
    assert answer.status_code == fault.status
    assert answer.headers["RateLimit-Limit"] == "250"
    if fault.empty:
        assert answer.content == b""
    else:
        assert codes(answer) == [fault.code or f"03{fault.subcode}"]


def test_a_200_can_be_spoilt(urls: SandboxUrls) -> None:
    whole = get(urls, TURNOVER).json()
    assert get(urls, TURNOVER, fault="no_meta").json() == {"data": whole["data"]}
    assert get(urls, TURNOVER, fault="nulls").json() == dict.fromkeys(whole)
    assert get(urls, TURNOVER, fault="double_wrapped").json()["data"] == {"data": whole["data"]}
    assert get(urls, TURNOVER, fault="garbled").content == b""


def test_a_provider_may_hang(urls: SandboxUrls) -> None:
    with pytest.raises(requests.Timeout):
        requests.get(urls.api_entreprise + TURNOVER, params=ASKED, headers=HANGING, timeout=0.2)
    assert get(urls, TURNOVER).status_code == 200


def test_an_unknown_fault_is_told(urls: SandboxUrls) -> None:
    answer = get(urls, TURNOVER, fault="kaboom")
    assert answer.status_code == 400
    assert "not_found" in answer.text


def test_a_huge_document_is_sent_drop_by_drop(urls: SandboxUrls) -> None:
    url = get(urls, VIGILANCE, fault="document_huge").json()["data"]["document_url"]
    with requests.get(url, stream=True, timeout=10) as answer:
        assert "Content-Length" not in answer.headers
        assert next(answer.iter_content(5)) == b"%PDF-"


@pytest.mark.parametrize(
    ("year", "status", "code"),
    [("2025", 200, None), ("2021", 404, "03003"), ("2020", 422, "00356"), ("2027", 422, "00356"), ("25", 422, "00353")],
)
def test_years_have_their_checks(urls: SandboxUrls, year: str, status: int, code: str | None) -> None:
    answer = get(urls, f"/v3/dgfip/unites_legales/{WELL_SIREN}/liasses_fiscales/{year}")
    assert (answer.status_code, codes(answer)[0] if code else None) == (status, code)


def test_an_association_answers_by_either_number(urls: SandboxUrls) -> None:
    paths = [f"/v4/djepva/api-association/associations/open_data/{n}" for n in ("W990000001", "000010249", "W12")]
    answers = [get(urls, path) for path in paths]
    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert answers[0].json() == answers[1].json()


def test_proxied_files_have_a_budget_of_their_own(urls: SandboxUrls) -> None:
    url = get(urls, f"/v3/inpi/rne/unites_legales/{WELL_SIREN}/extrait_rne").json()["data"]["document_url"]
    assert "/proxy/files/" in url
    answers = [requests.get(url, timeout=10).status_code for _ in range(51)]
    assert answers == [200] * 50 + [429]


def test_invented_numbers_have_right_keys_and_are_nobody_s() -> None:
    sirets = [place.siret for company in book().companies for place in company.places]
    assert len(set(sirets)) == len(sirets)
    assert all(luhn.is_valid(siret) and luhn.is_valid(siret[:9]) and is_invented(siret) for siret in sirets)
    assert all(siret[:9] < "000325175" for siret in sirets)
    names = [company.name for company in book().companies]
    assert len(set(names)) == len(names) >= 30


def search(urls: SandboxUrls, **params: str) -> requests.Response:
    return requests.get(f"{urls.recherche_entreprises}/search", params=params, timeout=10)


def test_search_by_siret_gives_the_place_beside_the_head_office(urls: SandboxUrls) -> None:
    company = next(company for company in book().companies if len(company.places) == 2)
    result = search(urls, q=company.places[1].siret).json()["results"][0]
    assert [place["siret"] for place in result["matching_etablissements"]] == [company.places[1].siret]
    assert result["siege"]["siret"] == company.places[0].siret


def test_search_by_name_and_pages(urls: SandboxUrls) -> None:
    answer = search(urls, q="démonstration", per_page="2", page="2").json()
    assert (answer["total_results"], answer["total_pages"], len(answer["results"])) == (3, 2, 1)


def test_an_unknown_number_is_a_200_without_result(urls: SandboxUrls) -> None:
    answer = search(urls, q="356 000 000")
    assert (answer.status_code, answer.json()["total_results"]) == (200, 0)


@pytest.mark.parametrize("params", [{"q": "ab"}, {}, {"q": "abc", "per_page": "26"}, {"q": "abc", "page": "x"}])
def test_a_bad_search_is_a_400_with_its_reason(urls: SandboxUrls, params: dict[str, str]) -> None:
    answer = search(urls, **params)
    assert answer.status_code == 400
    assert answer.json()["erreur"]
