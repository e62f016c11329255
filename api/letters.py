"""Letters to head offices: the code, sealed and hashed, and what the paper says. api/letter_pdf.py draws it."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy.orm import Session

from api import secretbox
from api.context import Context
from api.render import french_date
from procurement.base import CROCKFORD
from procurement.letter import CODE_LENGTH, Letter
from procurement.people import operator
from siret_lookup.siret import Siret

_hasher = PasswordHasher()


@dataclass(frozen=True)
class Paper:
    """What one letter says, in words; lines of addresses from top to bottom."""

    title: str
    reference: str
    sender: list[str]
    recipient: list[str]
    date: str
    before: list[str]
    code: str
    after: list[str]


def new_code() -> tuple[str, str]:
    """(code, its argon2 hash): forty random bits in Crockford's alphabet."""
    code = "".join(secrets.choice(CROCKFORD) for _ in range(CODE_LENGTH))
    return code, _hasher.hash(code)


def holds(code_hash: str, code: str) -> bool:
    try:
        return _hasher.verify(code_hash, code)
    except VerificationError:
        return False


def seal_code(ctx: Context, letter: Letter, code: str) -> None:
    """Keep the code until the letter is taken out; bound to this letter."""
    letter.code_sealed = secretbox.seal(ctx.secret, f"letter:{letter.ref}", code.encode())


def paper_of(ctx: Context, db: Session, letter: Letter, now: datetime) -> Paper:
    """The letter's words, code included: for a letter whose code is still sealed here."""
    code = secretbox.unseal(ctx.secret, f"letter:{letter.ref}", letter.code_sealed or b"").decode()
    runs, asked = operator(db), letter.user
    address = f"{ctx.settings.public_url.rstrip('/')}/compte/appartenance"
    return Paper(
        title="Un code pour une personne de votre entreprise",
        reference=f"Courrier {letter.ref}",
        sender=[runs.name, *runs.address.split(", ")] if runs else ["mps – marchés publics simplifiés"],
        recipient=[letter.name, *letter.address],
        date=f"Le {french_date(now)}",
        before=[
            f"{asked.name} ({asked.email}) dit faire partie de votre entreprise (SIRET {Siret(letter.siret)}) sur mps, "
            "le service de réponse aux marchés publics.",
            "Si c’est exact, donnez-lui le code ci-dessous. Cette personne pourra alors voir les attestations sociales "
            "et fiscales de l’entreprise.",
        ],
        code=f"{code[:4]}-{code[4:]}",
        after=[
            f"Le code sert une fois, jusqu’au {french_date(letter.expires_at)}, avec le compte {asked.email}, à cette "
            f"adresse : {address}",
            "Si vous ne connaissez pas cette personne, ne lui donnez rien et détruisez ce courrier : sans le code, "
            "rien ne se passe. Ce courrier n’est pas nécessaire pour répondre à un marché.",
        ],
    )


def evidence(letter: Letter, now: datetime) -> str:
    posted = f"Code posté au siège le {french_date(letter.posted_at)}" if letter.posted_at else "Code envoyé au siège"
    return f"{posted}, rendu le {french_date(now)}"
