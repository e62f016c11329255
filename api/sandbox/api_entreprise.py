"""API Entreprise's stand-in: its validators in its order, quotas, lock, faults and short-lived documents.

The state (quotas, calls in flight, documents) lives in the application: two sandboxes share nothing. A request header
`X-Sandbox-Fault: name` asks for a fault of companies.yaml, whoever the company is.
"""

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.sandbox.answers import ENDPOINTS
from api.sandbox.answers.endpoint import DAY, Asked, Endpoint, Json
from api.sandbox.companies import Fault, Found, book
from api.sandbox.faults import Refused, answer, error_item, failure, to_error, to_json
from api.sandbox.shelf import Shelf, document
from siret_lookup.siret import LA_POSTE, has_siren_key, has_siret_key

Clock = Callable[[], datetime]
TOKEN = "sandbox-token-mps"  # noqa: S105 (a public token of the sandbox)
EXPIRED_TOKEN = "sandbox-token-expire"  # noqa: S105
LISTED_TOKEN = "sandbox-token-liste-noire"  # noqa: S105
RIGHTLESS_TOKEN = "sandbox-token-sans-droits"  # noqa: S105
FAULT_HEADER = "X-Sandbox-Fault"
_TOKENS = {
    TOKEN: None,
    EXPIRED_TOKEN: (401, "00103", "Jeton expiré"),
    LISTED_TOKEN: (401, "00105", "Jeton sur liste noire"),
    RIGHTLESS_TOKEN: (403, "00100", "Privilèges insuffisants"),
}
_MANDATORY = (("context", "00201"), ("object", "00202"), ("recipient", "00203"))
_LIMITS = {
    "json": 250,
    "documents": 50,
    "urssaf": 100,
    "gip_mds": 50,
    "rne_extrait": 15,
    "rne_actes_bilans": 15,
    "dgfip": 5,
    "cibtp": 5,
    "files": 50,
}
_WHOLE = Fault()
_RNA = re.compile(r"W\d{9}")
_YEARS_BACK = 5
# What each kind of identifier may be → the code of a wrong one.
_WRONG_NUMBER = {"siret": "00302", "siren": "00301"}


@dataclass
class State:
    """What one sandbox remembers."""

    clock: Clock
    lock: Lock = field(default_factory=Lock)
    spent: dict[tuple[str, str, int], int] = field(default_factory=dict)
    in_flight: set[tuple[str, str]] = field(default_factory=set)
    shelf: Shelf = field(default_factory=Shelf)


def wall_clock() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


def create_app(clock: Clock = wall_clock) -> Starlette:
    """The stand-in as an application, with its own state."""
    state = State(clock)
    routes = [Route(endpoint.path, _handler(state, endpoint), name=endpoint.key) for endpoint in ENDPOINTS]
    routes += [
        Route("/privileges", _privileges),
        Route("/pings", lambda request: _pings(state, request)),
        Route("/ping/{provider:path}", lambda request: _ping(state, request)),
        Route("/documents/{name}", lambda request: _document(state, request), name="document"),
        Route("/proxy/files/{name}", lambda request: _proxied(state, request), name="proxied"),
    ]
    return Starlette(routes=routes)


def _handler(state: State, endpoint: Endpoint) -> Callable[[Request], Response]:
    def handle(request: Request) -> Response:
        headers: dict[str, str] = {"X-Request-ID": str(uuid.uuid4())}
        try:
            response = _answer(state, endpoint, request, headers)
        except Refused as refused:
            response = refused.response
        response.headers.update(headers)
        return response

    return handle


def _answer(state: State, endpoint: Endpoint, request: Request, headers: dict[str, str]) -> Response:
    token = _check_token(request)
    headers |= _check_quota(state, endpoint.group, token)
    _check_parameters(request)
    number = request.path_params["id"]
    _check_number(endpoint.by, number)
    _check_period(request, state.clock())
    call = (token, f"{request.url.path}?{request.url.query}")
    with state.lock:
        if call in state.in_flight:
            raise Refused(to_error(409, "00015", "Conflit", "Un appel identique est déjà en cours."))
        state.in_flight.add(call)
    try:
        return _provide(state, endpoint, request, number)
    finally:
        with state.lock:
            state.in_flight.discard(call)


def _check_token(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or token not in _TOKENS:
        raise Refused(to_error(401, "00101", "Interdit", "Votre token n’est pas valide ou n’est pas renseigné."))
    refusal = _TOKENS[token]
    if refusal is not None:
        status, code, title = refusal
        raise Refused(to_error(status, code, title, f"{title} : demandez un nouvel accès."))
    return token


def _check_quota(state: State, group: str, token: str) -> dict[str, str]:
    minute = int(state.clock().timestamp()) // 60
    limit = _LIMITS[group]
    with state.lock:
        spent = state.spent[token, group, minute] = state.spent.get((token, group, minute), 0) + 1
    headers = {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(max(0, limit - spent)),
        "RateLimit-Reset": str((minute + 1) * 60),
    }
    if spent > limit:
        refused = to_error(429, "00429", "Trop de requêtes", "Vous avez effectué trop de requêtes.")
        refused.headers["Retry-After"] = str((minute + 1) * 60 - int(state.clock().timestamp()))
        refused.headers.update(headers)
        raise Refused(refused)
    return headers


def _check_parameters(request: Request) -> None:
    missing = [(name, code) for name, code in _MANDATORY if not request.query_params.get(name, "").strip()]
    if missing:
        errors = [
            error_item(code, "Entité non traitable", f"Le paramètre {name} est obligatoire", parameter=name)
            for name, code in missing
        ]
        raise Refused(to_json({"errors": errors}, 422))
    if not _is_siret(request.query_params["recipient"]):
        raise _unprocessable("00210", "recipient", "Le paramètre recipient n’est pas un siret valide")


def _check_number(by: str, number: str) -> None:
    allowed = by.split("_or_")
    good = (
        ("siret" in allowed and _is_siret(number))
        or ("siren" in allowed and _is_siren(number))
        or ("rna" in allowed and _RNA.fullmatch(number) is not None)
        or ("eori" in allowed and number.startswith("FR") and _is_siret(number[2:]))
    )
    if not good:
        kind = allowed[0]
        raise _unprocessable(_WRONG_NUMBER[kind], kind, f"Le numéro de {kind} n’est pas correctement formatté")


def _check_period(request: Request, now: datetime) -> None:
    year, month = request.path_params.get("year"), request.path_params.get("month")
    if year is not None and not (_plain(year) and len(year) == 4):
        raise _unprocessable("00353", "year", "L’année n’est pas correctement formatée")
    if year is not None and not now.year - _YEARS_BACK <= int(year) <= now.year:
        raise _unprocessable("00356", "year", "L’année demandée n’est pas disponible")
    if month is not None and month not in {f"{number:02d}" for number in range(1, 13)}:
        raise _unprocessable("00353", "month", "Le mois n’est pas correctement formaté")


def _unprocessable(code: str, parameter: str, detail: str) -> Refused:
    item = error_item(code, "Entité non traitable", detail, parameter=parameter)
    return Refused(to_json({"errors": [item]}, 422))


def _is_siret(number: str) -> bool:
    # Production looks at the key of the fourteen digits only, and lets any number of La Poste pass.
    return len(number) == 14 and _plain(number) and (number.startswith(LA_POSTE) or has_siret_key(number))


def _is_siren(number: str) -> bool:
    return len(number) == 9 and _plain(number) and has_siren_key(number)


def _plain(number: str) -> bool:
    return number.isascii() and number.isdigit()


def _provide(state: State, endpoint: Endpoint, request: Request, number: str) -> Response:
    wanted, found = _wanted_fault(request), book().find(number)
    if found is None:
        return failure(endpoint, wanted or book().faults["not_found"])
    delays = found.company.delays
    time.sleep(delays.get(endpoint.key, delays.get("*", 0)))
    fault = wanted or _usual_fault(endpoint, found)
    if not fault.is_answer:
        return failure(endpoint, fault)
    asked = _asked(state, request, found, fault)
    data = endpoint.answer(asked)
    if data is None:
        return failure(endpoint, book().faults["not_found"])
    if isinstance(data, list):
        data = [{"data": item, "links": {}, "meta": {}} for item in data]
    around = endpoint.around(asked) if endpoint.around else {}
    return answer({"data": data, "links": {}, "meta": {}} | around, fault)


def _wanted_fault(request: Request) -> Fault | None:
    name = request.headers.get(FAULT_HEADER)
    if name is None:
        return None
    if name not in book().faults:
        known = ", ".join(book().faults)
        raise Refused(Response(f"Panne inconnue. Pannes possibles : {known}.", 400, media_type="text/plain"))
    return book().faults[name]


def _usual_fault(endpoint: Endpoint, found: Found) -> Fault:
    company, faults = found.company, book().faults
    name = company.fault_of(endpoint.key)
    if name is not None:
        return faults[name]
    if company.diffusion == "N" and endpoint.key.startswith("insee_"):
        return faults["not_found" if endpoint.key.endswith("_diffusible") else "withheld"]
    return _WHOLE if endpoint.everyone or endpoint.key in company.has else faults["not_found"]


def _asked(state: State, request: Request, found: Found, fault: Fault) -> Asked:
    now = state.clock()

    def publish(title: str, life: int = DAY, *, proxied: bool = False) -> tuple[str, int]:
        if fault.document == "elsewhere":
            return "https://documents.invalid/attestation.pdf", life
        lines = [found.company.name, f"SIREN {found.company.siren}", f"Établie le {now:%d/%m/%Y} par le bac à sable."]
        name = state.shelf.put(document(fault.document, title, lines), now, life)
        if proxied:
            return str(request.url_for("proxied", name=name)), life
        # Storage signs its addresses: whoever keeps one keeps a key.
        return str(request.url_for("document", name=f"{name}.pdf").include_query_params(signature=name)), life

    def link(key: str, number: str) -> str:
        return str(request.url_for(key, id=number))

    return Asked(found, now, {**request.path_params}, publish, link)


def _document(state: State, request: Request) -> Response:
    name = request.path_params["name"].removesuffix(".pdf")
    return state.shelf.response(name, state.clock()) or Response("NoSuchKey", 404, media_type="text/plain")


def _proxied(state: State, request: Request) -> Response:
    try:
        # No token is sent here: production counts by address.
        headers = _check_quota(state, "files", request.client.host if request.client else "")
    except Refused as refused:
        return refused.response
    expired = to_error(403, "00403", "Lien expiré", "Le lien vers le fichier a expiré.")
    response = state.shelf.response(request.path_params["name"], state.clock()) or expired
    response.headers.update(headers)
    return response


def _privileges(request: Request) -> Response:
    try:
        _check_token(request)
    except Refused as refused:
        return refused.response
    return to_json({"data": {"privileges": [endpoint.key for endpoint in ENDPOINTS]}, "links": {}, "meta": {}})


def _ping(state: State, request: Request) -> Response:
    names = {endpoint.ping for endpoint in ENDPOINTS}
    if request.path_params["provider"] not in names:
        return to_error(404, "00404", "Entité non trouvée", "Ce fournisseur n’est pas connu.")
    health = _health(state, request)
    return to_json(health, 502 if health["status"] == "bad_gateway" else 200)


def _pings(state: State, request: Request) -> Response:
    names = sorted({endpoint.ping for endpoint in ENDPOINTS})
    return to_json([{"name": name, **_health(state, request)} for name in names])


def _health(state: State, request: Request) -> Json:
    wanted = request.headers.get(FAULT_HEADER)
    status = wanted if wanted in ("bad_gateway", "unknown") else "ok"
    now = state.clock().isoformat()
    return {"status": status, "last_update": now, "last_ok_status": now if status == "ok" else None}
