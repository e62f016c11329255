from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dce_templates.assemble import assemble, kinds_of
from dce_templates.blocks import Document, Fields, Heading, Kind, Table, words_of
from dce_templates.catalogue import ClauseError
from dce_templates.dossier import DossierError, Holder, parse_model
from dce_templates.law import in_force
from procurement.rules import rule_table
from tests.dce_templates.sample import dossier

FIGURES = in_force(rule_table().figures, dossier().launched_on)


def ccap(changes: dict[str, Any]) -> Document:
    return assemble("ccap", dossier(changes), FIGURES)


def headings(document: Document) -> list[str]:
    return [block.text for block in document.blocks if isinstance(block, Heading)]


def test_the_rc_tells_what_the_law_and_the_candidate_need() -> None:
    words = words_of(assemble("rc", dossier(), FIGURES))
    for expected in (
        "15 janvier 2027 à 12",
        "R2143-13",
        "DUME",
        "Attestation de vigilance sociale",
        "40 %",
        "Tribunal",
    ):
        assert expected in words.replace("\u00a0", " ")


def test_offers_may_be_received_elsewhere() -> None:
    words = words_of(assemble("rc", dossier({"offers_received_at": "https://plis.example/depot"}), FIGURES))
    assert "https://plis.example/depot" in words


def test_the_ae_leaves_places_to_write_and_fills_them_for_the_holder() -> None:
    blank = assemble("ae", dossier(), FIGURES)
    empty = [row for block in blank.blocks if isinstance(block, Fields) for row in block.rows if row[1] == ""]
    assert ("SIRET", "") in empty
    holder = Holder(name="Exemple & Fils", siret="99900002900010", amount=Decimal("91500.50"))
    words = words_of(assemble("ae", dossier(), FIGURES, holder)).replace("\u202f", " ").replace("\u00a0", " ")
    assert "Exemple & Fils" in words
    assert "91 500,50 €" in words
    assert "109 800,60 €" in words
    assert "Membres du groupement" not in words


MEMBERS = [
    {"name": "Exemple & Fils", "siret": "99900002900010", "work": "Pose", "share": "60000.50"},
    {"name": "Capteurs | Cie", "siret": "99900001100018", "work": "Mesure", "share": "31500.00"},
]


def test_the_shares_of_a_group_are_those_of_its_members_and_make_the_amount() -> None:
    said = {"name": "Exemple & Fils", "siret": "99900002900010", "amount": "91500.50", "grouping": "Conjoint"}
    holder = parse_model(Holder, said | {"members": MEMBERS})
    words = words_of(assemble("ae", dossier(), FIGURES, holder)).replace("\u202f", " ").replace("\u00a0", " ")
    assert "Mandataire : Exemple & Fils, SIRET 999 000 029 00010\nPose\n60 000,50 €" in words
    assert "Capteurs | Cie, SIRET 999 000 011 00018\nMesure\n31 500,00 €" in words
    with pytest.raises(DossierError, match="la somme des parts"):
        parse_model(Holder, said | {"members": MEMBERS[:1]})
    with pytest.raises(DossierError, match="n'est pas un groupement"):
        parse_model(Holder, said | {"members": MEMBERS, "grouping": "Pas de groupement"})


def test_a_grouping_keeps_its_table_of_members() -> None:
    holder = Holder(name="A", siret="99900002900010", amount=Decimal(10), grouping="Solidaire", sme=True)
    tables = [block for block in assemble("ae", dossier(), FIGURES, holder).blocks if isinstance(block, Table)]
    assert [len(row) for row in tables[0].rows] == [3, 3, 3]


def test_articles_are_numbered_and_anchors_unique() -> None:
    for kind in (*kinds_of(dossier()), "cctp"):
        document = assemble(kind, dossier(), FIGURES)
        anchors = [block.anchor for block in document.blocks if isinstance(block, Heading)]
        assert len(anchors) == len(set(anchors))
        articles = [text for text in headings(document) if text.startswith("Article")]
        assert [text.split(" ")[1] for text in articles] == [str(n + 1) for n in range(len(articles))]


def test_the_last_article_lists_no_derogation_by_default() -> None:
    document = ccap({})
    assert headings(document)[-1].endswith("Dérogations au CCAG-FCS")
    assert "ne déroge à aucun article" in words_of(document)


def test_the_last_article_is_computed() -> None:
    document = ccap({"penalties": {"divisor": "500", "cap": "0.2"}})
    table = document.blocks[-1]
    assert isinstance(table, Table)
    number = next(text for text in headings(document) if text.endswith("Pénalités de retard")).split(" ")[1]
    assert table.rows == (
        (number, "14", "Pénalités : formule au 500e au lieu du 1\u202f000e, plafond de 20\u00a0% au lieu de 10\u00a0%"),
    )


@pytest.mark.parametrize(
    ("changes", "present"),
    [
        ({"public_service": "true"}, "Laïcité et neutralité"),
        ({"retention_rate": "0.03"}, "Retenue de garantie"),
    ],
)
def test_articles_come_and_go_with_the_dossier(changes: dict[str, Any], present: str) -> None:
    assert any(text.endswith(present) for text in headings(ccap(changes)))
    assert not any(text.endswith(present) for text in headings(ccap({"public_service": "false"})))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"price": {"kind": "Définitif ferme"}}, "ferme pour toute la durée"),
        ({"price": {"kind": "Définitif actualisable", "revision_index": "ICHT"}}, "actualisable"),
        ({"advance": {"granted": "false"}}, "ne prévoit pas d’avance"),
        ({"renewals": "0"}, "pas reconductible"),
        ({"clauses": []}, "pas d’obligation particulière de remise"),
        ({"personal_data": "false"}, "pas pour objet le traitement"),
        ({"social_condition": "", "no_social_reason": "sans lien"}, "sans lien"),
        ({"deliverables": []}, "décrits dans les pièces"),
        ({"ccag": "PI"}, "R / 3\u202f000"),
    ],
)
def test_each_choice_has_its_words(changes: dict[str, Any], words: str) -> None:
    assert words in words_of(ccap(changes))


def test_a_refused_clause_is_left_out() -> None:
    refused = {"clauses.3": {"id": "OD-23", "refused_motive": "aucune donnée à reprendre"}}
    assert not any("Réversibilité" in text for text in headings(ccap(refused)))


def test_an_unknown_clause_is_one_sentence() -> None:
    with pytest.raises(ClauseError, match="catalogue"):
        ccap({"clauses.0": {"id": "ZZ-01"}})


def test_late_interest_comes_from_the_figures() -> None:
    words = words_of(ccap({})).replace("\u00a0", " ")
    assert "majoré de 8 points" in words
    assert "40,00 €" in words
    assert "prévus par le code" in words_of(assemble("ccap", dossier(), {}))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Co", "Cn", "Zl", "Zp"]), min_size=5, max_size=60))
def test_any_object_stays_words(text: str) -> None:
    written = " ".join(text.split())
    if len(written) < 5:
        return
    plain = assemble("rc", dossier({"object": "Objet ordinaire"}), FIGURES)
    document = assemble("rc", dossier({"object": "# " + written + " | a :: b"}), FIGURES)
    assert [type(block) for block in document.blocks] == [type(block) for block in plain.blocks]
    assert headings(document) == headings(plain)


def test_the_variant_that_won_is_named() -> None:
    holder = Holder(name="A", siret="99900002900010", amount=Decimal(10), variant="capteurs solaires")
    assert "la variante suivante : capteurs solaires" in words_of(assemble("ae", dossier(), FIGURES, holder))
    plain = words_of(assemble("ae", dossier(), FIGURES, holder.model_copy(update={"variant": ""})))
    assert "sur l’offre de base." in plain
    assert "☐ Non   ☐ Oui, acte spécial joint" in plain


def test_the_maximum_of_a_framework_is_the_same_everywhere() -> None:
    framework = dossier({"nature": "Accord-cadre", "ceiling": "96000"})
    kinds: tuple[Kind, ...] = ("rc", "ae", "ccap")
    said = [words_of(assemble(kind, framework, FIGURES)) for kind in kinds]
    assert all("Maximum" in words and "96\u202f000,00\xa0€" in words for words in said)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("84000.00", "quatre-vingt-quatre mille euros"),
        ("1.50", "un euro et cinquante centimes"),
        ("2000000", "deux millions d’euros"),
        ("1000001.01", "un million un euros et un centime"),
    ],
)
def test_the_amount_of_the_acte_is_also_in_letters(amount: str, words: str) -> None:
    holder = Holder(name="A", siret="99900002900010", amount=Decimal(amount))
    assert f"{words}" in words_of(assemble("ae", dossier(), FIGURES, holder))
