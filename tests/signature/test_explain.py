"""The two answers in French."""

from signature.explain import RECEIVABLE, TECHNICAL, sentences
from signature.verify import verify_pdf
from tests.signature.conftest import NOW, Bench


def test_two_answers_and_five_points(bench: Bench) -> None:
    lines = sentences(verify_pdf(bench.sign_t(), bench.trust(), NOW))
    assert any(line.startswith(f"{TECHNICAL} Oui") for line in lines)
    assert any(line.startswith(f"{RECEIVABLE} Oui, sous réserve") for line in lines)
    assert [line.strip()[:2] for line in lines[3:8]] == ["1.", "2.", "3.", "4.", "5."]
    assert "horodatée le 23/11/2025 à 13:00:00" in lines[0]


def test_a_bad_signature_says_why(bench: Bench) -> None:
    lines = sentences(verify_pdf(bench.sign(bench.signer(revoked=True)), bench.trust(), NOW))
    assert f"{TECHNICAL} Ne peut être affirmé [REVOKED_NO_POE]." in " ".join(lines)
    assert f"{RECEIVABLE} Non." in lines


def test_without_a_list_it_cannot_be_said(bench: Bench) -> None:
    trust = type(bench.trust())(anchors=bench.trust().anchors, crls=bench.trust().crls)
    lines = sentences(verify_pdf(bench.sign(), trust, NOW))
    assert any(line.startswith(f"{RECEIVABLE} Ne peut être affirmé") for line in lines)


def test_no_signature(bench: Bench) -> None:
    assert sentences(verify_pdf(bench.pdf, bench.trust(), NOW)) == [
        "Ce fichier ne porte aucune signature électronique."
    ]
