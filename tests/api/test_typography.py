"""What a template says holds together at the ends of lines; what a person typed comes back as it was typed."""

import pytest
from jinja2 import Environment

from api.render import templates
from api.typography import FrenchSpaces, spaced

ENVIRONMENT = Environment(autoescape=True, extensions=[FrenchSpaces])


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ("Combien ? Trop ! Bien ; assez", "Combien\u202f? Trop\u202f! Bien\u202f; assez"),
        ("le titre : « telles quelles »", "le titre\u00a0: «\u00a0telles quelles\u00a0»"),
        ("20 % de 1 111,11 €, 3 €.", "20\u00a0% de 1\u202f111,11\u00a0€, 3\u00a0€."),
        ("https://a.example/?b=1;c :-)", "https://a.example/?b=1;c\u00a0:-)"),
        ("Pourquoi ?» et {{ text }} ?", "Pourquoi\u202f?» et a : b ?\u202f?"),
        ("« {{ text }} »", "«\u00a0a : b ?\u00a0»"),
        ('{{ "MAP : " ~ text }}', "MAP\u00a0: a : b ?"),
        ('<p title="a : b" data-x="{{ "c ; d" }}">e ; f</p>', '<p title="a : b" data-x="c ; d">e\u202f; f</p>'),
        ('<p id="{{ text }}" class="a : b"> : </p>', '<p id="a : b ?" class="a : b">\u00a0: </p>'),
        ("<code>a ; {{ text }} ; b</code> ;", "<code>a ; a : b ? ; b</code>\u202f;"),
        ("<script>a ? b : c ; d</script> :", "<script>a ? b : c ; d</script>\u00a0:"),
        ("<!-- a : b --> :", "<!-- a : b -->\u00a0:"),
        ("{% if text == 'a : b ?' %}oui{% else %}non{% endif %}", "oui"),
    ],
)  # fmt: skip
def test_words_are_spaced_and_nothing_else(said: str, made: str) -> None:
    assert ENVIRONMENT.from_string(said).render(text="a : b ?") == made


def test_the_pages_are_made_with_it() -> None:
    assert FrenchSpaces.identifier in templates.env.extensions
    sign = templates.env.from_string('{% import "ui.html" as ui %}{{ ui.help("a", none, "Faux") }}').render()
    assert "Erreur\u00a0: " in sign


def test_spacing_twice_changes_nothing() -> None:
    once = spaced("Est-ce « prêt » ? Oui : 20 % ; 3 € !")
    assert spaced(once) == once
