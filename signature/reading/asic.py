"""Reading an ASiC container (EN 319 162-1): a ZIP whose META-INF holds signatures over the files beside it.

Nothing is unpacked to disk; sizes, counts and names are checked before a byte is read.
"""

import hmac
import zipfile
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatch
from io import BytesIO
from urllib.parse import unquote

from signature.errors import Unreadable
from signature.facts import Measured, SignatureFacts, SignedObject, broken
from signature.reading import cades, xades
from signature.reading.contents import digest_of
from signature.reading.references import digest_told
from signature.reading.xml import NS, NotAllowed, parse
from signature.trust import Trust

SIMPLE, EXTENDED = "application/vnd.etsi.asic-s+zip", "application/vnd.etsi.asic-e+zip"
MOST_FILES = 1000
MOST_BYTES = 300_000_000
MOST_RATIO = 200
ASIC_NS = {**NS, "asic": "http://uri.etsi.org/02918/v1.2.1#"}
How = tuple[Trust, datetime, datetime | None]
BROKEN = "Le fichier est un conteneur (ZIP) abîmé : il ne peut être lu."
TRAP = "Ce conteneur (ZIP) n’est pas examiné : {}."


def measure(content: bytes, trust: Trust, now: datetime, not_before: datetime | None) -> Measured:
    """Every signature of the container, then the files that none covers. Raises Unreadable."""
    entries = unpacked(content)
    files = {name: data for name, data in entries.items() if not _meta(name) and name != "mimetype"}
    how = (trust, now, not_before)
    found: list[SignatureFacts] = []
    for name in sorted(entries):
        if _is(name, "*signature*.xml"):
            found += _xades(name, entries[name], files, how)
        elif _is(name, "*signature*.p7s") or _is(name, "*signature*.p7m"):
            found += _cades(name, entries, files, how)
    covered = {file for facts in found for file in facts.covers}
    left = sorted(set(files) - covered)
    unsigned = tuple(f"Le fichier « {name} » : aucune signature ne le couvre." for name in left)
    facts = tuple(replace(each, whole=not left and set(each.covers) >= set(files)) for each in found)
    return Measured(_kind(entries) if found else "ZIP", facts, unsigned)


def unpacked(content: bytes) -> dict[str, bytes]:
    """Name → bytes of every file of a ZIP that is not a trap. Raises Unreadable."""
    try:
        archive = zipfile.ZipFile(BytesIO(content))
        members = [info for info in archive.infolist() if not info.is_dir()]
        _check(members)
        entries, total = {}, 0
        for info in members:
            with archive.open(info) as file:
                entries[info.filename] = file.read(MOST_BYTES - total + 1)
            total += len(entries[info.filename])
            if total > MOST_BYTES:
                raise Unreadable(TRAP.format("il contient beaucoup trop une fois ouvert"))
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(BROKEN) from error
    return entries


def _check(members: list[zipfile.ZipInfo]) -> None:
    names = [info.filename for info in members]
    if len(members) > MOST_FILES:
        raise Unreadable(TRAP.format("il contient trop de fichiers"))
    if len(set(names)) < len(names):
        raise Unreadable(TRAP.format("deux de ses fichiers portent le même nom"))
    if any(info.flag_bits & 1 for info in members):
        raise Unreadable(TRAP.format("il est protégé par un mot de passe"))
    for info in members:
        parts = info.filename.split("/")
        if info.filename.startswith("/") or "\\" in info.filename or ".." in parts or ":" in parts[0]:
            raise Unreadable(TRAP.format("un de ses fichiers sort du dossier"))
        if info.file_size > MOST_BYTES or info.file_size > MOST_RATIO * max(info.compress_size, 5000):
            raise Unreadable(TRAP.format("il contient beaucoup trop une fois ouvert"))


def _meta(name: str) -> bool:
    return name.upper().startswith("META-INF/")


def _is(name: str, pattern: str) -> bool:
    return _meta(name) and name.count("/") == 1 and fnmatch(name.partition("/")[2].lower(), pattern)


def _kind(entries: dict[str, bytes]) -> str:
    """By the mimetype, else by what is there."""
    said = entries.get("mimetype", b"").strip().decode("ascii", "replace")
    if said in (SIMPLE, EXTENDED):
        return "ASiC-S" if said == SIMPLE else "ASiC-E"
    files = [name for name in entries if not _meta(name) and name != "mimetype"]
    return "ASiC-S" if len(files) == 1 else "ASiC-E"


def _xades(name: str, content: bytes, files: dict[str, bytes], how: How) -> list[SignatureFacts]:
    try:
        return list(xades.measure(content, files, *how, by_name=True).signatures)
    except Unreadable as error:
        return [broken(name, "FORMAT_FAILURE", error.sentence, "XAdES")]


def _cades(name: str, entries: dict[str, bytes], files: dict[str, bytes], how: How) -> list[SignatureFacts]:
    """ASiC-S: the one file is signed; ASiC-E: a manifest is, which tells the digests of the files."""
    try:
        manifest = _manifest_of(name, entries)
        if manifest is None:
            found = cades.measure(entries[name], files, *how).signatures
        else:
            signed = cades.measure(entries[name], {manifest: entries[manifest]}, *how).signatures
            covers, problem = _listed(entries[manifest], files)
            found = tuple(_with_files(_through(facts, covers, problem), files) for facts in signed)
    except Unreadable as error:
        return [broken(name, "FORMAT_FAILURE", error.sentence, "CAdES")]
    return [replace(facts, field=f"{name} : {facts.field}") for facts in found]


def _through(facts: SignatureFacts, covers: tuple[str, ...], problem: str) -> SignatureFacts:
    if problem and facts.sub_indication not in ("FORMAT_FAILURE", "HASH_FAILURE", "SIG_CRYPTO_FAILURE"):
        return replace(facts, sub_indication="HASH_FAILURE", reason=problem, covers=covers)
    return replace(facts, covers=covers)


def _with_files(facts: SignatureFacts, files: dict[str, bytes]) -> SignatureFacts:
    """What the manifest covers is signed through it."""
    through = [SignedObject(name, "sha256", digest_of(files[name], "sha256")) for name in facts.covers]
    return replace(facts, evidence=replace(facts.evidence, documents=(*facts.evidence.documents, *through)))


def _manifest_of(name: str, entries: dict[str, bytes]) -> str | None:
    """The ASiCManifest whose SigReference names this signature."""
    for manifest in (each for each in sorted(entries) if _is(each, "*asicmanifest*.xml")):
        reference = parse(entries[manifest]).root.find("asic:SigReference", ASIC_NS)
        if reference is not None and unquote(reference.get("URI", "")) == name:
            return manifest
    return None


def _listed(manifest: bytes, files: dict[str, bytes]) -> tuple[tuple[str, ...], str]:
    """The files whose digest the manifest tells rightly, and a sentence where one is missing or another."""
    covers: list[str] = []
    for entry in parse(manifest).root.iterfind("asic:DataObjectReference", ASIC_NS):
        name = unquote(entry.get("URI", ""))
        try:
            digest, expected = digest_told(entry, "La liste des fichiers signés emploie une empreinte inconnue.")
        except NotAllowed as error:
            return tuple(covers), str(error)
        if name not in files:
            return tuple(covers), f"Le fichier signé « {name} » manque dans le conteneur."
        if not hmac.compare_digest(digest_of(files[name], digest), expected):
            return tuple(covers), f"Le fichier « {name} » a été modifié après la signature."
        covers.append(name)
    return tuple(covers), "" if covers else "La liste des fichiers signés est vide."
