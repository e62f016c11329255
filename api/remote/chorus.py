"""Chorus Pro for one buyer: invoices received, their files and statuses, structures; deposits, for suppliers.

Paths and fields as public clients and documents of the portal give them (docs/operate.md): they were never tried on
the real portal. The buyer's side follows the client that local bodies use in production.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from api.remote.piste import ODD, Portal, PortalRefused, TooLarge, call
from procurement.errors import Unavailable

PARIS = ZoneInfo("Europe/Paris")
# A group of invoices has 120 MB at most, a third more in Base64.
MAX_DOWNLOAD = 170 << 20
PAGE_SIZE = 500
MOST_PAGES = 2000
# codeRetour of a search that finds nothing (TRA_MSG_00.015, GFT_MSG_01.075).
NOTHING = frozenset({20000, 20007})
NO_SERVICE = "FACTURES_PUBLIQUES"
KINDS = ("FACTURE", "FACTURE_TRAVAUX")
# What a number, a status and a year of the portal may be: beyond, the answer is odd.
MOST_ID, MOST_STATUS, YEARS = 2**63, 40, range(2000, 2200)


class Shifted(Unavailable):
    """The list moved while it was read: what was seen is kept, the same window is read again."""


@dataclass(frozen=True)
class Line:
    """One invoice of the portal's list; `at` is the instant of its present status."""

    portal_id: str
    number: str
    supplier: str
    status: str
    at: datetime


@dataclass(frozen=True)
class Structure:
    """A structure's switches, as `structures/consulter` gives them, and the codes of its open services."""

    portal_id: int
    name: str
    switches: Mapping[str, bool]
    services: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Flow:
    """What became of a deposit: its state (IN_INTEGRE, IN_INTEGRE_PARTIEL, IN_REJETE…), one sentence per refusal."""

    state: str
    errors: tuple[str, ...]

    @property
    def is_over(self) -> bool:
        return self.state in ("IN_INTEGRE", "IN_INTEGRE_PARTIEL", "IN_REJETE", "IN_INCIDENTE", "QP_IRRECEVABLE")

    @property
    def is_whole(self) -> bool:
        """Every invoice of the flow was taken: a partial integration is no success."""
        return self.state == "IN_INTEGRE"


# Invoices received.


def received(portal: Portal, structure_id: int, since: datetime, until: datetime) -> Iterator[list[Line]]:
    """Invoices whose status changed between two instants, a page at a time; works invoices are among them.

    Raises Shifted at the end where the list moved meanwhile (what was given is good, something may be missing).
    """
    period = {"periodeDateHeureEtatCourantDu": _written(since), "periodeDateHeureEtatCourantAu": _written(until)}
    for kind in KINDS:
        yield from _pages(portal, {"typeDemandePaiement": kind, "idDestinataire": structure_id, **period})


def _pages(portal: Portal, asked: Mapping[str, Any]) -> Iterator[list[Line]]:
    seen: set[str] = set()
    totals: set[int] = set()
    for number in range(1, MOST_PAGES + 1):
        how = {"nbResultatsParPage": PAGE_SIZE, "pageResultatDemandee": number}
        body = _search(portal, "factures/v1/rechercher/recipiendaire", {**asked, "paramRecherche": how})
        if body is None:
            break
        lines = [_line(each) for each in _list(body, "listeFactures")]
        new = {line.portal_id for line in lines} - seen
        seen |= new
        totals.add(_figure(body, "total"))
        yield lines
        if not new or number >= _figure(body, "pages"):
            break
    if len(totals) > 1 or any(total != len(seen) for total in totals):
        raise Shifted("Des factures ont changé pendant la lecture : la même période est relue.", 1)


def _search(portal: Portal, method: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """None: nothing is found."""
    try:
        return call(portal, method, asked)
    except PortalRefused as refused:
        if refused.code in NOTHING:
            return None
        raise


def _figure(body: Mapping[str, Any], name: str) -> int:
    """A figure of the pagination: beside the list, or in `parametresRetour`."""
    beside = body.get("parametresRetour")
    value = body.get(name) if body.get(name) is not None else beside.get(name) if isinstance(beside, dict) else None
    if not isinstance(value, int) or value < 0:
        raise Unavailable(ODD)
    return value


def _line(told: Any) -> Line:
    if not isinstance(told, dict):
        raise Unavailable(ODD)
    at = told.get("dateHeureEtatCourant") or told.get("dateDepot")
    supplier = _text(told.get("designationFournisseur") or told.get("codeFournisseur"))
    number, status = _text(told.get("numeroFacture")), _status(told.get("statut"))
    return Line(str(_number(told.get("idFacture"))), number, supplier, status, _instant(at))


def history(portal: Portal, portal_id: str) -> tuple[tuple[str, datetime], ...]:
    """(status, instant) of one invoice, oldest first. Raises as `call`."""
    body = call(portal, "factures/v1/consulter/historique", {"idFacture": int(portal_id), "nbResultatsMaximum": 50})
    told = body.get("historiquesDesStatuts")
    steps = _list(told if isinstance(told, dict) else {}, "historiqueStatut")
    found = [
        (_status(step.get("statutCode")), _instant(step.get("statutDatePassage")))
        for step in steps
        if isinstance(step, dict)
    ]
    return tuple(sorted(found, key=lambda step: step[1]))


def download(portal: Portal, portal_ids: Sequence[str], form: str = "PIVOT") -> bytes:
    """The archive of these invoices (`form`: PIVOT, PDF or ZIP). Raises TooLarge and as `call`."""
    asked = {"format": form, "listeFacture": [{"idFacture": int(number)} for number in portal_ids]}
    if form == "PDF":
        asked["avecPiecesJointesComplementaires"] = "Non"
    told = call(portal, "factures/v1/telecharger/groupe", asked, MAX_DOWNLOAD).get("fichierResultat")
    try:
        return base64.b64decode(told, validate=True) if isinstance(told, str) else b""
    except ValueError:
        raise Unavailable(ODD) from None


def download_all(portal: Portal, portal_ids: Sequence[str]) -> Iterator[tuple[Sequence[str], bytes]]:
    """(numbers, their archive), in halves as long as the portal says 413; one alone that is too large: b""."""
    try:
        yield portal_ids, download(portal, portal_ids)
    except TooLarge:
        if len(portal_ids) == 1:
            yield portal_ids, b""
            return
        half = len(portal_ids) // 2
        yield from download_all(portal, portal_ids[:half])
        yield from download_all(portal, portal_ids[half:])


def tell(portal: Portal, portal_id: str, status: str, motive: str = "") -> None:
    """Give an invoice received its new status (motive: compulsory to suspend and to reject). Raises as `call`."""
    asked = {"idFacture": int(portal_id), "nouveauStatut": status, "motif": motive[:255]}
    call(portal, "factures/v1/traiter/recue", asked)


# Structures.


def find_structure(portal: Portal, siret: str) -> int | None:
    """The portal's own number of a structure."""
    asked = {
        "structure": {"identifiantStructure": siret, "typeIdentifiantStructure": "SIRET"},
        "parametres": {"nbResultatsParPage": 10, "pageResultatDemandee": 1},
    }
    body = _search(portal, "structures/v1/rechercher", asked)
    for each in _list(body or {}, "listeStructures"):
        if isinstance(each, dict) and isinstance(each.get("idStructureCPP"), int):
            return _number(each["idStructureCPP"])
    return None


def structure(portal: Portal, structure_id: int) -> Structure:
    """Switches and open services. Raises as `call`."""
    body = call(portal, "structures/v1/consulter", {"idStructureCPP": structure_id, "codeLangue": "fr"})
    told, general = body.get("parametres"), body.get("informationGenerales")
    if not isinstance(told, dict):
        raise Unavailable(ODD)
    name = _text(general.get("raisonSocialeStructure")) if isinstance(general, dict) else ""
    switches = {key: value for key, value in told.items() if isinstance(value, bool)}
    return Structure(structure_id, name, switches, tuple(_services(portal, structure_id)))


def _services(portal: Portal, structure_id: int) -> Iterator[tuple[str, str]]:
    for number in range(1, MOST_PAGES + 1):
        how = {"nbResultatsParPage": PAGE_SIZE, "pageResultatDemandee": number}
        body = _search(
            portal, "structures/v1/rechercher/services",
            {"idStructure": structure_id, "parametresRechercherServicesStructure": how},
        )  # fmt: skip
        for each in _list(body or {}, "listeServices"):
            code = _text(each.get("codeService")) if isinstance(each, dict) else ""
            if code and code != NO_SERVICE and each.get("estActif", True):
                yield code[:100], _text(each.get("libelleService"))[:200]
        if body is None or number >= _figure(body, "pages"):
            return


# For suppliers.


def deposit(portal: Portal, content: bytes, name: str, syntax: str) -> str:
    """Deposit a flow (`syntax`: IN_DP_E2_CII_FACTURX, IN_DP_E1_UBL_INVOICE…); its number. Raises as `call`."""
    asked = {
        "fichierFlux": base64.b64encode(content).decode(), "nomFichier": name, "syntaxeFlux": syntax,
        "avecSignature": False,
    }  # fmt: skip
    number = call(portal, "factures/v1/deposer/flux", asked).get("numeroFluxDepot")
    if not isinstance(number, str) or not number:
        raise Unavailable(ODD)
    return number


def flow(portal: Portal, number: str) -> Flow:
    """What became of a deposit. Raises as `call`."""
    body = call(portal, "transverses/v1/consulterCRDetaille", {"numeroFluxDepot": number})
    errors = [*_list(body, "listeErreurDP"), *_list(body, "listeErreurTechnique")]
    told = tuple(_problem(each) for each in errors if isinstance(each, dict))
    return Flow(str(body.get("etatCourantDepotFlux") or ""), told)


def _problem(told: Mapping[str, Any]) -> str:
    number = f"Facture {told['numeroDP']} : " if told.get("numeroDP") else ""
    return number + str(told.get("libelleErreurDP") or told.get("libelleErreur") or "refusée sans explication")


# Values.


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    found = body.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Unavailable(ODD)
    return found


def _number(told: Any) -> int:
    """An identifier of the portal."""
    if not isinstance(told, int) or isinstance(told, bool) or not 0 < told < MOST_ID:
        raise Unavailable(ODD)
    return told


def _text(told: Any) -> str:
    """Without the sign that no database keeps."""
    return str(told or "").replace("\0", "")


def _status(told: Any) -> str:
    status = _text(told)
    if len(status) > MOST_STATUS:
        raise Unavailable(ODD)
    return status


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def _instant(text: Any) -> datetime:
    """A moment of the portal. Without an offset it is of Paris; a day alone is its beginning."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise Unavailable(ODD) from None
    if moment.year not in YEARS:
        raise Unavailable(ODD)
    return moment if moment.tzinfo else moment.replace(tzinfo=PARIS)
