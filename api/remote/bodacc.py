"""BODACC for a piece: the open service's whole history of one SIREN, as a piece among others."""

from dataclasses import replace
from datetime import datetime

from api.context import Context
from api.remote.api_entreprise import CountedQuotas, network
from siret_lookup.bodacc import find_proceedings
from siret_lookup.bodacc.piece import as_piece
from siret_lookup.catalogue import BODACC
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.siret import Siren

NO_ADDRESS = "Le BODACC n’a pas d’adresse : l’administrateur doit régler MPS_BODACC_URL."


def ask_bodacc(context: Context, siren: str, now: datetime) -> PieceResult:
    """What the notices tell today; never raises for a remote fault. No transaction may be open."""
    url = context.url("bodacc")
    if not url:
        nothing = PieceResult(BODACC.key, Outcome.UNAVAILABLE, BODACC.title, BODACC.provider, now)
        return replace(nothing, detail=NO_ADDRESS)
    return as_piece(find_proceedings(Siren(siren), url, now, CountedQuotas(context.database), network(context)))
