"""API Entreprise's stand-in: its validators in its order, quotas, lock, faults and short-lived documents.

The state (quotas, calls in flight, documents) lives in the application: two sandboxes share nothing.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.sandbox import payloads
from api.sandbox.companies import Fault, Found, book
from api.sandbox.documents import certificate
from siret_lookup.siret import LA_POSTE, has_siren_key, has_siret_key

Clock = Callable[[], datetime]
TOKEN = "sandbox-token-mps"  # noqa: S105 (a public token of the sandbox)
EXPIRED_TOKEN = "sandbox-token-expire"  # noqa: S105
LISTED_TOKEN = "sandbox-token-liste-noire"  # noqa: S105
RIGHTLESS_TOKEN = "sandbox-token-sans-droits"  # noqa: S105
_TOKENS = {
    TOKEN: None,
    EXPIRED_TOKEN: (401, "00103", "Jeton expiré"),
    LISTED_TOKEN: (401, "00105", "Jeton sur liste noire"),
    RIGHTLESS_TOKEN: (403, "00100", "Privilèges insuffisants"),
}
_MANDATORY = (("context", "00201"), ("object", "00202"), ("recipient", "00203"))
_LIMITS = {"json": 250, "urssaf": 100, "dgfip": 5}
_LIFE = 86_400


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path: the key that companies.yaml's faults use, who provides, which quota."""

    key: str
    path: str
    by: str
    provider: str
    prefix: str
    group: str = "json"


_SIRENE = "/v4/insee/sirene"
ENDPOINTS = (
    Endpoint("insee_etablissement_diffusible", _SIRENE + "/etablissements/diffusibles/{id}", "siret", "INSEE", "01"),
    Endpoint("insee_etablissement", _SIRENE + "/etablissements/{id}", "siret", "INSEE", "01"),
    Endpoint("insee_unite_legale_diffusible", _SIRENE + "/unites_legales/diffusibles/{id}", "siren", "INSEE", "01"),
    Endpoint("insee_unite_legale", _SIRENE + "/unites_legales/{id}", "siren", "INSEE", "01"),
    Endpoint("infogreffe_extrait", "/v3/infogreffe/rcs/unites_legales/{id}/extrait_kbis", "siren", "Infogreffe", "02"),
    Endpoint("vigilance", "/v4/urssaf/unites_legales/{id}/attestation_vigilance", "siren", "ACOSS", "04", "urssaf"),
    Endpoint(
        "attestation_fiscale", "/v4/dgfip/unites_legales/{id}/attestation_fiscale", "siren", "DGFIP", "03", "dgfip"
    ),
    Endpoint("chiffres_affaires", "/v3/dgfip/etablissements/{id}/chiffres_affaires", "siret", "DGFIP", "03"),
)


@dataclass
class State:
    """What one sandbox remembers."""

    clock: Clock
    lock: Lock = field(default_factory=Lock)
    spent: dict[tuple[str, str, int], int] = field(default_factory=dict)
    in_flight: set[tuple[str, str]] = field(default_factory=set)
    documents: dict[str, tuple[bytes, str, datetime]] = field(default_factory=dict)


class Refused(Exception):
    """An error answer on its way out."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def wall_clock() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


def create_app(clock: Clock = wall_clock) -> Starlette:
    """The stand-in as an application, with its own state."""
    state = State(clock)
    routes = [Route(endpoint.path, _handler(state, endpoint), name=endpoint.key) for endpoint in ENDPOINTS]
    routes += [
        Route("/privileges", _privileges),
        Route("/pings", _pings),
        Route("/ping/{provider:path}", _ping),
        Route("/documents/{name}.pdf", _document_handler(state), name="document"),
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
    headers |= _check_quota(state, endpoint, token)
    _check_parameters(request)
    number = request.path_params["id"]
    _check_number(endpoint.by, number)
    call = (token, f"{request.url.path}?{request.url.query}")
    with state.lock:
        if call in state.in_flight:
            raise Refused(_error(409, "00015", "Conflit", "Un appel identique est déjà en cours."))
        state.in_flight.add(call)
    try:
        return _provide(state, endpoint, request, number)
    finally:
        with state.lock:
            state.in_flight.discard(call)


def _check_token(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or token not in _TOKENS:
        raise Refused(_error(401, "00101", "Interdit", "Votre token n’est pas valide ou n’est pas renseigné."))
    refusal = _TOKENS[token]
    if refusal is not None:
        status, code, title = refusal
        raise Refused(_error(status, code, title, f"{title} : demandez un nouvel accès."))
    return token


def _check_quota(state: State, endpoint: Endpoint, token: str) -> dict[str, str]:
    group = endpoint.group
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
        refused = _error(429, "00429", "Trop de requêtes", "Vous avez effectué trop de requêtes.")
        refused.headers["Retry-After"] = str((minute + 1) * 60 - int(state.clock().timestamp()))
        refused.headers.update(headers)
        raise Refused(refused)
    return headers


def _check_parameters(request: Request) -> None:
    missing = [(name, code) for name, code in _MANDATORY if not request.query_params.get(name, "").strip()]
    if missing:
        errors = [
            _error_item(code, "Entité non traitable", f"Le paramètre {name} est obligatoire", parameter=name)
            for name, code in missing
        ]
        raise Refused(_json({"errors": errors}, 422))
    if not _is_siret(request.query_params["recipient"]):
        detail = "Le paramètre recipient n’est pas un siret valide"
        item = _error_item("00210", "Entité non traitable", detail, parameter="recipient")
        raise Refused(_json({"errors": [item]}, 422))


def _check_number(by: str, number: str) -> None:
    good = _is_siret(number) if by == "siret" else len(number) == 9 and _plain(number) and has_siren_key(number)
    if not good:
        code = "00302" if by == "siret" else "00301"
        detail = f"Le numéro de {by} n’est pas correctement formatté"
        raise Refused(_json({"errors": [_error_item(code, "Entité non traitable", detail, parameter=by)]}, 422))


def _is_siret(number: str) -> bool:
    # Production looks at the key of the fourteen digits only, and lets any number of La Poste pass.
    return len(number) == 14 and _plain(number) and (number.startswith(LA_POSTE) or has_siret_key(number))


def _plain(number: str) -> bool:
    return number.isascii() and number.isdigit()


def _provide(state: State, endpoint: Endpoint, request: Request, number: str) -> Response:
    found = book().find(number)
    if found is None:
        return _fault(endpoint, book().faults["not_found"])
    time.sleep(found.company.delays.get(endpoint.key, 0))
    name = found.company.faults.get(endpoint.key) or _implied_fault(endpoint, found)
    if name:
        return _fault(endpoint, book().faults[name])
    body = {"data": _data(state, endpoint, request, found), "links": {}, "meta": {}}
    if endpoint.key.startswith("insee_"):
        body |= _insee_parts(state, endpoint, request, found)
    return _json(body)


def _implied_fault(endpoint: Endpoint, found: Found) -> str | None:
    if endpoint.key == "chiffres_affaires" and not found.company.turnover:
        return "not_found"
    if found.company.diffusion == "N" and endpoint.key.startswith("insee_"):
        return "not_found" if endpoint.key == "insee_etablissement_diffusible" else "withheld"
    return None


def _data(state: State, endpoint: Endpoint, request: Request, found: Found) -> object:
    company = found.company
    today = state.clock().date()
    masked = endpoint.key.endswith("_diffusible") and company.diffusion == "P"
    if endpoint.key.startswith("insee_etablissement"):
        return payloads.establishment(found, masked)
    if endpoint.key.startswith("insee_unite_legale"):
        return payloads.legal_unit(found, masked)
    if endpoint.key == "infogreffe_extrait":
        return payloads.trade_register(company)
    if endpoint.key == "chiffres_affaires":
        return payloads.turnover(company)
    document = _publish(state, endpoint, request, found)
    if endpoint.key == "vigilance":
        return payloads.vigilance(company, today, document)
    return payloads.tax_certificate(today, document)


def _insee_parts(state: State, endpoint: Endpoint, request: Request, found: Found) -> dict[str, object]:
    meta: dict[str, object] = {"date_derniere_mise_a_jour": int((state.clock() - timedelta(days=30)).timestamp())}
    if endpoint.by == "siret":
        links = {"unite_legale": str(request.url_for("insee_unite_legale", id=found.company.siren))}
        return {"links": links, "meta": meta | {"redirect_from_siret": found.redirected_from}}
    office = str(request.url_for("insee_etablissement", id=found.company.head_office.siret))
    links = {"siege_social": office, "siege_social_adresse": office + "/adresse"}
    redirected = found.redirected_from and found.redirected_from[:9]
    return {"links": links, "meta": meta | {"redirect_from_siren": redirected}}


def _publish(state: State, endpoint: Endpoint, request: Request, found: Found) -> tuple[str, int]:
    """Put a certificate at a short-lived address: URL and seconds it lives."""
    company = found.company
    if company.document == "elsewhere":
        return "https://documents.invalid/attestation.pdf", _LIFE
    name, now = uuid.uuid4().hex, state.clock()
    life = 0 if company.document == "expired" else _LIFE
    content, media_type = b"<!doctype html><title>Document</title>", "text/html"
    if company.document != "html":
        title = "Attestation de vigilance" if endpoint.key == "vigilance" else "Attestation de régularité fiscale"
        lines = [company.name, f"SIREN {company.siren}", f"Établie le {now:%d/%m/%Y} par le bac à sable."]
        content, media_type = certificate(title, lines), "application/pdf"
    with state.lock:
        for old in [key for key, kept in state.documents.items() if kept[2] <= now]:
            del state.documents[old]
        state.documents[name] = (content, media_type, now + timedelta(seconds=life))
    return str(request.url_for("document", name=name)), life


def _document_handler(state: State) -> Callable[[Request], Response]:
    def document(request: Request) -> Response:
        with state.lock:
            kept = state.documents.get(request.path_params["name"])
        if kept is None or kept[2] <= state.clock():
            return Response("NoSuchKey", 404, media_type="text/plain")
        return Response(kept[0], media_type=kept[1])

    return document


def _privileges(request: Request) -> Response:
    try:
        _check_token(request)
    except Refused as refused:
        return refused.response
    return _json({"privileges": [endpoint.key for endpoint in ENDPOINTS]})


def _ping(request: Request) -> Response:
    return JSONResponse({"status": "ok", "last_update": None, "last_ok_status": None})


def _pings(request: Request) -> Response:
    return JSONResponse([{"name": name, "status": "ok"} for name in sorted({e.provider for e in ENDPOINTS})])


def _fault(endpoint: Endpoint, fault: Fault) -> Response:
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else None
    if fault.empty:
        return Response(status_code=fault.status, headers=headers)
    meta: dict[str, object] = {"provider": endpoint.provider}
    if fault.retry_in is not None:
        meta["retry_in"] = fault.retry_in
    code = fault.code or f"{endpoint.prefix}{fault.subcode}"
    return _json({"errors": [_error_item(code, fault.title, fault.detail, meta=meta)]}, fault.status, headers)


def _error(status: int, code: str, title: str, detail: str) -> Response:
    return _json({"errors": [_error_item(code, title, detail)]}, status)


def _error_item(
    code: str, title: str, detail: str, *, parameter: str | None = None, meta: dict[str, object] | None = None
) -> dict[str, object]:
    source = {"parameter": parameter} if parameter else None
    return {
        "code": code,
        "title": title,
        "detail": detail,
        "source": source,
        "meta": meta or {"provider": "API Entreprise"},
    }


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(body, status, headers=headers, media_type="application/vnd.api+json")
