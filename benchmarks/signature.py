"""Signatures, on one process: verified and made per second, whole (path, revocation, trusted list, five points)."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject

from api.sandbox import pki, tsa
from api.settings import ROOT
from signature.facts import Embedded
from signature.making.cades import sign_cades
from signature.making.keys import Key
from signature.making.pades import sign_pades
from signature.making.xades import sign_xades
from signature.verify import examine

Row = tuple[str, str, float, str, bool, str]
SECONDS = 4.0
PEER, OURS = ROOT / "build" / "peers" / "bin" / "pyhanko", ROOT / ".venv" / "bin" / "mps"


def measure() -> list[Row]:
    """Each rate over four seconds, of as many different files as it takes; the 20 MB file three times."""
    with tempfile.TemporaryDirectory() as folder:
        return list(_rows(Bench(Path(folder))))


class Bench:
    """An authority, one RSA-2048 signer with its key in memory, a page to sign."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime.now(UTC)
        self.folder = pki.ensure(folder / "pki", self.now)
        private = rsa.generate_private_key(65537, 2048)
        own = pki.issue_for_key(self.folder, private.public_key(), "Banc", "Banc d’essai", "00000000100019")
        chain = (own, pki.certificate(self.folder, "issuing").public_bytes(Encoding.DER))
        self.key = Key(chain, lambda content: private.sign(content, padding.PKCS1v15(), hashes.SHA256()))
        self.stamp = tsa.responder(self.folder, lambda: self.now)
        self.trust = pki.sandbox_trust(self.folder, self.now)
        self.page = pdf(1000)

    def material(self) -> Embedded:
        return Embedded(self.trust.intermediates, self.trust.crls)


def pdf(size: int) -> bytes:
    """One page with a stream of that many bytes that do not compress."""
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    stream = DecodedStreamObject()
    stream.set_data(bytes((i * 7919) % 251 for i in range(size)))
    writer.root_object[NameObject("/Donnees")] = writer._add_object(stream)
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def _rows(bench: Bench) -> Iterator[Row]:
    made = _rate(lambda number: sign_pades(bench.page, bench.key, "B", None, bench.now))
    yield _least("PAdES-B signed, key in memory", made, 25)
    contents = [f"acte {number}".encode() for number in range(50)]
    tokens = [sign_cades(content, bench.key, None, bench.now) for content in contents]
    yield _least("CAdES-B verified", _rate(lambda n: _good(bench, tokens[n % 50], acte=contents[n % 50])), 100)
    xml = [sign_xades(content, "acte", bench.key, bench.now) for content in contents]
    yield _least("XAdES-B verified", _rate(lambda n: _good(bench, xml[n % 50], acte=contents[n % 50])), 300)
    plain = [sign_pades(bench.page, bench.key, "B", None, bench.now).content for _ in range(10)]
    yield _least("PAdES-B verified", _rate(lambda n: _good(bench, plain[n % 10])), 25)
    material = bench.material()
    long = [sign_pades(bench.page, bench.key, "LTA", bench.stamp, bench.now, material=material) for _ in range(5)]
    yield _least("PAdES-B-LTA verified", _rate(lambda n: _good(bench, long[n % 5].content)), 8)
    big = sign_pades(pdf(20_000_000), bench.key, "B", None, bench.now).content
    took = min(_seconds(lambda: _good(bench, big)) for _ in range(3))
    yield from _commands(bench, plain)
    yield "a signed PDF of 20 MB verified", "0.3 s", took / 0.3, "≤ 1", took <= 0.3, f"{took:.2f} s"


def _commands(bench: Bench, files: list[bytes]) -> Iterator[Row]:
    """Ours and pyHanko's command lines on the same signed PDFs: one, then ten (ours takes them in one call)."""
    if not PEER.exists():
        return
    folder = bench.folder.parent
    for name in ("root", "issuing"):
        (folder / f"{name}.pem").write_bytes(pki.certificate(bench.folder, name).public_bytes(Encoding.PEM))
    paths = [folder / f"{number}.pdf" for number in range(len(files))]
    for path, content in zip(paths, files, strict=True):
        path.write_bytes(content)
    theirs = [PEER, "sign", "validate", "--trust", folder / "root.pem", "--other-certs", folder / "issuing.pem"]
    theirs.append("--no-revocation-check")
    ours = [OURS, "sign", "verify", "--sandbox-pki", bench.folder]
    for count in (1, len(paths)):
        some = paths[:count]
        peer = sum(_seconds(partial(_run, [*theirs, path])) for path in some)
        own = _seconds(partial(_run, [*ours, *some]))
        held, detail = own <= 1.3 * peer, f"{own:.1f} against {peer:.1f} s"
        yield f"the command, signed PDF: {count}", "pyHanko’s own command", own / peer, "≤ 1.3", held, detail


def _run(command: list[object]) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def _good(bench: Bench, content: bytes, **files: bytes) -> None:
    report = examine(content, bench.trust, bench.now, None, files)
    assert report.holds, report
    assert report.signatures[0].arrete_2019.receivable


def _rate(work: Callable[[int], object]) -> float:
    work(0)
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS:
        work(count)
        count += 1
    return count / (time.perf_counter() - begin)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _least(name: str, rate: float, limit: int) -> Row:
    return name, f"{limit}/s", rate / limit, "≥ 1", rate >= limit, f"{rate:.0f}/s"
