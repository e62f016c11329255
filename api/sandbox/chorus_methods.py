"""What the sandbox's Chorus Pro does for whoever calls: search, history, download, status, structures, deposit."""

import base64
import io
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from api import isolate
from api.sandbox.chorus_desk import EXTENSIONS, FLOW_CAP, NAME_LENGTH, Desk, Flow, Json, Problem, Received
from procurement.errors import DomainError

Asked = Mapping[str, Any]


# Each takes the desk, the structure that calls, the request; and gives the answer's own fields.


def _search(desk: Desk, siret: str, asked: Asked) -> Json:
    """Newest first, as lists of people are: what comes in meanwhile pushes the rest to the next page."""
    with desk.lock:
        found = [each for each in reversed(desk.invoices) if each.buyer == siret and _wanted(each, asked)]
    if asked.get("idDestinataire") not in (None, desk.structure(siret).id):
        raise Problem(20011, "Vous n'êtes pas rattaché à cette structure.")
    how = asked.get("paramRecherche") or {}
    page, pages, size = _page(desk, how, len(found))
    shown = found[(page - 1) * size : page * size]
    return {
        "listeFactures": [_listed(desk, each) for each in shown], "pageCourante": page, "pages": pages,
        "nbResultatsParPage": size, "total": len(found),
    }  # fmt: skip


def _page(desk: Desk, how: Asked, total: int) -> tuple[int, int, int]:
    size, page = int(how.get("nbResultatsParPage", 10)), int(how.get("pageResultatDemandee", 1))
    if not 1 <= size <= desk.page_cap or page < 1:
        raise Problem(20003, f"Le nombre de résultats par page va de 1 à {desk.page_cap}.")
    if not total:
        raise Problem(20000, "TRA_MSG_00.015: La recherche n'a retourné aucun résultat.")
    return page, -(-total // size), size


def _wanted(invoice: Received, asked: Asked) -> bool:
    if asked.get("typeDemandePaiement", "FACTURE") != "FACTURE":
        return False
    start, end = asked.get("periodeDateHeureEtatCourantDu"), asked.get("periodeDateHeureEtatCourantAu")
    if (start and invoice.at < datetime.fromisoformat(start)) or (end and invoice.at > datetime.fromisoformat(end)):
        return False
    downloaded, status = asked.get("factureTelechargeeParDestinataire"), asked.get("statutCourant")
    if status and invoice.status not in (status if isinstance(status, list) else [status]):
        return False
    return downloaded is None or invoice.downloaded == downloaded


def _listed(desk: Desk, invoice: Received) -> Json:
    return {
        "idFacture": invoice.id, "numeroFacture": invoice.number, "statut": invoice.status,
        "dateHeureEtatCourant": invoice.at.isoformat(timespec="milliseconds"),
        "dateDepot": invoice.history[0][1].date().isoformat(), "codeFournisseur": invoice.supplier,
        "designationFournisseur": invoice.supplier_name, "codeDestinataire": invoice.buyer,
        "idDestinataire": desk.structure(invoice.buyer).id, "devise": "EUR", "typeDemandePaiement": "FACTURE",
        "factureTelechargeeParDestinataire": invoice.downloaded,
    }  # fmt: skip


def _history(desk: Desk, siret: str, asked: Asked) -> Json:
    invoice = desk.find(asked.get("idFacture"), siret)
    steps = [
        {"statutCode": status, "statutDatePassage": at.isoformat(timespec="milliseconds")}
        for status, at in reversed(invoice.history)
    ]
    return {"idFacture": invoice.id, "historiquesDesStatuts": {"historiqueStatut": steps}}


def _download(desk: Desk, siret: str, asked: Asked) -> Json:
    if asked.get("format") not in ("PDF", "PIVOT", "ZIP"):
        raise Problem(20041, "Le format est PDF, PIVOT ou ZIP.")
    return {"fichierResultat": base64.b64encode(desk.archive(siret, asked)).decode()}


def _process(desk: Desk, siret: str, asked: Asked) -> Json:
    invoice = desk.process(siret, asked)
    return {
        "idFacture": invoice.id, "numeroFacture": invoice.number, "nouveauStatut": invoice.status,
        "dateTraitement": invoice.at.date().isoformat(),
    }  # fmt: skip


def _structures(desk: Desk, siret: str, asked: Asked) -> Json:
    named = str((asked.get("structure") or {}).get("identifiantStructure") or "")
    if not re.fullmatch(r"\d{14}", named):
        raise Problem(20000, "TRA_MSG_00.015: La recherche n'a retourné aucun résultat.")
    found = desk.structure(named)
    line = {"idStructureCPP": found.id, "identifiantStructure": found.siret, "designationStructure": found.name}
    paging = {"pageCourante": 1, "pages": 1, "nbResultatsParPage": 10, "total": 1}
    return {"listeStructures": [line], "parametresRetour": paging}


def _consult(desk: Desk, siret: str, asked: Asked) -> Json:
    found = desk.by_id(asked.get("idStructureCPP"))
    general = {
        "idStructureCPP": found.id, "identifiantStructure": found.siret, "raisonSocialeStructure": found.name,
    }  # fmt: skip
    return {"informationGenerales": general, "parametres": dict(found.switches)}


def _services(desk: Desk, siret: str, asked: Asked) -> Json:
    found = desk.by_id(asked.get("idStructure"))
    page, pages, size = _page(desk, asked.get("parametresRechercherServicesStructure") or {}, len(found.services))
    shown = found.services[(page - 1) * size : page * size]
    listed = [
        {"idService": number, "codeService": code, "libelleService": name, "estActif": active}
        for number, (code, name, active) in enumerate(shown, (page - 1) * size + 1)
    ]
    paging = {"pageCourante": page, "pages": pages, "nbResultatsParPage": size, "total": len(found.services)}
    return {"listeServices": listed, "parametresRetour": paging}


def deposit(desk: Desk, siret: str, asked: Asked) -> Json:
    content, name = base64.b64decode(asked["fichierFlux"], validate=True), str(asked["nomFichier"])
    if len(content) > FLOW_CAP:
        raise Problem(413, "Le flux dépasse 120 Mo.", 413)
    if len(name) > NAME_LENGTH or name.rpartition(".")[2].lower() not in EXTENSIONS:
        raise Problem(20050, f"Le nom du fichier a {NAME_LENGTH} caractères au plus et une extension permise.")
    if not str(asked.get("syntaxeFlux", "")).startswith("IN_DP_"):
        raise Problem(20051, "La syntaxe du flux n'est pas connue.")
    flow = Flow(f"CPP{len(desk.flows) + 1:012d}", name, "IN_RECU", [])
    desk.flows[flow.number] = flow
    members = list(_members(content, name))
    for member, data in members:
        problem = _taken(desk, siret, member, data)
        if problem:
            flow.errors.append({"numeroDP": member, "libelleErreurDP": problem})
    refused = len(flow.errors)
    flow.state = "IN_INTEGRE" if not refused else "IN_REJETE" if refused == len(members) else "IN_INTEGRE_PARTIEL"
    return {"numeroFluxDepot": flow.number, "dateDepot": desk.clock().date().isoformat()}


def _members(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """The invoices of a flow: the file, or each of a tar.gz."""
    if not name.endswith(".gz"):
        yield name, content
        return
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield member.name, file.read(FLOW_CAP)


def _taken(desk: Desk, siret: str, name: str, content: bytes) -> str:
    """Read as a stranger's file and put at its buyer's disposal; else why not."""
    try:
        invoice = isolate.run("procurement.invoicing.parsing:read_invoice", content, seconds=60.0)
        if siret not in invoice.seller.sirets:
            return "Le fournisseur de la facture n'est pas celui qui dépose."
        if not invoice.buyer.siret:
            return "Le destinataire n'est pas donné."
        desk.add(invoice.number, (siret, invoice.seller.name), invoice.buyer.siret, content, name)
    except (isolate.WorkFailed, DomainError) as error:
        return error.sentence
    except Problem as problem:
        return problem.words
    return ""


def _report(desk: Desk, siret: str, asked: Asked) -> Json:
    flow = desk.flows.get(str(asked.get("numeroFluxDepot")))
    if flow is None:
        raise Problem(20060, "Le flux n'existe pas.")
    return {
        "etatCourantDepotFlux": flow.state, "nomFichier": flow.name, "numeroFluxDepot": flow.number,
        "listeErreurDP": flow.errors, "listeErreurTechnique": [],
    }  # fmt: skip


METHODS: dict[str, Callable[[Desk, str, Asked], Json]] = {
    "factures/v1/rechercher/recipiendaire": _search,
    "factures/v1/consulter/historique": _history,
    "factures/v1/telecharger/groupe": _download,
    "factures/v1/traiter/recue": _process,
    "factures/v1/deposer/flux": deposit,
    "structures/v1/rechercher": _structures,
    "structures/v1/consulter": _consult,
    "structures/v1/rechercher/services": _services,
    "transverses/v1/consulterCRDetaille": _report,
}
