"""A verdict with its reports, and the place where a seal is put."""

from io import BytesIO

from pypdf import PdfReader

from api.verification import verified
from signature.making.cades import sign_cades
from tests.signature.conftest import NOW, Bench
from tests.signature.conftest import bench as bench
from tests.signature.keys import key_of

ACT = b"an act"


def words_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def test_the_seal_gets_the_last_word(bench: Bench) -> None:
    """The paper says what it is before it is sealed; the seal is put on those very bytes."""
    seen: list[bytes] = []

    def seal(pdf: bytes) -> bytes:
        seen.append(pdf)
        return pdf + b"% sealed"

    token, trust = sign_cades(ACT, key_of(bench), None, NOW), bench.trust()
    found = verified("acte.p7s", token, trust, NOW, {"acte": ACT}, seal)
    assert found.pdf == seen[0] + b"% sealed"
    assert "Ce rapport porte le cachet électronique" in words_of(seen[0])
    bare = verified("acte.p7s", token, trust, NOW, {"acte": ACT})
    assert "Ce rapport n’est pas scellé" in words_of(bare.pdf)
    assert (bare.shape, bare.xml) == (found.shape, found.xml)
    assert bare.shape["signatures"][0]["indication"] == "TOTAL-PASSED"
