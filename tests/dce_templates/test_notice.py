"""A modification notice: sentences for what changed, nothing for what did not, never the estimate."""

from typing import Any

import pytest

from dce_templates.blocks import words_of
from dce_templates.build import Format, build
from dce_templates.dossier import Dossier
from dce_templates.law import in_force
from dce_templates.modification import build_next, former_name
from dce_templates.notice import changed, notice
from dce_templates.notice_points import APART, POINTS, UNTOLD
from dce_templates.render.docx import MEDIA_TYPE
from dce_templates.word.text import read_lines
from procurement.rules import rule_table
from tests.dce_templates.sample import NOW, dossier

TABLE = rule_table()
DOCX: tuple[Format, ...] = ("docx",)
FIGURES = in_force(TABLE.figures, dossier().launched_on)


def sentences(changes: dict[str, Any]) -> list[str]:
    found = changed(dossier(), dossier(changes), FIGURES)
    return [*found.deadlines, *found.points, *found.clauses, *found.pieces]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"deadline": "2027-02-01T12:00:00+01:00"}, "réception des plis est reportée au 1er février 2027 à 12"),
        ({"deadline": "2027-01-10T12:00:00+01:00"}, "réception des plis est avancée au 10 janvier 2027"),
        ({"questions_deadline": None}, "La date limite des questions, qui était le 6 janvier 2027"),
        ({"payment_delay_days": 20}, "Délai de paiement : 20 jours, au lieu de « 30 jours »."),
        ({"site_visit": "le 7 janvier"}, "Visite du site : le 7 janvier (rien n’était écrit)."),
        ({"service_code": ""}, "Code service de Chorus Pro : plus rien, au lieu de « VOIRIE »."),
        ({"need": "Un tout autre besoin. " * 20}, "Besoin : texte réécrit, à relire dans les documents."),
        ({"clauses.0.vars.frequency": "annuelle"}, "La clause OD-05 « Remise des données produites par le marché »"),
        ({"clauses.4": {"id": "OD-27", "refused_motive": "Sans objet."}}, "La clause OD-27 « Anonymisation"),
        ({"criteria.0.weight": "45"}, "Le critère « Prix des prestations » pèse 45\u00a0% au lieu de 40\u00a0%."),
        ({"attachments": []}, "Pièce retirée : le cahier des clauses techniques particulières (CCTP)."),
    ],
)  # fmt: skip
def test_one_change_is_one_sentence(changes: dict[str, Any], said: str) -> None:
    (sentence,) = sentences(changes)
    assert said in sentence


def test_the_estimate_is_never_told_and_every_part_of_the_dossier_is_covered() -> None:
    assert sentences({"estimated_amount": "85000.00"}) == []
    assert "85" not in words_of(
        notice(dossier(), dossier({"estimated_amount": "85000.00"}), FIGURES, version=2, now=NOW)
    )
    covered = {point.field for point in POINTS} | UNTOLD | APART
    assert covered <= set(Dossier.model_fields)
    assert "estimated_amount" in UNTOLD


def test_the_next_version_brings_its_notice_and_redlines_of_what_was_rewritten_alone() -> None:
    small: dict[str, Any] = {"datasets": [], "clauses": [], "personal_data": False, "processing": None}
    before = dossier(small)
    first = build(before, TABLE.figures, TABLE.rules, DOCX, now=NOW, checked=False)
    former = {file.name: file.content for file in first.files if file.media_type == MEDIA_TYPE}
    former["RC_2026-NUM-014.docx"] = b"broken"
    after = dossier(small | {"payment_delay_days": 20, "object": "Comptages de mobilité <b> & relevés"})
    arguments: dict[str, Any] = {"former": former, "now": NOW, "version": 2}
    made = build_next(before, after, TABLE.figures, TABLE.rules, DOCX, **arguments)
    assert made == build_next(before, after, TABLE.figures, TABLE.rules, DOCX, **arguments)
    names = [file.name for file in made.files]
    assert names[-1] == "manifest.json"
    assert "CCAP_2026-NUM-014_modifications_v2.docx" in names
    assert "RC_2026-NUM-014_modifications_v2.docx" not in names
    assert all(file.name.encode() in made.files[-1].content for file in made.files[:-1])
    told = next(file for file in made.files if file.name == "AVIS_2026-NUM-014_v2.docx")
    text = "\n".join(line.text for line in read_lines(told.content))
    assert "Délai de paiement : 20 jours, au lieu de « 30 jours »." in text
    assert "<b> & relevés" in text
    assert [former_name(f"RC_A_v{n}.docx", n) for n in (2, 3)] == ["RC_A.docx", "RC_A_v2.docx"]
