"""What a proven member says of an answer about its own company: a reason that stands beside it, never in its place.

The buyer reads it on the candidate's page, whose every look is logged; never on the board, in the ZIP or in the API,
and the register says only that there is one: a reason may name a person (RGPD, article 10). It has a term
(procurement/purge.py).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from procurement.belonging import proof_of
from procurement.candidacy import Candidacy
from procurement.errors import Invalid, Refused
from procurement.events import record
from procurement.people import Person
from procurement.pieces import CAPACITY, ON_MOTIVE, WINNER
from siret_lookup.catalogue import PIECES

LONGEST = 2000
# Key → title of what can be contested.
CONTESTABLE: Mapping[str, str] = {key: PIECES[key].title for key in (*CAPACITY, *WINNER, *ON_MOTIVE)}


def contest(db: Session, candidacy: Candidacy, key: str, reason: str, person: Person, now: datetime) -> None:
    """Keep the reason, in place of a former one for this piece. Raises Invalid, Refused; `candidacy` is locked."""
    _may(db, candidacy, person, now)
    wrong = {}
    if key not in CONTESTABLE:
        wrong["key"] = "Choisissez une pièce de la liste."
    if len(reason.strip()) < 10:
        wrong["reason"] = "Dites en une phrase ce qui n’est pas exact, ou n’est plus le cas."
    elif len(reason.strip()) > LONGEST:
        wrong["reason"] = "Cette raison dépasse 2 000 caractères."
    if wrong:
        raise Invalid(wrong)
    said: dict[str, Any] = {"reason": reason.strip(), "at": now.isoformat(), "by": person.email}
    candidacy.contests = {**candidacy.contests, key: said}
    record(db, candidacy.consultation, "candidacy.contested", candidacy.ref, f"account:{person.id}", now)


def take_back(candidacy: Candidacy, key: str) -> None:
    """Nothing of it is kept; a second click finds nothing left to do."""
    candidacy.contests = {k: said for k, said in candidacy.contests.items() if k != key}


def forget(candidacy: Candidacy, before: datetime) -> int:
    """Forget what was said before then; returns how many."""
    kept = {k: said for k, said in candidacy.contests.items() if datetime.fromisoformat(said["at"]) >= before}
    gone = len(candidacy.contests) - len(kept)
    if gone:
        candidacy.contests = kept
    return gone


def _may(db: Session, candidacy: Candidacy, person: Person, now: datetime) -> None:
    if proof_of(db, person.id, candidacy.siret, now) is None:
        raise Refused("Prouvez d’abord votre appartenance à l’entreprise : ces pièces sont protégées.")
    if candidacy.state not in ("draft", "submitted"):
        raise Refused("Cette réponse n’est pas examinée : il n’y a plus rien à contester ici.")
