"""Who bills, and who may: holders, co-contractors, subcontractors accepted and paid directly, and their agent."""

from procurement.invoicing.billed import gross_factor
from procurement.invoicing.contracts import ContractRecord, Holder
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import key
from procurement.invoicing.money import euros
from procurement.invoicing.past import ZERO
from procurement.invoicing.payable import figures
from procurement.invoicing.rules.finding import Findings, reject, suspend
from procurement.invoicing.rules.original import undoes
from procurement.invoicing.scoring import holder_of, same_company

SUBCONTRACTOR, COCONTRACTOR = "S3", "S6"  # billing frames (BT-23)


def supplier(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The seller is a holder, a co-contractor or an agreed subcontractor of the contract."""
    if holder_of(invoice, contract):
        return
    siret = invoice.seller.sirets[0] if invoice.seller.sirets else "absent"
    if company := same_company(invoice, contract):
        message = (
            f"Le fournisseur facture sous le SIRET {siret} ; le contrat connaît {company.siret} (même entreprise)."
        )
        yield suspend("supplier-other-establishment", "BT-29", message, "SIRET_ERR", "warn")
    elif invoice.process == SUBCONTRACTOR:
        state = "est déclaré, et attend d’être accepté" if siret in contract.declared else "n’est pas accepté"
        message = f"Le sous-traitant {siret} {state} au contrat {contract.id} : son paiement direct est exclu."
        yield reject("subcontractor-not-declared", "BT-29", message, "ST_CT_NON_DECLAR")
    else:
        message = (
            f"Le fournisseur (SIRET {siret}) n’est ni titulaire, ni cotraitant, ni sous-traitant du contrat "
            f"{contract.id}."
        )
        yield reject("supplier-not-holder", "BT-29", message, "EMMET_INC")


def supplier_identity(invoice: Invoice, contract: ContractRecord) -> Findings:
    """BT-30 is the start of BT-29, and BT-31 the VAT number that the contract knows."""
    siren, sirets = invoice.seller.siren, invoice.seller.sirets
    if siren and any(not siret.startswith(siren) for siret in sirets):
        message = f"Le SIREN du fournisseur ({siren}) n’est pas celui de son SIRET ({sirets[0]})."
        yield suspend("supplier-siren-mismatch", "BT-30", message, "SIRET_ERR")
    holder = holder_of(invoice, contract)
    if holder and holder.vat and invoice.seller.vat and key(holder.vat) != key(invoice.seller.vat):
        message = f"Le numéro de TVA du fournisseur ({invoice.seller.vat}) n’est pas celui du contrat ({holder.vat})."
        yield suspend("supplier-vat-mismatch", "BT-31", message, "EMMET_INC", "warn")


def agent(invoice: Invoice, contract: ContractRecord) -> Findings:
    """In frames S3 and S6 the seller's agent is the holder, the leader of the group (CPRO-21)."""
    if invoice.process not in (SUBCONTRACTOR, COCONTRACTOR) or not same_company(invoice, contract):
        return
    who = "sous-traitant (S3)" if invoice.process == SUBCONTRACTOR else "cotraitant (S6)"
    expected = [siret for siret in _agents(contract) if siret]
    if not expected:
        return
    if not invoice.agent_sirets:
        message = (
            f"Facture de {who} sans le titulaire pour mandataire (EXT-FR-FE-BG-03) : le SIRET {expected[0]} est "
            "attendu, et personne d’autre ne peut la valider."
        )
        yield reject("agent-missing", "EXT-FR-FE-BG-03", message, "NON_CONFORME")
    elif not set(invoice.agent_sirets) & set(expected):
        message = (
            f"Facture de {who} : le mandataire ({invoice.agent_sirets[0]}) n’est pas le titulaire du contrat "
            f"({expected[0]})."
        )
        yield reject("agent-not-holder", "EXT-FR-FE-BG-03", message, "NON_CONFORME")


def _agents(contract: ContractRecord) -> list[str]:
    leaders = [holder.siret for holder in contract.holders if holder.leader]
    main = [holder.siret for holder in contract.holders if holder.role == "holder"]
    others = [holder.siret for holder in contract.holders if holder.role == "cocontractor"]
    return leaders or main or others or [contract.holders[0].siret]


def subcontractor(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A subcontractor bills in its frame, once accepted, and only where it is paid directly (L2193-10, R2193-10)."""
    holder = holder_of(invoice, contract)
    if holder is None or holder.role != "subcontractor":
        return
    if holder.direct_payment is False:
        message = (
            f"Le sous-traitant {holder.siret} n’a pas droit au paiement direct dans ce contrat : il est payé par le "
            "titulaire."
        )
        yield reject("subcontractor-no-direct-payment", "BT-29", message, "ST_CT_NON_DECLAR")
    if invoice.process != SUBCONTRACTOR:
        message = (
            f"Un sous-traitant payé directement facture dans le cadre S3 ; la facture dit {invoice.process or 'rien'}."
        )
        yield suspend("subcontractor-frame", "BT-23", message, "NON_CONFORME", "warn")
    yield from _too_small(invoice, contract, holder)
    yield from _acceptance(invoice, holder)


def _too_small(invoice: Invoice, contract: ContractRecord, holder: Holder) -> Findings:
    """Direct payment starts at 600 € of subcontract, all taxes included: whatever one invoice asks."""
    least = figures(contract.start or invoice.issued_on).get("direct_payment", ZERO)
    if holder.share_ht is not None and holder.share_ht * gross_factor(contract) < least:
        message = (
            f"Le contrat de sous-traitance est de {euros(holder.share_ht)} HT : il n’y a de paiement direct qu’à "
            f"partir de {euros(least)} TTC (R2193-10). Le titulaire paie ce sous-traitant."
        )
        yield suspend("subcontract-below-direct-payment", "BT-112", message, "ST_CT_NON_DECLAR")


def _acceptance(invoice: Invoice, holder: Holder) -> Findings:
    accepted, first = holder.accepted_on, invoice.worked[0]
    if not accepted:
        return
    if invoice.issued_on < accepted:
        message = (
            f"Facture du {invoice.issued_on:%d/%m/%Y}, avant l’acceptation du sous-traitant le {accepted:%d/%m/%Y} : "
            "pas de paiement direct."
        )
        yield reject("subcontractor-not-accepted", "BT-2", message, "ST_CT_NON_DECLAR")
    elif first and first < accepted:
        message = f"Une partie de la prestation précède l’acceptation du sous-traitant, le {accepted:%d/%m/%Y}."
        yield suspend("subcontractor-before-acceptance", "BT-73", message, "ST_CT_NON_DECLAR")


def ended(invoice: Invoice, contract: ContractRecord) -> Findings:
    """What a company bills was done before it left the contract."""
    holder, last = holder_of(invoice, contract), invoice.worked[1] or invoice.issued_on
    if holder and holder.ended_on and last > holder.ended_on and not undoes(invoice, contract):
        message = (
            f"Ce fournisseur a quitté le contrat le {holder.ended_on:%d/%m/%Y} ; il facture une période ultérieure."
        )
        yield suspend("supplier-ended", "BT-74", message, "EMMET_INC")


RULES = (supplier, supplier_identity, agent, subcontractor, ended)
