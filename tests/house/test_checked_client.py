"""The checked client's own tests: each check fails on a bad page, and a form is sent as a browser sends it."""

from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile

from tests.checked_client import CheckedClient, Page, filled
from tests.html import parse, problems

POLICY = "default-src 'none'; style-src 'self'"
GOOD = """<!DOCTYPE html><html lang="fr"><head><title>Essai – mps</title></head>
<body><main><h1>Essai</h1>%s</main></body></html>"""
FORM = """<form action="/essai" method="post"><input type="hidden" name="ref" value="X1">
<label for="siret">SIRET</label><input id="siret" name="siret" value="123">
<label for="why">Motif</label><textarea id="why" name="why">
ligne</textarea>
<label for="kind">Sorte</label><select id="kind" name="kind">
<option value="a">A</option><option value="b" selected>B</option></select>
<fieldset><legend>Seul ?</legend><label><input type="radio" name="solo" value="yes">Oui</label>
<label><input type="radio" name="solo" value="no">Non</label></fieldset>
<label><input type="checkbox" name="clause" value="1" checked>Un</label>
<label><input type="checkbox" name="clause" value="2">Deux</label>
<button type="submit">Envoyer</button><button type="submit" name="draft" value="1">Brouillon</button></form>"""
FILE_FORM = """<form action="/fichier" method="post" enctype="multipart/form-data">
<label for="file">Fichier</label><input type="file" id="file" name="file"><button>Envoyer</button></form>"""

BAD_PARTS = {
    "HTML:": "<p>Un <div>bloc</p>",
    "a page has one h1, this one has 2": "<h1>Deux</h1>",
    "a level is skipped": "<h3>Trop bas</h3>",
    "an empty h2": "<h2> </h2>",
    "is there 2 times": '<p id="a">A</p><p id="a">B</p>',
    "is no id": '<p id="a b">A</p>',
    "which is nowhere": '<label for="a">A</label>',
    "leads nowhere": '<a href="#b">B</a>',
    "has no label": '<input name="a" value="1">',
    "has no name": '<label>A <input value="1"></label>',
    "outside a fieldset": '<label><input type="radio" name="a" value="1">A</label>',
    "says no action, or no method": '<form action="/a"><button>A</button></form>',
    "has a file but no enctype": FILE_FORM.replace('enctype="multipart/form-data"', ""),
    "a fieldset without legend": "<fieldset><p>A</p></fieldset>",
    "says nothing": '<a href="/a"><span></span></a>',
    "an image without alt": '<img src="/a.png">',
    "a table without caption": "<table><tbody><tr><td>A</td></tr></tbody></table>",
    "the inside of the program": "<p>Montant : None</p>",
    "an inline script": "<script>let a = 1</script>",
    "a <style> element": "<div><style>p {}</style></div>",
    "has an inline style": '<p style="color: red">A</p>',
    "has an inline onclick": '<button onclick="go()">A</button>',
    "has an inline hx-on": '<button hx-on:click="go()">A</button>',
    "has code in href": '<a href="javascript:go()">A</a>',
    "comes from elsewhere": '<script src="//ailleurs.example/a.js"></script>',
    "starts with « Erreur – »": '<label>A <input name="a" aria-invalid="true"></label>',
}


@pytest.mark.parametrize("sentence", BAD_PARTS)
def test_each_check_of_a_page_can_fail(sentence: str) -> None:
    assert any(sentence in problem for problem in problems(GOOD % BAD_PARTS[sentence]))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("<!DOCTYPE html>", "", "HTML: expected-doctype"),
        ('lang="fr"', 'lang="en"', 'lang="fr"'),
        ("main>", "div>", "one <main>"),
        ("Essai – mps", " – mps", "the title is not"),
        ("Essai – mps", "mps", "the title is not"),
        ("<h1>Essai</h1>", "", "this one has 0"),
    ],
)
def test_each_check_of_the_frame_can_fail(old: str, new: str, sentence: str) -> None:
    assert any(sentence in problem for problem in problems((GOOD % "").replace(old, new)))


def test_a_good_page_and_a_good_fragment_have_no_problem() -> None:
    assert problems(GOOD % FORM) == []
    assert problems("<p>Un morceau</p>", fragment=True) == []
    assert problems('<p onclick="go()">Un morceau</p>', fragment=True) != []


CELL = '<table><caption>A</caption><tbody><tr>%s<th scope="row">A</th></tr></tbody></table>'


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (CELL % " ", CELL % "A"),
        ('<!-- "a" -->', '<!-- "a--b" -->'),
        ('<a href="/a?b=1&amp;c=2">A &amp; B</a>', '<a href="/a?b=1&copyc=2">A &amp; B</a>'),
        ("<p>A &amp; B</p>", "<p>A &eacute B</p>"),
        ("<p>A</p>", "<p>A\x7f</p>"),
        ('<p title="a">A</p>', '<p title="a"id="b">A</p>'),
    ],
)
def test_a_page_that_resembles_a_good_one_is_parsed_for_itself(good: str, bad: str) -> None:
    assert [p for p in problems(GOOD % good) if p.startswith("HTML")] == []
    assert [p for p in problems(GOOD % bad) if p.startswith("HTML")] != []


def test_a_doctype_of_former_times_is_seen_after_a_good_one() -> None:
    old = '<!DOCTYPE html PUBLIC "%s" "">'
    assert all(
        problems((GOOD % "").replace("<!DOCTYPE html>", old % name)) for name in ("a", "-//W3C//DTD HTML 4.01//EN")
    )


def test_what_two_parsers_read_differently_is_no_good_page() -> None:
    assert any("two parsers disagree" in p for p in problems(GOOD % "<p>Un<section>bloc</section>"))


def application(headers: dict[str, str]) -> FastAPI:
    app = FastAPI()

    def page(body: str) -> Response:
        return HTMLResponse(GOOD % body, headers=headers)

    @app.get("/essai")
    def show() -> Response:
        return page(FORM + FILE_FORM + '<a href="/loin">Plus loin</a>')

    @app.post("/essai")
    async def receive(request: Request) -> Response:
        form = await request.form()
        said = ";".join(f"{key}={value}" for key, value in form.multi_items()).replace("\r", "")
        return page(f"<p>{said} {request.headers['sec-fetch-site']} {request.headers['origin']}</p>")

    @app.post("/fichier")
    async def keep(request: Request) -> Response:
        async with request.form() as form:
            file = form["file"]
            assert isinstance(file, UploadFile)
            return page(f"<p>« {file.filename} » : {len(await file.read())} octets</p>")

    @app.get("/loin")
    def far() -> Response:
        return RedirectResponse("/cherche?q=1", 303)

    @app.get("/cherche")
    def search(q: str) -> Response:
        form = '<form action="/cherche" method="get"><label>Q <input name="q"></label><button>Chercher</button></form>'
        return page(f"{form}<p>q={q}</p>")

    @app.get("/mauvaise")
    def bad() -> Response:
        return HTMLResponse("<p>rien", headers=headers)

    @app.get("/donnees")
    def data() -> dict[str, Any]:
        return {"a": 1}

    return app


@pytest.fixture
def client() -> CheckedClient:
    return CheckedClient(application({"content-security-policy": POLICY}))


def test_a_form_is_sent_as_a_browser_sends_it(client: CheckedClient) -> None:
    page = client.get("/essai")
    client.submit(page, siret="552 100 554", solo="no", clause=["2"])
    assert client.page.main.startswith(
        "Essai ref=X1;siret=552 100 554;why=ligne;kind=b;solo=no;clause=2 same-origin http://"
    )
    client.submit(page, "/essai", button="Brouillon", clause=False, kind="a")
    assert "kind=a;draft=1 same-origin" in client.page.text


def test_a_file_is_sent_and_a_missing_one_too(client: CheckedClient) -> None:
    page = client.get("/essai")
    client.submit(page, "/fichier", file=("a.pdf", b"%PDF-", "application/pdf"))
    assert "« a.pdf » : 5 octets" in client.page.text
    client.submit(page, 1)
    assert "« » : 0 octets" in client.page.text


def test_links_and_searches_are_followed(client: CheckedClient) -> None:
    found = client.click(client.get("/essai"), "Plus loin")
    assert found.url.path == "/cherche"
    client.submit(found, q="éé")
    assert "q=éé" in client.page.text
    assert (client.page.title, client.page.h1, client.page.status) == ("Essai – mps", "Essai", 200)


def test_a_person_cannot_do_what_the_page_does_not_offer(client: CheckedClient) -> None:
    page = client.get("/essai")
    for fields in ({"iban": "X"}, {"kind": "z"}, {"solo": "peut-être"}, {"clause": ["3"]}):
        with pytest.raises(AssertionError, match=r"shows no field|not offered"):
            client.submit(page, 0, **fields)
    with pytest.raises(AssertionError, match="no form"):
        client.submit(page, "/ailleurs")
    with pytest.raises(AssertionError, match="no button"):
        client.submit(page, button="Détruire")
    with pytest.raises(AssertionError, match="no link"):
        client.click(page, "Ailleurs")


def test_every_page_is_checked_and_data_is_not(client: CheckedClient) -> None:
    with pytest.raises(AssertionError, match="this one has 0"):
        client.get("/mauvaise")
    assert client.get("/donnees").json() == {"a": 1}


@pytest.mark.parametrize("policy", ["", "default-src 'none'; script-src 'unsafe-inline'"])
def test_a_page_without_a_strict_policy_fails(policy: str) -> None:
    with pytest.raises(AssertionError, match=r"Content-Security-Policy|unsafe"):
        CheckedClient(application({"content-security-policy": policy})).get("/essai")


def test_a_disabled_field_is_not_sent() -> None:
    tree, _ = parse(GOOD % FORM.replace('name="siret"', 'name="siret" disabled'))
    pairs = filled(Page("http://x/", 200, tree).form("/essai"), {})
    assert [name for name, _ in pairs] == ["ref", "why", "kind", "clause"]
