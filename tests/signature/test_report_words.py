"""The report in French: what a judge reads of each kind of verdict, and on what it rests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from signature.making.cades import sign_cades
from signature.making.pades import sign_pades
from signature.report_words import SEALED, UNSEALED, Examined, Paper, told
from signature.trust import ListOrigin, Trust, TrustList
from signature.verify import examine
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import key_of
from tests.signature.test_asic import ACT, ANNEX

LATER = NOW + timedelta(minutes=2)


def paper(bench: Bench, content: bytes, trust: Trust | None = None, **files: bytes) -> Paper:
    trust = bench.trust() if trust is None else trust
    report = examine(content, trust, LATER, None, files)
    return told([Examined.of("acte", content, report, beside=files)], trust, LATER, sealed=False)


def rows(found: Paper, number: int = 0) -> dict[str, str]:
    return dict(found.files[0].signatures[number].rows)


def test_a_stamped_signature(bench: Bench) -> None:
    found = paper(bench, bench.sign_t())
    assert found.files[0].summary == "1 signature (PAdES), dont 1 techniquement valide."
    told_rows = rows(found)
    assert told_rows["Signature techniquement valide ?"].startswith("Oui [TOTAL-PASSED].")
    assert told_rows["Meilleure date prouvée"] == "23/11/2025 à 13:00:00, par un horodatage vérifié."
    assert told_rows["Nature (règlement eIDAS)"] == "signature avancée reposant sur un certificat qualifié (AdESig-QC)"
    assert told_rows["Portée"] == "Tout le fichier"
    assert [answer for _, answer, _ in found.files[0].signatures[0].points] == ["Oui"] * 5


def test_a_second_signature_is_a_permitted_change(bench: Bench) -> None:
    first = bench.sign()
    found = paper(bench, sign_pades(first, bench.signer("Paul Durand"), "B", None, NOW).content)
    assert found.files[0].summary == "2 signatures (PAdES), dont 2 techniquement valides."
    assert (
        rows(found)["Changé après la signature"] == "Ajouts permis : une autre signature a été ajoutée après celle-ci."
    )
    assert rows(found)["Portée"].startswith(f"Les {len(first)} premiers octets du fichier")
    assert rows(found, 1)["Portée"] == "Tout le fichier"
    assert [part.title.partition(" (")[0] for part in found.files[0].signatures] == [
        "Signature 1 de Jeanne Martin",
        "Signature 2 de Paul Durand",
    ]


def test_a_token_and_a_file_that_nobody_signed(bench: Bench) -> None:
    found = paper(bench, sign_cades(ACT, key_of(bench), None, NOW), acte=ACT, annexe=ANNEX)
    assert found.files[0].summary.endswith("Une partie de ce qui a été remis n’est pas signée.")
    assert rows(found)["Portée"] == "Est signé : acte"
    assert found.files[0].unsigned == ["Le fichier « annexe » : aucune signature ne le couvre."]
    assert dict(found.files[0].digests)["annexe"] == sha256(ANNEX).hexdigest()
    assert (
        "Le signataire a inscrit la date du 23/11/2025 à 13:00:00, que rien ne garantit."
        in (rows(found)["Meilleure date prouvée"])
    )
    assert "--content acte" in found.command


def test_what_does_not_hold(bench: Bench) -> None:
    found = paper(bench, sign_cades(ACT, key_of(bench), None, NOW), acte=ACT + b"!")
    assert found.files[0].summary == "1 signature (CAdES), dont aucune techniquement valide."
    assert rows(found)["Changé après la signature"].startswith("Le document a été modifié après la signature")
    assert rows(found)["Nature (règlement eIDAS)"] == "n’est pas une signature avancée valable (Not AdES)"
    alone = paper(bench, sign_cades(ACT, key_of(bench), None, NOW))
    assert rows(alone)["Changé après la signature"].startswith("Rien ne peut en être dit")


def test_without_anyone_to_trust(bench: Bench) -> None:
    found = paper(bench, bench.sign(), Trust())
    assert dict(found.trusted) == {
        "Liste de confiance": "aucune : la qualification et la recevabilité ne peuvent être affirmées",
        "Autorités acceptées": "aucune",
    }
    assert rows(found)["Nature (règlement eIDAS)"].startswith("ne peut être affirmée ; au mieux : ")
    assert rows(found)["Recevable au titre de l’arrêté du 22 mars 2019 ?"].startswith("Ne peut être affirmé")


def test_the_list_that_was_read_is_named(bench: Bench) -> None:
    origin = ListOrigin("FR", 56, datetime(2025, 9, 1, tzinfo=UTC), "ab" * 32)
    given = bench.trust()
    assert given.trust_list is not None
    found = paper(bench, bench.sign(), replace(given, trust_list=replace(given.trust_list, origins=(origin,))))
    listed = dict(found.trusted)["Liste de confiance FR"]
    assert listed == f"n° 56, émise le 01/09/2025 à 02:00:00 ; fichier SHA-256 {'ab' * 32}"
    assert "--trust-list LISTE.xml --trust-list-cert SIGNATAIRE.pem" in found.command
    both = Trust(trust_list=TrustList((), (), (origin,))).with_more(Trust(trust_list=TrustList((), (), (origin,))))
    assert both.trust_list is not None
    assert both.trust_list.origins == (origin, origin)


def test_a_file_that_was_not_read_and_the_seal(bench: Bench) -> None:
    files = [
        Examined.of("absent.pdf", b"", None, "Le fichier ne peut être ouvert."),
        Examined.of("a b.pdf", b"x", None),
    ]
    found = told(files, bench.trust(), LATER, sealed=True)
    assert found.seal == SEALED
    assert told(files, bench.trust(), LATER, sealed=False).seal == UNSEALED
    assert found.files[0].summary == "Ce fichier n’a pas pu être examiné. Le fichier ne peut être ouvert."
    assert found.files[0].digests == [("absent.pdf", "non lu")]
    assert found.command[0] == "mps sign verify absent.pdf 'a b.pdf'"
