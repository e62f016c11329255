"""A document from elsewhere: known clauses even reworded, repealed texts, names of brands as questions."""

import pytest

from dce_templates.assemble import assemble
from dce_templates.brands import brands
from dce_templates.catalogue import catalogue
from dce_templates.law import in_force
from dce_templates.recognise import recognise
from dce_templates.render.docx import render_docx
from procurement.rules import rule_table
from tests.dce_templates.sample import NOW, dossier
from tests.dce_templates.word_scene import package, paragraph

TABLE = rule_table()


def test_the_clauses_of_our_own_document_are_all_known() -> None:
    ours = render_docx(assemble("ccap", dossier(), in_force(TABLE.figures, dossier().launched_on)), NOW)
    found = recognise(ours, TABLE.rules)
    assert {"OD-05", "OD-07", "OD-10", "OD-23", "OD-27"} <= {clause.id for clause in found.clauses if clause.bookmarked}
    assert all(clause.likeness > 0.8 for clause in found.clauses if clause.bookmarked)
    assert (found.references, found.brands) == ((), ())


def test_a_clause_pasted_and_reworded_is_found_without_any_bookmark() -> None:
    lines = [
        "Article 12 – Données",
        "L’acheteur a quinze jours ouvrés pour signaler un jeu manquant, illisible ou incomplet. Le prestataire le"
        " corrige à ses frais, dans un délai égal. Une remise non corrigée à ce terme est traitée comme une prestation"
        " en retard.",
        "La remise est comprise dans le prix du marché. Elle s'impose dans les mêmes termes aux cotraitants et aux"
        " sous-traitants, auxquels le titulaire communique la présente clause.",
        "Les factures sont payées à trente jours.",
    ]
    (found,) = recognise(package("".join(map(paragraph, lines))), TABLE.rules, {"OD-05": catalogue()["OD-05"]}).clauses
    assert (found.id, found.bookmarked, found.paragraphs) == ("OD-05", False, (2, 3))
    assert 0.4 <= found.likeness < 0.8
    assert found.excerpt.startswith("L’acheteur a quinze jours")
    other = package(paragraph("Le nettoyage des locaux a lieu chaque matin, avant huit heures, sauf le dimanche."))
    assert recognise(other, TABLE.rules).clauses == ()


@pytest.mark.parametrize(
    "text",
    [
        "article 28 du code des marchés publics",
        "décret n°\u00a02016-360 du 25 mars 2016",
        "Décret 2016-360",
        "ordonnance n° 2015-899",
        "l'ordonnance 2016-65",
        "le CCAG-FCS 2009",
        "décret 2009-147",
    ],
)
def test_repealed_texts_are_named_with_their_paragraph(text: str) -> None:
    found = recognise(package(paragraph("Objet") + paragraph(f"Vu {text}, le marché…")), TABLE.rules)
    (spotted,) = found.references
    assert (spotted.paragraph, "quel texte le remplace" in spotted.question) == (2, True)
    assert spotted.found in spotted.excerpt


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Un poste sous Windows, avec AutoCAD.", ["Windows", "AutoCAD"]),
        ("Un poste sous Windows ou équivalent.", []),
        ("Un poste sous Windows. Un écran ou équivalent.", ["Windows"]),
        ("Une peinture de marque Exemplor.", ["Exemplor"]),
        ("Un sol de type Exemplor®.", ["Exemplor"]),
        ("Une tondeuse modèle HX-476.", ["HX-476"]),
        ("Le modèle DC1 et le modèle de lettre joints ; la marque commerciale du titulaire.", []),
        ("Les windows et le word du marché.", []),
    ],
)
def test_brands_are_asked_about_unless_an_equivalent_is_allowed(text: str, names: list[str]) -> None:
    assert [name for name, _ in brands(text)] == names
    found = recognise(package(paragraph(text)), ()).brands
    assert all(spotted.question.startswith(f"« {spotted.found} » est-il une marque ?") for spotted in found)
