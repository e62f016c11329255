"""Each kind of PDF the service writes, against veraPDF: accessible (PDF/UA-1) and archivable (PDF/A)."""

import io
from dataclasses import replace
from pathlib import Path

import pypdf
from pypdf.generic import NameObject

from api import letter_pdf, receipt_pdf, verification_pdf
from api.letters import Paper
from api.receipt import Receipt, ReceiptFile
from dce_templates.blocks import Document, Fields, Heading, Items, Note, Para, Sign, Table
from dce_templates.candidate import portable
from dce_templates.render.pdf import render_pdf
from signature import facts as measured
from signature.report_words import Examined
from signature.trust import Trust
from signature.verdict import Report, judge
from tests.dce_templates.candidate.sample import full
from tests.dce_templates.sample import NOW
from tests.dce_templates.test_words import HOSTILE, SAMPLES
from tests.verapdf import verdicts

ATTACHED, ALONE = ("PDFUA-1", "PDFA-3A"), ("PDFUA-1", "PDFA-2A")


def receipt() -> bytes:
    files = [ReceiptFile(f"P{n}", "Offre", f"mémoire & {n} 漢.pdf", "12 345", f"{n:064x}", "9 h 00") for n in range(60)]
    pairs = [("Nom", "Exemple & Fils <SARL>"), ("Courriel", "")]
    return receipt_pdf.render(
        Receipt("Récépissé", "R-1", "Ville", "L’offre est reçue", pairs, pairs, pairs, files, "0" * 64), NOW
    )


def letter() -> bytes:
    lines = ["Ville de Démonstration", "1 place de l’Exemple"]
    return letter_pdf.render(
        Paper("Votre code", "L-1", lines, lines, "le 23 novembre", ["Avant"], "AB12", ["Après"]), NOW
    )


def verification() -> bytes:
    """Names that are too long, of no embedded font, or hostile; a file that was read and another that was not."""
    certificate = measured.CertificateFacts(
        "漢 " + "é" * 90, "Exemple & Fils", "", "AC", "0F", NOW, NOW, True, False, False
    )
    facts = measured.broken("Signature1", "HASH_FAILURE", "")
    facts = replace(facts, certificate=certificate, evidence=measured.Evidence(claimed=NOW))
    report = Report("PAdES", (judge(facts, None, NOW),), ("Le fichier « x » : aucune signature ne le couvre.",), ("!",))
    files = [
        Examined.of("x" * 150 + ".pdf", b"a", report, beside={"annexe #[1].txt": b"b"}),
        Examined.of("abîmé", b"c", None, "Le fichier est un PDF abîmé."),
    ]
    return verification_pdf.render(files, Trust(), NOW, sealed=True)


def hostile() -> bytes:
    words = " ".join(HOSTILE)
    blocks = (
        Heading(1, words, "a1"), Para(words), Note(words), Items(HOSTILE), Fields(words, ((words, ""),)),
        Table("", ("a", "b", "c"), tuple((f"{n}", "é" * n, HOSTILE[n % 9]) for n in range(100))), Sign("A", ("",)),
        Sign("שלום", ("مرحبا",)),
    )  # fmt: skip
    return render_pdf(Document("ccap", words[:80], words[:80], "R-1", "Ville", blocks), NOW, b"{}")


def broken(content: bytes) -> bytes:
    """The same pages, no longer tagged and of no language."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(content))
    for key in ("/Lang", "/StructTreeRoot", "/MarkInfo"):
        del writer.root_object[NameObject(key)]
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def papers() -> dict[str, tuple[bytes, tuple[str, ...]]]:
    found: dict[str, tuple[bytes, tuple[str, ...]]] = {
        "receipt": (receipt(), ALONE),
        "letter": (letter(), ALONE),
        "verification": (verification(), ALONE),
        "hostile": (hostile(), ATTACHED),
    }
    for file in portable.build(full(), NOW).files:
        if file.media_type == "application/pdf":
            found[file.name] = (file.content, ATTACHED)
    for name in (
        "example rc",
        "example ae",
        "example ccap",
        "example data",
        "example personal",
        "other ae",
        "other ccap",
        "amendment",
        "subcontract",
        "opening",
        "report",
        "letters",
        "concession rc",
        "concession concession",
    ):
        found[name] = (render_pdf(SAMPLES[name], NOW, b"{}"), ATTACHED)
    address = "https://marches.exemple.fr/verifier"
    found["act to sign"] = (render_pdf(SAMPLES["example ae"], NOW, b"{}", address), ATTACHED)
    return found


def test_each_pdf_is_accessible_and_archivable_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    """One test, since Java starts slowly."""
    made = papers()
    made["broken"] = (broken(made["receipt"][0]), ALONE)
    made["not alone"] = (made["example ae"][0], ("PDFA-2A",))
    for name, (content, _) in made.items():
        (tmp_path / name).write_bytes(content)
    found = verdicts({tmp_path / name: profiles for name, (_, profiles) in made.items()})
    assert {key for key in found if key[0] not in ("broken", "not alone")} >= {
        ("dc2.pdf", "PDFA-3A"),
        ("letter", "PDFUA-1"),
    }
    refused = {key: verdict.broken for key, verdict in found.items() if verdict.broken}
    assert set(refused) == {("broken", "PDFUA-1"), ("broken", "PDFA-2A"), ("not alone", "PDFA-2A")}, refused
    assert min(verdict.checks for verdict in found.values()) > 300
