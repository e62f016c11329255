"""A stranger with my SIRET, a stranger guessing my ref, an old tab: nothing learnt, nothing lost."""

import re

from fastapi import FastAPI
from httpx2 import Response

from api.context import Context
from api.db import reading
from procurement.candidacy import Candidacy
from tests.api.test_routes import routes
from tests.candidacy_scene import (
    BAKERY,
    SAME_ORIGIN,
    Browser,
    Scene,
    add,
    deposit,
    press,
    published,
    start,
)
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_company, make_company_member
from tests.faults.scene import happened


def alike(answer: Response, scene: Scene) -> tuple[int, list[str], str]:
    """All that an answer tells, without what differs between two consultations and two moments."""
    told = answer.text.replace(scene.buyer.name, "l’acheteur")
    told = re.sub(r"[0-9A-HJKMNP-TV-Z]{12}", "REF", told)
    return answer.status_code, sorted(answer.headers), re.sub(r"\d+", "0", told)


def typed(browser: CheckedClient, scene: Scene) -> list[tuple[int, list[str], str]]:
    """What somebody sees who types the SIRET, from the form to the draft and the list."""
    form = browser.get(scene.form)
    answers = [form, browser.submit(form, "/candidater", siret=BAKERY)]
    answers += [browser.get(str(answers[1].url.path) + "/pieces"), browser.get("/candidatures")]
    return [alike(answer, scene) for answer in answers]


def test_a_stranger_with_my_siret_learns_nothing(context: Context, browser: Browser) -> None:
    """The same pages, word for word, whether the company has answered or not."""
    untouched, answered = published(context), published(context)
    mine = browser(answered.account)
    path = start(mine, answered)
    add(mine, path, "offre", "offre.pdf", b"offre")
    deposit(mine, path, amount="100")
    before = typed(browser(make_account(context.database)), untouched)
    assert typed(browser(make_account(context.database)), answered) == before
    assert "Déposée le" in mine.get(path).text


def test_a_stranger_s_deposit_touches_nothing_of_mine(context: Context, browser: Browser) -> None:
    scene = published(context)
    mine, other = browser(scene.account), browser(make_account(context.database))
    path, theirs = start(mine, scene), start(other, scene)
    deposit(mine, path, amount="100")
    kept = snapshot(context, path)
    deposit(other, theirs, amount="90")
    press(other, f"{theirs}/retirer")
    assert snapshot(context, path) == kept
    assert "Déposée le" in mine.get(path).text
    assert scene.account.email not in other.get(theirs).text


def snapshot(context: Context, path: str) -> tuple[str, str | None, int]:
    with reading(context.database) as db:
        found = db.query(Candidacy).filter_by(ref=path.rpartition("/")[2]).one()
        return found.state, found.snapshot_sha256, len(found.files)


def own_doors(app: FastAPI, ref: str) -> list[tuple[str, str]]:
    """Every route about one candidacy, as its account would call it."""
    known = {"ref": ref, "word": "offre", "file": "000000000000", "key": "vigilance"}
    found = []
    for route, _ in routes(app):
        if route.path.startswith(("/candidatures/{ref}", "/api/v1/candidacies/{ref}")):
            path = re.sub(r"{(\w+)}", lambda name: known.get(name[1], "000000000000"), route.path)
            found += [(method, path) for method in sorted(route.methods or ())]
    return found


def knock(stranger: CheckedClient, method: str, path: str) -> int:
    return stranger.request(method, path, headers=SAME_ORIGIN, follow_redirects=False).status_code


def test_whoever_guesses_my_ref_finds_no_door(context: Context, app: FastAPI, browser: Browser) -> None:
    """Another account, a proven member of the same company, the officer: the page does not exist, before any check."""
    scene = published(context)
    mine = browser(scene.account)
    path = start(mine, scene)
    add(mine, path, "offre", "offre.pdf", b"offre")
    deposit(mine, path)
    doors = own_doors(app, path.rpartition("/")[2])
    assert len(doors) > 10
    member = make_company_member(context.database, make_company(context.database, BAKERY))
    for person in (make_account(context.database), member, scene.officer):
        stranger = browser(person)
        for (method, door), (_, nowhere) in zip(doors, own_doors(app, "000000000000"), strict=True):
            here, none = (knock(stranger, method, where) for where in (door, nowhere))
            # 422: the API reads the body first; it says the same of a ref that nobody has.
            assert here == none, (person.email, method, door)
            assert none == 404 or (none == 422 and door.startswith("/api/")), (person.email, method, door, none)
    assert snapshot(context, path)[0] == "submitted"


def test_an_old_tab_after_the_deposit_changes_nothing(context: Context, browser: Browser) -> None:
    scene = published(context)
    mine = browser(scene.account)
    path = start(mine, scene)
    add(mine, path, "offre", "offre.pdf", b"offre")
    old = mine.get(path)
    deposit(mine, path, amount="100")
    kept = snapshot(context, path)
    late = ("tard.pdf", b"tard", "application/pdf")
    answers = [
        mine.submit(old, "/deposer", button="save", capacity="autre"),
        mine.submit(old, "/deposer", button="deposit", attested="1", amount="1"),
        mine.submit(old, "/fichiers/offre", file=late),
        mine.submit(old, "/fichiers/candidature", file=late),
        mine.submit(old, next(action for action in actions(mine, old) if "/enlever/" in action)),
    ]
    for answer in answers:
        assert answer.status_code == 409
        assert "Ce dépôt est fait" in answer.text
    assert snapshot(context, path) == kept
    assert "gérante" in mine.get(path).text
    assert happened(context.database, scene.ref, "candidacy.submitted") == 1


def actions(mine: CheckedClient, page: Response) -> list[str]:
    return re.findall(r'action="([^"]+)"', page.text)
