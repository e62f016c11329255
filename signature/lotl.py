"""Read the European list of the lists: its signers change by pivots, from those published in the Official Journal.

Each pivot is an older list of the lists; it is signed by a certificate known so far, and names the next ones
(ETSI TS 119 615, clause 4.1). Nothing is fetched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyhanko.sign.validation.qualified.eutl_parse import latest_known_lotl_tlso_certs

from signature.errors import Unreadable
from signature.list_services import named
from signature.lists import Pointer, ReadList, parse, read_list

MIME = "application/vnd.etsi.tsl+xml"
KIND = "EUlistofthelists"
TERRITORY = "EU"
_JOURNAL = "://eur-lex.europa.eu/"
# One pivot: where it is published, and its bytes.
Pivot = tuple[str, bytes]


@dataclass(frozen=True)
class Lotl:
    """The list of the lists: for each territory where its list is and who may sign it.

    `signers` may sign the next list of the lists; `pivot_urls` are the pivots in force, the oldest first.
    """

    pointers: Mapping[str, Pointer]
    pivot_urls: tuple[str, ...]
    sequence: int
    issued: datetime
    next_update: datetime | None
    sha256: str
    stale: bool
    signers: tuple[bytes, ...]


def read_lotl(xml: bytes, signers: Sequence[bytes], now: datetime, pivots: Sequence[Pivot] = ()) -> Lotl:
    """The list of the lists; `pivots` the oldest first. Raises Unreadable.

    `signers` (DER): who may sign it, or its first pivot; none: those published in the Official Journal.
    """
    known, sequence = tuple(signers) or official_signers(), 0
    for pivot in pivots:
        read = _linked(pivot, known, sequence, now)
        known, sequence = _own_signers(read), read.sequence
    read = read_list(xml, known, now)
    _check(read)
    if read.sequence < sequence:
        raise Unreadable("La liste des listes est plus ancienne que son dernier pivot.")
    return Lotl(
        pointers=_territories(read),
        pivot_urls=pivots_in(read.information),
        sequence=read.sequence,
        issued=read.issued,
        next_update=read.next_update,
        sha256=read.sha256,
        stale=read.stale,
        signers=_own_signers(read),
    )


def official_signers() -> tuple[bytes, ...]:
    """Who may sign the list of the lists, in DER, as pyHanko carries them over from the Official Journal."""
    return tuple(certificate.dump() for certificate in latest_known_lotl_tlso_certs())


def pivot_urls(xml: bytes) -> tuple[str, ...]:
    """The pivots a list of the lists announces, the oldest first, **not verified yet**. Raises Unreadable."""
    uris = named(parse(xml), "SchemeInformation/SchemeInformationURI/URI")
    return pivots_in([(uri.text or "").strip() for uri in uris])


def pivots_in(information: Sequence[str]) -> tuple[str, ...]:
    """Addresses are told the newest first; those after the Official Journal's belong to older certificates of it."""
    found: list[str] = []
    for url in information:
        if _JOURNAL in url:
            break
        if url.endswith(".xml"):
            found.append(url)
    return tuple(reversed(found))


def _linked(pivot: Pivot, known: Sequence[bytes], sequence: int, now: datetime) -> ReadList:
    url, xml = pivot
    try:
        read = read_list(xml, known, now)
        _check(read)
    except Unreadable as error:
        start = "La chaîne des signataires de la liste des listes est rompue au pivot"
        raise Unreadable(f"{start} {url} : {error.sentence}") from error
    if read.sequence <= sequence:
        raise Unreadable(f"Le pivot {url} de la liste des listes n’est pas plus récent que le précédent.")
    return read


def _check(read: ReadList) -> None:
    if read.kind != KIND:
        raise Unreadable("Cette liste n’est pas la liste européenne des listes de confiance.")


def _own_signers(read: ReadList) -> tuple[bytes, ...]:
    own = (pointer for pointer in read.pointers if pointer.territory == TERRITORY and pointer.mime == MIME)
    return tuple(dict.fromkeys(der for pointer in own for der in pointer.signers))


def _territories(read: ReadList) -> dict[str, Pointer]:
    """One pointer for each territory, to the list made for machines; the list of the lists itself left out."""
    usable = [p for p in read.pointers if p.mime == MIME and p.territory != TERRITORY and p.url and p.signers]
    return {pointer.territory: pointer for pointer in reversed(usable)}
