"""The list of the lists: its pointers, and the pivots by which its signers change."""

import pickle

import pytest
from pyhanko.sign.validation.qualified.eutl_parse import latest_known_lotl_tlso_certs

from signature.errors import Unreadable
from signature.lotl import Lotl, pivot_urls, read_lotl
from tests.signature.list_maker import Pair, at, pair, pointer, signed, tsl

NOW = at("2025-11-23")
URL = "https://exemple.eu/eu-lotl.xml"
JOURNAL = "https://eur-lex.europa.eu/legal-content/EN/TXT/?uri=uriserv:OJ.C_.2019.276.01.0001.01.ENG"
FIRST, SECOND, THIRD = (pair(f"Commission {n}", usage="digital_signature") for n in range(3))
FRENCH = pair("Opérateur français", usage="digital_signature")
STRANGER = pair("Inconnu", usage="digital_signature")


def lotl(sequence: int, by: Pair, names: Pair, information: tuple[str, ...] = (JOURNAL,)) -> bytes:
    told = [
        pointer("EU", URL, [names.der]),
        pointer("FR", "https://exemple.fr/tl.xml", [FRENCH.der]),
        pointer("FR", "https://exemple.fr/tl.pdf", [FRENCH.der], mime="application/pdf"),
    ]
    xml = tsl(territory="EU", sequence=sequence, pointers=told, information=information, kind="EUlistofthelists")
    return signed(xml, by)


def test_the_pointers_of_the_list_of_the_lists() -> None:
    found = read_lotl(lotl(300, FIRST, FIRST), [FIRST.der], NOW)
    assert list(found.pointers) == ["FR"]
    assert (found.pointers["FR"].url, found.pointers["FR"].signers) == ("https://exemple.fr/tl.xml", (FRENCH.der,))
    assert (found.sequence, found.signers, found.stale) == (300, (FIRST.der,), False)
    assert pickle.loads(pickle.dumps(found)) == found


def test_pivots_up_to_the_official_journal_the_oldest_first() -> None:
    told = ("https://exemple.eu/p2.xml", "https://exemple.eu/p1.xml", JOURNAL, "https://exemple.eu/p0.xml")
    xml = lotl(300, FIRST, FIRST, told)
    assert pivot_urls(xml) == ("https://exemple.eu/p1.xml", "https://exemple.eu/p2.xml")
    assert read_lotl(xml, [FIRST.der], NOW).pivot_urls == pivot_urls(xml)


def chain(*pivots: bytes) -> Lotl:
    told = [(f"https://exemple.eu/p{n}.xml", xml) for n, xml in enumerate(pivots, 1)]
    return read_lotl(lotl(300, THIRD, THIRD), [FIRST.der], NOW, told)


def test_the_signers_change_by_pivots() -> None:
    found = chain(lotl(100, FIRST, SECOND), lotl(200, SECOND, THIRD))
    assert found.sequence == 300


@pytest.mark.parametrize(
    ("pivots", "words"),
    [
        ((), "signée par un autre certificat"),
        ((lotl(100, STRANGER, SECOND), lotl(200, SECOND, THIRD)), "rompue au pivot https://exemple.eu/p1.xml"),
        ((lotl(100, FIRST, SECOND), lotl(200, FIRST, THIRD)), "rompue au pivot https://exemple.eu/p2.xml"),
        ((lotl(100, FIRST, STRANGER), lotl(200, SECOND, THIRD)), "rompue au pivot https://exemple.eu/p2.xml"),
        ((lotl(100, FIRST, SECOND), lotl(200, SECOND, SECOND)), "signée par un autre certificat"),
        ((lotl(100, FIRST, SECOND).replace(b">100<", b">101<"), lotl(200, SECOND, THIRD)), "p1.xml"),
        ((lotl(200, FIRST, SECOND), lotl(100, SECOND, THIRD)), "p2.xml de la liste des listes n’est pas plus récent"),
        ((lotl(100, FIRST, SECOND), lotl(400, SECOND, THIRD)), "plus ancienne que son dernier pivot"),
    ],
)
def test_a_broken_chain_is_refused_and_names_the_pivot(pivots: tuple[bytes, ...], words: str) -> None:
    with pytest.raises(Unreadable) as caught:
        chain(*pivots)
    assert words in caught.value.sentence


def test_a_national_list_is_not_the_list_of_the_lists() -> None:
    with pytest.raises(Unreadable, match="n’est pas la liste européenne"):
        read_lotl(signed(tsl(), FIRST), [FIRST.der], NOW)


def test_the_certificates_known_today_are_not_the_tests() -> None:
    known = [certificate.dump() for certificate in latest_known_lotl_tlso_certs()]
    assert known
    with pytest.raises(Unreadable, match="autre certificat"):
        read_lotl(lotl(300, FIRST, FIRST), known, NOW)
