"""Whom the invoice is addressed to and what it cites: buyer, service, engagement, contract number."""

from procurement.invoicing.asked import gives_engagement, gives_service, may_be_free, unknown_service
from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.rules.finding import Findings, recycle, reject, suspend, tell
from procurement.invoicing.scoring import cites_contract, cites_engagement, engagements


def buyer(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The invoice is addressed to the contract's buyer, and to no other."""
    if len(invoice.buyer.sirets) > 1:
        given = ", ".join(invoice.buyer.sirets)
        message = f"La facture nomme plusieurs acheteurs ({given}) : le fournisseur doit dire auquel elle s’adresse."
        yield recycle("buyer-several", "BT-46", message, "DEST_ERR")
        return
    if invoice.buyer.siret == contract.buyer.siret:
        return
    given = invoice.buyer.siret or "absent"
    message = (
        f"Le SIRET de l’acheteur ({given}) n’est pas celui du contrat ({contract.buyer.siret}) : à renvoyer au "
        "fournisseur pour correction du destinataire, sans rejeter."
    )
    yield recycle("buyer-wrong", "BT-46", message, "DEST_ERR")


def either(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The buyer who asks for an engagement or a service gets one of them (CPRO-13)."""
    if contract.buyer.requires.either and not gives_engagement(invoice) and not gives_service(invoice):
        message = "L’acheteur exige un numéro d’engagement (BT-13) ou un code service (BT-46) : aucun n’est donné."
        yield recycle("engagement-or-service-missing", "BT-13", message, "CMD_ERR")


def service(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The service code, where the buyer asks for one, is one of its own (BT-46@0224 or BT-10)."""
    required, unknown = contract.buyer.requires.service, unknown_service(invoice, contract.buyer.services)
    if not gives_service(invoice):
        if required:
            message = "Le code service, exigé par l’acheteur, manque."
            yield recycle("service-missing", "BT-46", message, "CODE_ROUTAGE_ERR")
        return
    if not unknown:
        return
    message = f"Le code service « {unknown} » n’est pas l’un de ceux de l’acheteur pour ce contrat."
    if may_be_free(invoice, required=required):
        yield tell("service-unknown", "BT-10", message, "CODE_ROUTAGE_ERR", "warn")
    else:
        yield recycle("service-unknown", "BT-46", message, "CODE_ROUTAGE_ERR")


def engagement(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The engagement number, where the buyer asks for one, is one of the contract's; its number may stand in."""
    given = invoice.engagement
    if not given:
        if contract.buyer.requires.engagement and not gives_engagement(invoice):
            message = "Le numéro d’engagement (BT-13), exigé par l’acheteur, manque, ainsi que celui du marché (BT-12)."
            yield recycle("engagement-missing", "BT-13", message, "CMD_ERR")
        return
    if cites_engagement(given, contract) or cites_contract(given, contract):
        return
    if engagements(contract):
        message = f"Le numéro d’engagement « {given} » n’est pas l’un de ceux du contrat {contract.id}."
        yield recycle("engagement-unknown", "BT-13", message, "CMD_ERR")
    else:
        message = "Aucun engagement connu pour ce contrat : BT-13 non vérifié."
        yield tell("engagement-unverified", "BT-13", message, "CMD_ERR")


def contract_reference(invoice: Invoice, contract: ContractRecord) -> Findings:
    """BT-12 is the contract's number."""
    if cites_contract(invoice.contract, contract):
        return
    by_order = cites_engagement(invoice.engagement, contract) or cites_contract(invoice.engagement, contract)
    if invoice.contract:
        message = f"Le numéro de marché « {invoice.contract} » (BT-12) n’est pas celui du contrat {contract.id}."
        yield suspend("contract-reference-wrong", "BT-12", message, "REF_CT_ABSENT")
    elif by_order:
        message = "BT-12 manque ; BT-13 suffit à retrouver le contrat."
        yield tell("contract-reference-absent", "BT-12", message, "REF_CT_ABSENT")
    else:
        message = (
            "Ni numéro de marché (BT-12) ni engagement (BT-13) : contrat retrouvé par les seules parties, à confirmer."
        )
        yield suspend("contract-reference-absent", "BT-12", message, "REF_CT_ABSENT")


def currency(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The invoice is in the contract's currency."""
    if invoice.currency != contract.currency:
        message = f"La facture est en {invoice.currency or 'devise inconnue'}, le contrat en {contract.currency}."
        yield reject("currency", "BT-5", message, "NON_CONFORME")


RULES = (buyer, either, service, engagement, contract_reference, currency)
