"""Read the European list of the lists: its signers change by pivots, from those published in the Official Journal.

Each pivot is an older list of the lists; it is signed by a certificate known so far, and names the next ones
(ETSI TS 119 615, clause 4.1). Nothing is fetched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from signature.errors import Unreadable
from signature.list_services import named
from signature.lists import Pointer, ReadList, parse, read_list

MIME = "application/vnd.etsi.tsl+xml"
KIND = "EUlistofthelists"
TERRITORY = "EU"
_JOURNAL = "://eur-lex.europa.eu/"


@dataclass(frozen=True)
class Pivot:
    """One pivot: where it is published, and its bytes."""

    url: str
    xml: bytes


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
    """The list of the lists; `pivots` the oldest first, `signers` those of the Official Journal. Raises Unreadable."""
    known, sequence = tuple(signers), 0
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
    try:
        read = read_list(pivot.xml, known, now)
        _check(read)
    except Unreadable as error:
        start = "La chaîne des signataires de la liste des listes est rompue au pivot"
        raise Unreadable(f"{start} {pivot.url} : {error.sentence}") from error
    if read.sequence <= sequence:
        raise Unreadable(f"Le pivot {pivot.url} de la liste des listes n’est pas plus récent que le précédent.")
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
