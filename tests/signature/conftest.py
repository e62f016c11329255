"""Real PDFs, real keys, real signatures, made once: the sandbox's authorities and signers at a fixed moment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfWriter

from api.sandbox import pki, tsa
from signature.making.keys import Pkcs12
from signature.making.pades import sign_pades
from signature.trust import Trust

NOW = datetime(2025, 11, 23, 12, 0, tzinfo=UTC)
PASSWORD = "secret"


@dataclass(frozen=True)
class Bench:
    """A folder of authorities with shortcuts: `signer` issues a key, `sign` signs with it, `stamp` is the TSA."""

    folder: Path
    pdf: bytes

    def signer(self, name: str = "Jeanne Martin", **how: bool) -> Pkcs12:
        path = pki.issue_signer(self.folder, name, "Menuiserie Essai", "00000000100019", PASSWORD, now=NOW, **how)
        return Pkcs12(path.read_bytes(), PASSWORD)

    def stamp(self, moment: datetime = NOW) -> Callable[[bytes], bytes]:
        return tsa.responder(self.folder, lambda: moment)

    def sign(self, key: Pkcs12 | None = None, *, pdf: bytes | None = None, at: datetime = NOW) -> bytes:
        return sign_pades(pdf or self.pdf, key or self.signer(), "B", None, at).content

    def sign_t(self, key: Pkcs12 | None = None, *, at: datetime = NOW, stamped: datetime = NOW) -> bytes:
        return sign_pades(self.pdf, key or self.signer(), "T", self.stamp(stamped), at).content

    def trust(self, moment: datetime = NOW) -> Trust:
        return pki.sandbox_trust(self.folder, moment)


def blank_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    writer.add_metadata({"/Title": "Acte d'engagement"})
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(pki.ensure(tmp_path_factory.mktemp("sandbox") / "pki", NOW), blank_pdf())
