"""Way B: acts signed at a distance by a provider that keeps the key (CSC API), one PIN for one act or for several."""

from collections.abc import Sequence
from dataclasses import dataclass

from api import db as database
from api import isolate
from api.context import Context
from api.db import reading
from api.raising import stamp_of
from api.remote import csc
from api.remote.api_entreprise import network
from api.signing import Find, NotTaken, ToSign, act_of, take
from procurement.errors import Invalid, NotFound, Refused, Unavailable
from procurement.people import Person


@dataclass(frozen=True)
class Given:
    """What the person typed: the provider's key, the credential, its PIN, perhaps a code received on a phone."""

    service: str
    credential: str
    pin: str
    otp: str = ""


def remote_credentials(ctx: Context, key: str) -> tuple[csc.CscProvider, tuple[csc.Credential, ...]]:
    """A provider by its key, and what can sign there. Raises Invalid, Unavailable, Refused."""
    found = [p for p in csc.providers(ctx) if p.key == key]
    if not found:
        raise Invalid({"service": "Choisissez un des services de signature proposés."})
    return found[0], csc.credentials(found[0], network(ctx))


def sign_remotely(ctx: Context, find: Find, who: Person, given: Given, *, sandbox: bool) -> None:
    """One act. Raises NotTaken, Invalid, Refused, Unavailable, WorkFailed."""
    (problem,) = sign_several(ctx, [find], who, given, sandbox=sandbox)
    if problem is not None:
        raise problem


def sign_several(
    ctx: Context, finds: Sequence[Find], who: Person, given: Given, *, sandbox: bool
) -> list[Exception | None]:
    """Each act with one PIN: one authorisation bound to all their digests. For each: None, or why it is not kept.

    Raises Invalid, Refused, Unavailable where nothing at all is signed: wrong PIN, too many acts, an act not to sign.
    """
    service, held = remote_credentials(ctx, given.service)
    chosen = next((c for c in held if c.id == given.credential), None)
    if chosen is None:
        raise Invalid({"credential": "Choisissez un des certificats proposés."})
    if not given.pin:
        raise Invalid({"pin": "Tapez le code PIN de votre certificat."})
    if len(finds) > chosen.multisign:
        raise Refused(f"Ce certificat signe {chosen.multisign} actes au plus à la fois : choisissez-en moins.")
    acts = [_act(ctx, find, who, alone=len(finds) == 1) for find in finds]
    with reading(ctx.database) as db:
        moment = database.now(db).isoformat()
    prepared = [
        isolate.run("signature.making.desk:prepared", act.content, chosen.certificates, moment, act.reason)
        for act in acts
    ]
    digests = [each.digest for each in prepared]
    sad = csc.authorize(service, chosen.id, digests, given.pin, given.otp, network(ctx))
    values = csc.sign_hashes(service, chosen, sad, digests, network(ctx))
    problems: list[Exception | None] = []
    for find, each, value in zip(finds, prepared, values, strict=True):
        try:
            received = isolate.run("signature.making.pades:finish", each, value, stamp_of(ctx))
            take(ctx, find, who, received, "remote", sandbox=sandbox)
            problems.append(None)
        except (NotTaken, Refused, NotFound, Unavailable, isolate.WorkFailed) as error:
            problems.append(error)
    return problems


def _act(ctx: Context, find: Find, who: Person, *, alone: bool) -> ToSign:
    """The act to sign; of several, a refusal names which one."""
    try:
        return act_of(ctx, find, who)
    except Refused as error:
        if alone:
            raise
        with reading(ctx.database) as db:
            which = find(db).act.reference
        raise Refused(f"{which} : {error.sentence}", error.article) from None
