from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siret_lookup.identity import Identity, open_identity
from siret_lookup.outcome import Outcome
from siret_lookup.succession import Because, Case, Link, Proposal, reason, resolve
from tests.siret_lookup.scene import START, Lookup, siret_of

OLD, NEW, OTHER, HEAD = "00001019900016", "00001019900024", "00001001700010", "00001019900032"
CLOSED = Identity(
    OLD,
    OLD[:9],
    Outcome.OBTAINED,
    START,
    "essai",
    establishment_state="closed",
    unit_state="active",
    closed_on="2026-03-31",
)


def link(to: str, since: str = OLD, moved: bool = False, carried_on: bool = False, day: int = 1) -> Link:
    return Link(since, to, date(2026, 4, day), moved, carried_on)


def test_a_removal_in_the_sandbox(lookup: Lookup) -> None:
    identity = open_identity(siret_of("MENUISERIE DÉMÉNAGÉE"), lookup.access, lookup.now, lookup.quotas)
    found = resolve(identity)
    assert (found.case, [p.siret for p in found.proposals]) == (Case.CLOSED, [NEW])
    assert found.sentence == (
        "L’établissement 000 010 199 00016 est fermé depuis le 31 mars 2026, mais l’entreprise est en activité. "
        "Est-ce maintenant 000 010 199 00024 : c’est le siège de l’entreprise ? "
        "Confirmez-le, ou indiquez un autre SIRET."
    )


def test_the_order_is_removal_then_continuity_then_head_office() -> None:
    links = [link(OTHER, carried_on=True), link(NEW, moved=True)]
    found = resolve(replace(CLOSED, head_office_siret=HEAD), links)
    assert [(p.siret, p.because) for p in found.proposals] == [
        (NEW, Because.HEAD_OFFICE_MOVED),
        (OTHER, Because.ECONOMIC_CONTINUITY),
        (HEAD, Because.HEAD_OFFICE),
    ]
    assert "le siège y a été transféré le 1er avril 2026" in found.sentence


def test_the_latest_of_two_equal_links_comes_first() -> None:
    found = resolve(CLOSED, [link(OTHER, carried_on=True, day=2), link(NEW, carried_on=True, day=9)])
    assert [p.siret for p in found.proposals] == [NEW, OTHER]


def test_a_successor_that_closed_too_gives_way_to_its_own() -> None:
    links = [link(NEW, moved=True), link(OTHER, since=NEW, moved=True)]
    found = resolve(CLOSED, links, {NEW: "closed"})
    assert [p.siret for p in found.proposals] == [OTHER]


def test_another_company_is_said_to_be_another() -> None:
    (proposal,) = resolve(CLOSED, [link(OTHER, carried_on=True)]).proposals
    assert not proposal.same_company
    assert "c’est une autre entreprise, avec un autre SIREN" in reason(proposal)


def test_nobody_known() -> None:
    found = resolve(CLOSED)
    assert found.proposals == ()
    assert "Nous ne savons pas lequel le remplace" in found.sentence


def test_a_ceased_company_has_no_establishment_to_propose() -> None:
    ceased = replace(CLOSED, unit_state="ceased", head_office_siret=NEW)
    alone, taken_over = resolve(ceased), resolve(ceased, [link(NEW, moved=True), link(OTHER, carried_on=True)])
    assert (alone.case, alone.proposals) == (Case.CEASED, ())
    assert "a cessé son activité, selon l’Insee" in alone.sentence
    assert [p.siret for p in taken_over.proposals] == [OTHER]
    assert "Répondez-vous pour 000 010 017 00010" in taken_over.sentence


@pytest.mark.parametrize(("state", "case"), [("active", Case.OPEN), (None, Case.UNKNOWN)])
def test_nothing_is_proposed_for_an_open_or_unknown_place(state: str | None, case: Case) -> None:
    found = resolve(replace(CLOSED, establishment_state=state, head_office_siret=HEAD), [link(NEW, moved=True)])
    assert (found.case, found.proposals, found.sentence) == (case, (), "")


PLACES = [OLD, NEW, OTHER, HEAD, "00001002500013", "00001003300017"]
LINKS = st.lists(
    st.builds(
        Link,
        st.sampled_from(PLACES),
        st.sampled_from(PLACES),
        st.none() | st.dates(date(1973, 1, 1), date(2026, 11, 1)),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)
STATES = st.dictionaries(st.sampled_from(PLACES), st.sampled_from(["active", "closed"]))


@given(LINKS, STATES, st.sampled_from([None, *PLACES]), st.sampled_from(["active", "ceased", None]))
def test_never_itself_never_a_closed_one_never_twice(
    links: list[Link], states: dict[str, str], head: str | None, unit: str | None
) -> None:
    found = resolve(replace(CLOSED, head_office_siret=head, unit_state=unit), links, states)
    sirets = [p.siret for p in found.proposals]
    assert OLD not in sirets
    assert len(set(sirets)) == len(sirets)
    assert "closed" not in {states.get(siret) for siret in sirets}
    assert unit != "ceased" or not any(p.same_company for p in found.proposals)
    assert [list(Because).index(p.because) for p in found.proposals] == sorted(
        list(Because).index(p.because) for p in found.proposals
    )


@given(LINKS.flatmap(lambda links: st.tuples(st.just(links), st.permutations(links))), STATES)
def test_the_order_of_links_does_not_matter(both: tuple[list[Link], list[Link]], states: dict[str, str]) -> None:
    assert resolve(CLOSED, both[0], states) == resolve(CLOSED, both[1], states)


@given(LINKS)
def test_every_open_successor_is_reached(links: list[Link]) -> None:
    direct = {each.successor for each in links if each.predecessor == OLD} - {OLD}
    assert {p.siret for p in resolve(CLOSED, links).proposals} == direct


def test_a_reason_without_a_day() -> None:
    assert reason(Proposal(NEW, Because.HEAD_OFFICE_MOVED, True)) == "le siège y a été transféré"
