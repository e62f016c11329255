"""The one mapping of errors to HTML pages and to application/problem+json, each with its reference number."""

from urllib.parse import quote, unquote, urlsplit

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Match

from api.auth import SignInNeeded
from api.isolate import WorkFailed
from api.render import page
from api.typography import spaced
from procurement.errors import DomainError, Invalid, NotFound, Refused, Unavailable

STATUS: dict[type[DomainError], int] = {Refused: 409, NotFound: 404, Invalid: 422, Unavailable: 503}
TITLES = {
    401: "Connexion nécessaire",
    403: "Accès refusé",
    404: "Page introuvable",
    405: "Action impossible ici",
    409: "Ce n’est pas possible",
    400: "Demande illisible",
    413: "Envoi trop lourd",
    422: "Réponse à corriger",
    429: "Trop de demandes",
    500: "Une erreur de notre côté",
    503: "Service momentanément indisponible",
}
TEMPLATES = frozenset({403, 404, 409, 413, 422, 429, 500, 503})
log = structlog.get_logger("mps.errors")


class PageRefused(Refused):
    """A Refused that carries the page where it was asked: that page again, 409, what was typed kept."""

    def __init__(self, refused: Refused, template: str, context: dict[str, object]) -> None:
        super().__init__(refused.sentence, refused.article)
        self.template = template
        self.context = context


class PageInvalid(Invalid):
    """An Invalid that carries its form: the same page again, 422, values kept."""

    def __init__(self, invalid: Invalid, template: str, context: dict[str, object]) -> None:
        super().__init__(invalid.fields, invalid.sentence)
        self.template = template
        self.context = context


def wants_json(request: Request) -> bool:
    return request.url.path.startswith("/api/") or "application/json" in request.headers.get("accept", "")


def answer(
    request: Request, status: int, sentence: str, article: str = "", fields: dict[str, str] | None = None
) -> Response:
    """The error as the caller can read it."""
    reference = request.state.reference
    title = TITLES.get(status, "Erreur")
    if wants_json(request):
        body = {"type": "about:blank", "title": title, "status": status, "detail": sentence, "reference": reference}
        extra = {"article": article} if article else {}
        if fields:
            extra["errors"] = fields  # type: ignore[assignment]
        return JSONResponse(body | extra, status, media_type="application/problem+json")
    message = " ".join([sentence, *(fields or {}).values()])
    context = {"message": spaced(message), "article": article, "reference": reference, "back": way_back(request)}
    if status in TEMPLATES:
        return page(request, f"errors/{status}.html", status=status, **context)
    return page(request, "errors/problem.html", status=status, title=title, **context)


def way_back(request: Request) -> str:
    """The page where the person was, a path of this site that answers; "" where nobody knows.

    The referer's path where it is of this site, else the address of what was posted, each without its last steps.
    """
    try:
        referer = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        referer = urlsplit("")
    paths = [unquote(referer.path)] if referer.netloc and referer.netloc == request.headers.get("host") else []
    paths += [request.url.path] if request.method == "POST" else []
    return next((quote(found) for path in paths if (found := _read_at(request, path))), "")


def _read_at(request: Request, path: str) -> str:
    """The page read there or above, other than the home page and the one that failed; "" for none."""
    while len(path) > 1 and not path.startswith("//"):
        failed = request.method != "POST" and path == request.url.path
        scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
        if not failed and any(route.matches(scope)[0] == Match.FULL for route in request.app.router.routes):
            return path
        path = path.rpartition("/")[0]
    return ""


def install(app: FastAPI) -> None:
    """Register every handler."""
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(DomainError, _domain)
    app.add_exception_handler(WorkFailed, _work)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(DataError, _data)


def _sign_in(request: Request, error: Exception) -> Response:
    if wants_json(request):
        return answer(request, 401, "Un jeton est nécessaire (en-tête Authorization: Bearer).")
    back = request.url.path if request.method == "GET" else "/"
    return RedirectResponse(f"/connexion?suite={back}", 303)


def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)  # noqa: S101 - narrows the handler's type
    if isinstance(error, PageInvalid) and not wants_json(request):
        return page(request, error.template, status=422, errors=error.fields, **error.context)
    if isinstance(error, PageRefused) and not wants_json(request):
        return page(request, error.template, status=409, **error.context)
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    response = answer(
        request, status, error.sentence, getattr(error, "article", ""), getattr(error, "fields", None)
    )  # fmt: skip
    if isinstance(error, Unavailable):
        response.headers["retry-after"] = str(error.retry_after)
    return response


def _work(request: Request, error: Exception) -> Response:
    return answer(request, 422, getattr(error, "sentence", "Ce fichier ne peut pas être lu."))


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = {str(e["loc"][-1]): "Cette valeur ne convient pas." for e in error.errors()}
    return answer(request, 422, "Une valeur de cette demande ne convient pas.", fields=fields)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    sentences = {404: NotFound().sentence, 405: "Cette adresse ne répond pas à cette action."}
    response = answer(request, error.status_code, sentences.get(error.status_code, str(error.detail)))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


def _database(request: Request, error: Exception) -> Response:
    log.error("database", reference=request.state.reference, error=type(error.__cause__).__name__)
    response = answer(request, 503, "La base est occupée ; rien n’a été enregistré. Réessayez dans un instant.")
    response.headers["retry-after"] = "5"
    return response


def _data(request: Request, error: Exception) -> Response:
    """PostgreSQL refuses NUL characters and numbers without end, wherever they were written."""
    return answer(request, 422, "Une valeur contient un caractère interdit, ou un nombre hors limites.")


def bug(request: Request, error: Exception) -> Response:
    """What nobody foresaw: the traceback goes to the log, the reference to the person."""
    log.error("bug", reference=request.state.reference, exc_info=error)
    return answer(request, 500, "Rien n’a été enregistré. Donnez ce numéro à l’assistance si cela se reproduit.")
