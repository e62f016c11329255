"""data.gouv.fr's stand-in: data sets that take files with a key, keep what they received, and fail when asked to.

The data set `en-panne` answers 500, `trop-vite` 429 with its delay, `abime` a wrong digest; `inconnu` is not there.
"""

import hashlib
import uuid
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

# Public: the key that the stand-in takes.
KEY = "sandbox-key-mps"
UPLOAD = "/api/1/datasets/{dataset}"


class Shelf:
    """What was received: data set → resource → (name, bytes)."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, tuple[str, bytes]]] = {}

    async def add(self, request: Request) -> Response:
        return await self._take(request, str(uuid.uuid4()), 201)

    async def replace(self, request: Request) -> Response:
        dataset, resource = request.path_params["dataset"], request.path_params["resource"]
        if resource not in self.files.get(dataset, {}):
            return _error(404, "The resource does not exist")
        return await self._take(request, resource, 200)

    async def _take(self, request: Request, resource: str, status: int) -> Response:
        dataset = request.path_params["dataset"]
        refused = _refusal(dataset, request.headers.get("x-api-key", ""))
        if refused is not None:
            return refused
        async with request.form() as form:
            file = form.get("file")
            if file is None or isinstance(file, str):
                return _error(400, "Missing file")
            name, content = file.filename or "", await file.read()
        self.files.setdefault(dataset, {})[resource] = (name, content)
        return JSONResponse(self._said(request, dataset, resource), status)

    def _said(self, request: Request, dataset: str, resource: str) -> dict[str, Any]:
        name, content = self.files[dataset][resource]
        value = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        return {
            "id": resource, "title": name, "filesize": len(content), "mime": "application/json", "success": True,
            "checksum": {"type": "sha1", "value": "0" * 40 if dataset == "abime" else value},
            "url": f"{request.base_url}api/1/datasets/r/{resource}",
        }  # fmt: skip

    async def dataset(self, request: Request) -> Response:
        dataset = request.path_params["dataset"]
        if dataset not in self.files:
            return _error(404, "The dataset does not exist")
        resources = [self._said(request, dataset, resource) for resource in self.files[dataset]]
        return JSONResponse({"id": dataset, "resources": resources})

    async def content(self, request: Request) -> Response:
        for resources in self.files.values():
            if request.path_params["resource"] in resources:
                return Response(resources[request.path_params["resource"]][1], media_type="application/json")
        return _error(404, "The resource does not exist")


def _refusal(dataset: str, key: str) -> Response | None:
    if dataset == "en-panne":
        return _error(500, "Internal Server Error")
    if dataset == "trop-vite":
        return JSONResponse({"message": "Too many requests"}, 429, headers={"Retry-After": "90"})
    if key != KEY:
        return _error(401, "Invalid API Key")
    return _error(404, "The dataset does not exist") if dataset == "inconnu" else None


def _error(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status)


def create_app() -> Starlette:
    """The stand-in as an application, with an empty shelf."""
    shelf = Shelf()
    return Starlette(
        routes=[
            Route("/api/1/datasets/r/{resource}", shelf.content),
            Route(UPLOAD + "/", shelf.dataset),
            Route(UPLOAD + "/upload/", shelf.add, methods=["POST"]),
            Route(UPLOAD + "/resources/{resource}/upload/", shelf.replace, methods=["POST"]),
        ]
    )
