"""The contracts in effect as open data, for anyone: JSON and XML of the arrêtés of 22 December 2022."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.auth import PUBLIC
from api.db import Db
from api.open_data import records
from procurement.publication.decp import to_json, to_xml

router = APIRouter(include_in_schema=False)


@router.get("/decp.json", dependencies=[Depends(PUBLIC)])
def decp_json(request: Request, db: Db) -> Response:
    return Response(to_json(records(db, request.app.state.sandbox)), media_type="application/json")


@router.get("/decp.xml", dependencies=[Depends(PUBLIC)])
def decp_xml(request: Request, db: Db) -> Response:
    return Response(to_xml(records(db, request.app.state.sandbox)), media_type="application/xml")
