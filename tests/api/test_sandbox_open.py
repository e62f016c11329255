"""The stand-ins of the open sources keep their services' own limits."""

import pytest
import requests

from api.sandbox.bodacc import notices
from api.sandbox.companies import is_invented
from api.sandbox.server import SandboxUrls
from siret_lookup.bodacc import PATH

WHERE = 'familleavis="collective" and registre like "000010330"'


def bodacc(urls: SandboxUrls, **params: str) -> requests.Response:
    return requests.get(urls.bodacc + PATH, params={"where": WHERE, **params}, timeout=10)


def test_bodacc_gives_ten_by_default_and_a_hundred_at_most(sandbox: SandboxUrls) -> None:
    ten, hundred = bodacc(sandbox).json(), bodacc(sandbox, limit="100").json()
    assert (ten["total_count"], len(ten["results"]), len(hundred["results"])) == (121, 10, 100)
    assert len(bodacc(sandbox, limit="100", offset="100").json()["results"]) == 21


@pytest.mark.parametrize(
    "params",
    [{"limit": "101"}, {"limit": "x"}, {"offset": "-1"}, {"limit": "100", "offset": "9901"}, {"where": "siren=1"}],
)
def test_bodacc_refuses_what_the_service_refuses(sandbox: SandboxUrls, params: dict[str, str]) -> None:
    answer = bodacc(sandbox, **params)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error_code", "message"}


def test_no_notice_is_a_real_company_s_nor_a_real_issue_s() -> None:
    every = [record for records in notices().values() for record in records]
    assert all(is_invented(siren) for siren in notices())
    assert len({record["id"] for record in every}) == len(every)
    assert all(str(record["parution"])[4:6] == "99" for record in every)


@pytest.mark.parametrize("path", ["/siret/00001001700010", "/siret/liensSuccession?q=x"])
def test_sirene_wants_its_key(sandbox: SandboxUrls, path: str) -> None:
    assert requests.get(sandbox.sirene + path, timeout=10).status_code == 401


@pytest.mark.parametrize(
    ("params", "status"), [({"q": "ab"}, 400), ({"departement": "99"}, 200), ({"activite_principale": "x"}, 400)]
)
def test_recherche_filters(sandbox: SandboxUrls, params: dict[str, str], status: int) -> None:
    answer = requests.get(sandbox.recherche_entreprises + "/search", params=params, timeout=10)
    assert answer.status_code == status
    assert ("erreur" in answer.json()) == (status == 400)
