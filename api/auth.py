"""Who is asking, and what each route demands. Authentication uses its own short session."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from fastapi import Depends, Request
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload
from starlette.concurrency import run_in_threadpool

from api import db as database
from procurement.counters import give_back, take
from procurement.errors import Invalid, NotFound, Refused
from procurement.federation import FederatedLogin
from procurement.mail import post
from procurement.people import (
    ApiToken,
    EmailCode,
    LoginSession,
    Membership,
    Person,
    Role,
    User,
    create_user,
    person_of,
)

COOKIE = "mps_session"
SESSION_LIFE = timedelta(hours=12)
CODE_LIFE = timedelta(minutes=30)
TOKEN_LIFE = timedelta(days=365)
MOST_TOKENS = 100
_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """A hash that no password opens, made at its first use: it costs what one try of a password costs."""
    return _hasher.hash(secrets.token_hex(16))


class SignInNeeded(Exception):
    """Pages answer with a redirect to the sign-in form, the API with 401."""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def visitor(request: Request) -> Person | None:
    """The person behind the cookie or the bearer token; None for a stranger. Read once per request."""
    if not hasattr(request.state, "person"):
        request.state.person = _read_visitor(request)
    person: Person | None = request.state.person
    return person


def _credentials(request: Request) -> tuple[str, str] | None:
    """(bearer token, cookie), None for a stranger. A token of the API opens the API only."""
    header = request.headers.get("authorization", "") if request.url.path.startswith("/api/") else ""
    bearer = header[7:].strip() if header[:7].lower() == "bearer " else ""
    cookie = request.cookies.get(COOKIE, "")
    return (bearer, cookie) if bearer or cookie else None


def _read_visitor(request: Request) -> Person | None:
    bearer, cookie = _credentials(request) or ("", "")
    if not (bearer or cookie):
        return None
    with database.reading(database.database_of(request)) as db:
        kind: type[ApiToken | LoginSession] = ApiToken if bearer else LoginSession
        known = select(User, kind.expires_at).join(kind, kind.user_id == User.id).options(joinedload(User.memberships))
        found = db.execute(known.where(kind.token_hash == _hash(bearer or cookie))).unique().one_or_none()
        return person_of(found[0]) if found and found[1] > database.now(db) else None


Visitor = Annotated[Person | None, Depends(visitor)]


def require(person: Visitor) -> Person:
    if person is None:
        raise SignInNeeded
    return person


Who = Annotated[Person, Depends(require)]


class Allow:
    """What a route states: who may call it. A route without one fails the test that walks them all."""

    def __init__(self, label: str, test: Callable[[Person | None], bool]) -> None:
        self.label = label
        self.test = test

    async def __call__(self, request: Request) -> None:
        """Raises SignInNeeded or NotFound. A stranger costs no thread and no query."""
        person = await run_in_threadpool(visitor, request) if _credentials(request) else visitor(request)
        if self.test(person):
            return
        if person is None:
            raise SignInNeeded
        raise NotFound


PUBLIC = Allow("public", lambda person: True)
SIGNED_IN = Allow("signed in", lambda person: person is not None)
OFFICER = Allow("officer", lambda person: person is not None and person.any(Role.OFFICER))
FINANCE = Allow("finance", lambda person: person is not None and person.any(Role.FINANCE))
BUYER = Allow("officer or finance", lambda person: person is not None and person.any(Role.OFFICER, Role.FINANCE))
ADMINISTRATOR = Allow("administrator", lambda person: person is not None and person.any(Role.ADMINISTRATOR))


def set_password(db: Session, user: User, password: str) -> int:
    """argon2id; twelve characters or more, no other rule (CNIL, deliberation 2022-100, entropy by length).

    Whoever knew the former one is out: every session of the account ends. Gives how many. Tokens of the API stay.
    """
    if len(password) < 12:
        raise Invalid({"password": "Choisissez au moins douze caractères."})
    if len(password) > 200:
        raise Invalid({"password": "Deux cents caractères au plus."})
    user.password_hash = _hasher.hash(password)
    db.flush()  # takes the account's row: who is signing in with the former password has finished, or will be refused
    opened = select(LoginSession.id).where(LoginSession.user_id == user.id, LoginSession.expires_at > database.now(db))
    ended = len(db.scalars(opened).all())
    db.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    return ended


def brake(db: Session, name: str, limit: int, minutes: int) -> None:
    """Raise Refused once `name` was used `limit` times in the current window."""
    if not take(db, name[:120], limit, _window(db, minutes)):
        raise Refused(f"Trop d’essais : attendez {minutes} minutes.")


def release(db: Session, name: str, minutes: int) -> None:
    """What `brake` counted in the current window was no failure."""
    give_back(db, name[:120], _window(db, minutes))


def _window(db: Session, minutes: int) -> datetime:
    now = database.now(db)
    return now.replace(second=0, microsecond=0) - timedelta(minutes=now.minute % minutes)


def check_password(db: Session, email: str, password: str) -> User | None:
    """The user, or None; a stranger's address takes as long as a known one."""
    known = select(User).where(User.email == email.strip().lower())
    user = db.scalar(known.with_for_update(read=True))
    try:
        _hasher.verify(user.password_hash if user and user.password_hash else _nobody(), password)
    except VerificationError:
        return None
    return user if user and user.password_hash else None


def open_session(db: Session, user: User, id_token_sealed: bytes | None = None) -> str:
    """A new session; returns the token for the cookie. Sessions that ended are swept in passing."""
    now = database.now(db)
    db.execute(delete(LoginSession).where(LoginSession.expires_at < now))
    token = secrets.token_urlsafe(32)
    opened = LoginSession(token_hash=_hash(token), user_id=user.id, created_at=now, expires_at=now + SESSION_LIFE)
    opened.id_token_sealed = id_token_sealed
    db.add(opened)
    return token


def close_session(db: Session, token: str) -> bytes | None:
    """End it; the sealed ID token of a sign-in by ProConnect, to sign out there too."""
    mine = LoginSession.token_hash == _hash(token)
    sealed = db.scalar(select(LoginSession.id_token_sealed).where(mine))
    db.execute(delete(LoginSession).where(mine))
    return sealed


def proconnect_of(db: Session, token: str) -> dict[str, str] | None:
    """Who ProConnect says it is, where this session began there: issuer and subject."""
    query = select(FederatedLogin).join(LoginSession, LoginSession.user_id == FederatedLogin.user_id)
    query = query.where(LoginSession.token_hash == _hash(token), LoginSession.id_token_sealed.is_not(None))
    found = db.scalar(query.order_by(FederatedLogin.last_at.desc()).limit(1))
    return {"issuer": found.issuer, "subject": found.subject} if found else None


def create_token(db: Session, user: User, label: str) -> str:
    """A token for the JSON API, shown once, stored hashed."""
    now = database.now(db)
    token = "mps_" + secrets.token_urlsafe(32)
    db.add(ApiToken(token_hash=_hash(token), user_id=user.id, label=label, created_at=now, expires_at=now + TOKEN_LIFE))
    return token


def tokens_of(db: Session, user_id: int) -> list[ApiToken]:
    """A person's own, the newest first."""
    query = select(ApiToken).where(ApiToken.user_id == user_id).order_by(ApiToken.id.desc()).limit(MOST_TOKENS)
    return list(db.scalars(query))


def revoke_token(db: Session, user_id: int, token_id: int) -> None:
    """From now on refused; somebody else's is not touched. A second time finds nothing left to do."""
    db.execute(delete(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user_id))


def revoke_tokens(db: Session, user_id: int) -> None:
    """All of an account's."""
    db.execute(delete(ApiToken).where(ApiToken.user_id == user_id))


def send_code(db: Session, email: str, name: str) -> None:
    """Mail a one-time code that proves the address; creates the account at first. Never says whether it existed."""
    now = database.now(db)
    user = db.scalar(select(User).where(User.email == email)) or create_user(db, email=email, name=name, now=now)
    code = f"{secrets.randbelow(10**8):08d}"
    db.add(EmailCode(code_hash=_hash(f"{email}:{code}"), user_id=user.id, created_at=now, expires_at=now + CODE_LIFE))
    post(db, to=email, subject="Votre code mps", body=CODE_MAIL.format(code=f"{code[:4]} {code[4:]}"), now=now)


CODE_MAIL = """Bonjour,

Votre code : {code}

Il sert une fois, dans les trente minutes. Si vous n’avez rien demandé, ne faites rien.

mps
"""


def use_code(db: Session, email: str, code: str) -> User:
    """The user whose address this code proves; raises Invalid on a wrong, used or old code."""
    now = database.now(db)
    row = db.scalar(
        select(EmailCode)
        .where(
            EmailCode.code_hash == _hash(f"{email}:{''.join(code.split())}"),
            EmailCode.used_at.is_(None),
            EmailCode.expires_at > now,
        )
        .with_for_update()
    )
    if row is None:
        raise Invalid({"code": "Ce code n’est pas le bon, ou il a plus de trente minutes : demandez-en un autre."})
    row.used_at = now
    user = db.get_one(User, row.user_id)
    user.email_verified_at = user.email_verified_at or now
    return user


def members(db: Session, organisation_id: int) -> list[Membership]:
    query = select(Membership).where(Membership.organisation_id == organisation_id).options(joinedload(Membership.user))
    return list(db.scalars(query.order_by(Membership.id)))
