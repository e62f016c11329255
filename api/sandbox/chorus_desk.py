"""The state of the sandbox's Chorus Pro: structures, invoices with their history, flows; and who may do what."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Any

Clock = Callable[[], datetime]
Json = dict[str, Any]
# Present status → those that a buyer may give.
TO_PROCESS = frozenset({"SERVICE_FAIT", "MANDATEE", "MISE_EN_PAIEMENT", "A_RECYCLER", "SUSPENDUE", "REJETEE"})
MOVES: Mapping[str, frozenset[str]] = {
    "MISE_A_DISPOSITION": TO_PROCESS,
    "COMPLETEE": TO_PROCESS,
    "SERVICE_FAIT": TO_PROCESS - {"SERVICE_FAIT"},
    "MANDATEE": frozenset(
        {"MISE_A_DISPOSITION_COMPTABLE", "COMPTABILISEE", "MISE_EN_PAIEMENT", "SUSPENDUE", "REJETEE"}
    ),
    "MISE_A_DISPOSITION_COMPTABLE": frozenset({"COMPTABILISEE", "MISE_EN_PAIEMENT", "SUSPENDUE", "REJETEE"}),
    "COMPTABILISEE": frozenset({"MISE_EN_PAIEMENT"}),
}
WITH_MOTIVE = frozenset({"SUSPENDUE", "REJETEE"})
EXTENSIONS = frozenset({"xml", "pdf", "zip", "gz", "txt", "csv", "odt", "docx", "xlsx", "png", "jpg", "jpeg", "tif"})
NAME_LENGTH, FLOW_CAP = 50, 120 << 20


class Problem(Exception):
    """An answer that says no: its codeRetour and its words."""

    def __init__(self, code: int, words: str, status: int = 200) -> None:
        super().__init__(words)
        self.code, self.words, self.status = code, words, status


@dataclass
class Structure:
    """A public body as the portal knows it."""

    id: int
    siret: str
    name: str
    switches: dict[str, bool]
    services: list[tuple[str, str, bool]]


@dataclass
class Received:
    """One invoice; `history` ends with its present status."""

    id: int
    number: str
    supplier: str
    supplier_name: str
    buyer: str
    content: bytes
    name: str
    history: list[tuple[str, datetime]]
    motive: str = ""
    downloaded: bool = False

    @property
    def status(self) -> str:
        return self.history[-1][0]

    @property
    def at(self) -> datetime:
        return self.history[-1][1]


@dataclass
class Flow:
    """A deposit and what became of it."""

    number: str
    name: str
    state: str
    errors: list[Json]


SWITCHES = {
    "codeServiceDoitEtreRenseigne": False,
    "numeroEJDoitEtreRenseigne": True,
    "gestionNumeroEJOuCodeService": False,
    "statutMiseEnPaiementNestPasRemonte": False,
    "estMoaUniquement": False,
}
SERVICES = [("FACTURES_PUBLIQUES", "Factures publiques", True), ("VOIRIE", "Voirie", True), ("ANCIEN", "Ancien", False)]


@dataclass
class Desk:
    """Everything the portal keeps. `download_cap`: bytes of one group of invoices; `page_cap`: results of one page."""

    clock: Clock
    structures: dict[str, Structure] = field(default_factory=dict)
    invoices: list[Received] = field(default_factory=list)
    flows: dict[str, Flow] = field(default_factory=dict)
    download_cap: int = FLOW_CAP
    page_cap: int = 1000
    lock: RLock = field(default_factory=RLock)

    def structure(self, siret: str) -> Structure:
        """Any SIRET is a structure's here, made when it is first named."""
        with self.lock:
            if siret not in self.structures:
                number = 25_000_000 + len(self.structures)
                name = f"STRUCTURE {siret}"
                self.structures[siret] = Structure(number, siret, name, dict(SWITCHES), list(SERVICES))
            return self.structures[siret]

    def by_id(self, number: object) -> Structure:
        for structure in self.structures.values():
            if structure.id == number:
                return structure
        raise Problem(20010, "GST_MSG_RG: La structure n'existe pas.")

    def add(self, number: str, supplier: tuple[str, str], buyer: str, content: bytes, name: str) -> Received:
        """A deposited invoice, at its buyer's disposal at once. Refused where the supplier sent that number already."""
        with self.lock:
            if any((each.number, each.supplier) == (number, supplier[0]) for each in self.invoices):
                raise Problem(20021, "Une facture de ce fournisseur porte déjà ce numéro.")
            self.structure(buyer)
            now = self.clock()
            steps = [("DEPOSEE", now), ("MISE_A_DISPOSITION", now + timedelta(milliseconds=1))]
            made = Received(1_000_001 + len(self.invoices), number, *supplier, buyer, content, name, steps)
            self.invoices.append(made)
            return made

    def find(self, number: object, buyer: str) -> Received:
        """An invoice of this buyer; any other does not exist for it."""
        for each in self.invoices:
            if each.id == number and each.buyer == buyer:
                return each
        raise Problem(20001, "La facture n'existe pas, ou vous n'y êtes pas habilité.")

    def process(self, buyer: str, asked: Mapping[str, Any]) -> Received:
        """A buyer gives a new status."""
        with self.lock:
            invoice, wanted = self.find(asked.get("idFacture"), buyer), str(asked.get("nouveauStatut"))
            motive = str(asked.get("motif") or "")
            if wanted not in MOVES.get(invoice.status, frozenset()):
                raise Problem(20030, f"Le statut {invoice.status} ne permet pas de passer à {wanted}.")
            if wanted in WITH_MOTIVE and not motive.strip():
                raise Problem(20031, "Le motif est obligatoire pour ce statut.")
            if len(motive) > 255:
                raise Problem(20032, "Le motif dépasse 255 caractères.")
            self.turn(invoice, wanted)
            invoice.motive = motive
            return invoice

    def turn(self, invoice: Received, status: str) -> None:
        """Whoever does it: the supplier who completes, the portal itself."""
        invoice.history.append((status, max(self.clock(), invoice.at + timedelta(milliseconds=1))))

    def archive(self, buyer: str, asked: Mapping[str, Any]) -> bytes:
        """The files of a group, in one ZIP; the invoices are marked as downloaded."""
        wanted = [self.find(each.get("idFacture"), buyer) for each in asked.get("listeFacture") or []]
        if not wanted:
            raise Problem(20040, "Aucune facture n'est demandée.")
        if sum(len(invoice.content) for invoice in wanted) > self.download_cap:
            raise Problem(413, "Le dossier dépasse la taille permise.", 413)
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for invoice in wanted:
                archive.writestr(f"{invoice.id}/{invoice.name}", invoice.content)
                invoice.downloaded = True
        return made.getvalue()
