"""Where each business term of EN 16931 lies in CII and in UBL: paths from the root, as data.

UBL paths hold for Invoice and CreditNote alike. Source: CEN/TS 16931-3-2 and -3-3 bindings; EXT-FR terms: XP Z12-012.
"""

from lxml import etree

from procurement.invoicing.reading import NAMESPACES

_DEAL = "rsm:SupplyChainTradeTransaction"
_AGREEMENT = f"{_DEAL}/ram:ApplicableHeaderTradeAgreement"
_DELIVERY = f"{_DEAL}/ram:ApplicableHeaderTradeDelivery"
_PAYMENT = f"{_DEAL}/ram:ApplicableHeaderTradeSettlement"
_SUM = f"{_PAYMENT}/ram:SpecifiedTradeSettlementHeaderMonetarySummation"
_ALLOWANCE = f"{_PAYMENT}/ram:SpecifiedTradeAllowanceCharge[ram:ChargeIndicator/udt:Indicator='false']"
_CONTEXT = "rsm:ExchangedDocumentContext"
_SELLER = f"{_AGREEMENT}/ram:SellerTradeParty"
_BUYER = f"{_AGREEMENT}/ram:BuyerTradeParty"
_UBL_SELLER = "cac:AccountingSupplierParty/cac:Party"
_UBL_BUYER = "cac:AccountingCustomerParty/cac:Party"
_UBL_SUM = "cac:LegalMonetaryTotal"
_LINE = f"{_DEAL}/ram:IncludedSupplyChainTradeLineItem"
_UBL_LINE = "(cac:InvoiceLine|cac:CreditNoteLine)"

CII: dict[str, str] = {
    "BT-1": "rsm:ExchangedDocument/ram:ID",
    "BT-2": "rsm:ExchangedDocument/ram:IssueDateTime/udt:DateTimeString",
    "BT-3": "rsm:ExchangedDocument/ram:TypeCode",
    "BT-5": f"{_PAYMENT}/ram:InvoiceCurrencyCode",
    "BT-10": f"{_AGREEMENT}/ram:BuyerReference",
    "BT-12": f"{_AGREEMENT}/ram:ContractReferencedDocument/ram:IssuerAssignedID",
    "BT-13": f"{_AGREEMENT}/ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID",
    "BT-20": f"{_PAYMENT}/ram:SpecifiedTradePaymentTerms/ram:Description",
    "BT-22": "rsm:ExchangedDocument/ram:IncludedNote/ram:Content",
    "BT-23": f"{_CONTEXT}/ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID",
    "BT-24": f"{_CONTEXT}/ram:GuidelineSpecifiedDocumentContextParameter/ram:ID",
    "BT-25": f"{_PAYMENT}/ram:InvoiceReferencedDocument/ram:IssuerAssignedID",
    "BT-26": f"{_PAYMENT}/ram:InvoiceReferencedDocument/ram:FormattedIssueDateTime/qdt:DateTimeString",
    "BT-27": f"{_SELLER}/ram:Name",
    "BT-28": f"{_SELLER}/ram:SpecifiedLegalOrganization/ram:TradingBusinessName",
    "BT-30": f"{_SELLER}/ram:SpecifiedLegalOrganization/ram:ID",
    "BT-31": f"{_SELLER}/ram:SpecifiedTaxRegistration/ram:ID[@schemeID='VA']",
    "BT-35": f"{_SELLER}/ram:PostalTradeAddress/ram:LineOne",
    "BT-37": f"{_SELLER}/ram:PostalTradeAddress/ram:CityName",
    "BT-40": f"{_SELLER}/ram:PostalTradeAddress/ram:CountryID",
    "BT-41": f"{_SELLER}/ram:DefinedTradeContact",
    "BT-44": f"{_BUYER}/ram:Name",
    "BT-45": f"{_BUYER}/ram:SpecifiedLegalOrganization/ram:TradingBusinessName",
    "BT-47": f"{_BUYER}/ram:SpecifiedLegalOrganization/ram:ID",
    "BT-56": f"{_BUYER}/ram:DefinedTradeContact",
    "BT-59": f"{_PAYMENT}/ram:PayeeTradeParty/ram:Name",
    "BT-60": f"{_PAYMENT}/ram:PayeeTradeParty/*[self::ram:ID or self::ram:GlobalID]",
    "BT-71": f"{_DELIVERY}/ram:ShipToTradeParty/*[self::ram:ID or self::ram:GlobalID]",
    "BT-72": f"{_DELIVERY}/ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime/udt:DateTimeString",
    "BT-73": f"{_PAYMENT}/ram:BillingSpecifiedPeriod/ram:StartDateTime/udt:DateTimeString",
    "BT-74": f"{_PAYMENT}/ram:BillingSpecifiedPeriod/ram:EndDateTime/udt:DateTimeString",
    "BT-84": f"{_PAYMENT}/ram:SpecifiedTradeSettlementPaymentMeans/ram:PayeePartyCreditorFinancialAccount"
    "/*[self::ram:IBANID or self::ram:ProprietaryID]",
    "BT-92": f"{_ALLOWANCE}/ram:ActualAmount",
    "BT-97": f"{_ALLOWANCE}/ram:Reason",
    "BT-106": f"{_SUM}/ram:LineTotalAmount",
    "BT-107": f"{_SUM}/ram:AllowanceTotalAmount",
    "BT-108": f"{_SUM}/ram:ChargeTotalAmount",
    "BT-109": f"{_SUM}/ram:TaxBasisTotalAmount",
    "BT-110": f"{_SUM}/ram:TaxTotalAmount[not(@currencyID) or "
    f"@currencyID=/rsm:CrossIndustryInvoice/{_PAYMENT}/ram:InvoiceCurrencyCode]",
    "BT-112": f"{_SUM}/ram:GrandTotalAmount",
    "BT-113": f"{_SUM}/ram:TotalPrepaidAmount",
    "BT-114": f"{_SUM}/ram:RoundingAmount",
    "BT-115": f"{_SUM}/ram:DuePayableAmount",
    "BT-120": f"{_PAYMENT}/ram:ApplicableTradeTax/ram:ExemptionReason",
    "BT-121": f"{_PAYMENT}/ram:ApplicableTradeTax/ram:ExemptionReasonCode",
    "BT-122": f"{_AGREEMENT}/ram:AdditionalReferencedDocument[ram:TypeCode='916']/ram:IssuerAssignedID",
    "BT-125-2": f"{_AGREEMENT}/ram:AdditionalReferencedDocument/ram:AttachmentBinaryObject/@filename",
    "BT-154": f"{_LINE}/ram:SpecifiedTradeProduct/ram:Description",
    "EXT-FR-FE-01": f"{_AGREEMENT}/ram:ContractReferencedDocument/ram:ReferenceTypeCode",
    "EXT-FR-FE-136": f"{_LINE}/ram:SpecifiedLineTradeSettlement/ram:InvoiceReferencedDocument/ram:IssuerAssignedID",
    "EXT-FR-FE-146": f"{_LINE}/ram:SpecifiedLineTradeDelivery/ram:ShipToTradeParty"
    "/*[self::ram:ID or self::ram:GlobalID]",
    "seller-ids": f"{_SELLER}/*[self::ram:ID or self::ram:GlobalID]",
    "buyer-ids": f"{_BUYER}/*[self::ram:ID or self::ram:GlobalID]",
    "agent-ids": f"{_AGREEMENT}/ram:SalesAgentTradeParty/*[self::ram:ID or self::ram:GlobalID]",
    "agent-contact": f"{_AGREEMENT}/ram:SalesAgentTradeParty/ram:DefinedTradeContact",
    "agent-legal": f"{_AGREEMENT}/ram:SalesAgentTradeParty/ram:SpecifiedLegalOrganization/ram:ID",
    "payee-ids": f"{_PAYMENT}/ram:PayeeTradeParty/*[self::ram:ID or self::ram:GlobalID]",
    "payee-legal": f"{_PAYMENT}/ram:PayeeTradeParty/ram:SpecifiedLegalOrganization/ram:ID",
    "notes": "rsm:ExchangedDocument/ram:IncludedNote",
    "taxes": f"{_PAYMENT}/ram:ApplicableTradeTax",
    "lines": _LINE,
}
UBL: dict[str, str] = {
    "BT-1": "cbc:ID",
    "BT-2": "cbc:IssueDate",
    "BT-3": "cbc:InvoiceTypeCode|cbc:CreditNoteTypeCode",
    "BT-5": "cbc:DocumentCurrencyCode",
    "BT-10": "cbc:BuyerReference",
    "BT-12": "cac:ContractDocumentReference/cbc:ID",
    "BT-13": "cac:OrderReference/cbc:ID",
    "BT-20": "cac:PaymentTerms/cbc:Note",
    "BT-22": "cbc:Note",
    "BT-23": "cbc:ProfileID",
    "BT-24": "cbc:CustomizationID",
    "BT-25": "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID",
    "BT-26": "cac:BillingReference/cac:InvoiceDocumentReference/cbc:IssueDate",
    "BT-27": f"{_UBL_SELLER}/cac:PartyLegalEntity/cbc:RegistrationName",
    "BT-28": f"{_UBL_SELLER}/cac:PartyName/cbc:Name",
    "BT-30": f"{_UBL_SELLER}/cac:PartyLegalEntity/cbc:CompanyID",
    "BT-31": f"{_UBL_SELLER}/cac:PartyTaxScheme[cac:TaxScheme/cbc:ID='VAT']/cbc:CompanyID",
    "BT-35": f"{_UBL_SELLER}/cac:PostalAddress/cbc:StreetName",
    "BT-37": f"{_UBL_SELLER}/cac:PostalAddress/cbc:CityName",
    "BT-40": f"{_UBL_SELLER}/cac:PostalAddress/cac:Country/cbc:IdentificationCode",
    "BT-41": f"{_UBL_SELLER}/cac:Contact",
    "BT-44": f"{_UBL_BUYER}/cac:PartyLegalEntity/cbc:RegistrationName",
    "BT-45": f"{_UBL_BUYER}/cac:PartyName/cbc:Name",
    "BT-47": f"{_UBL_BUYER}/cac:PartyLegalEntity/cbc:CompanyID",
    "BT-56": f"{_UBL_BUYER}/cac:Contact",
    "BT-59": "cac:PayeeParty/cac:PartyName/cbc:Name",
    "BT-60": "cac:PayeeParty/cac:PartyIdentification/cbc:ID",
    "BT-71": "cac:Delivery/cac:DeliveryLocation/cbc:ID",
    "BT-72": "cac:Delivery/cbc:ActualDeliveryDate",
    "BT-73": "cac:InvoicePeriod/cbc:StartDate",
    "BT-74": "cac:InvoicePeriod/cbc:EndDate",
    "BT-84": "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID",
    "BT-92": "cac:AllowanceCharge[cbc:ChargeIndicator='false']/cbc:Amount",
    "BT-97": "cac:AllowanceCharge[cbc:ChargeIndicator='false']/cbc:AllowanceChargeReason",
    "BT-106": f"{_UBL_SUM}/cbc:LineExtensionAmount",
    "BT-107": f"{_UBL_SUM}/cbc:AllowanceTotalAmount",
    "BT-108": f"{_UBL_SUM}/cbc:ChargeTotalAmount",
    "BT-109": f"{_UBL_SUM}/cbc:TaxExclusiveAmount",
    "BT-110": "cac:TaxTotal/cbc:TaxAmount[not(@currencyID) or @currencyID=/*/cbc:DocumentCurrencyCode]",
    "BT-112": f"{_UBL_SUM}/cbc:TaxInclusiveAmount",
    "BT-113": f"{_UBL_SUM}/cbc:PrepaidAmount",
    "BT-114": f"{_UBL_SUM}/cbc:PayableRoundingAmount",
    "BT-115": f"{_UBL_SUM}/cbc:PayableAmount",
    "BT-120": "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory/cbc:TaxExemptionReason",
    "BT-121": "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory/cbc:TaxExemptionReasonCode",
    "BT-122": "cac:AdditionalDocumentReference[not(cbc:DocumentTypeCode)]/cbc:ID",
    "BT-125-2": "cac:AdditionalDocumentReference/cac:Attachment/cbc:EmbeddedDocumentBinaryObject/@filename",
    "BT-154": f"{_UBL_LINE}/cac:Item/cbc:Description",
    "EXT-FR-FE-01": "cac:ContractDocumentReference/*[self::cbc:DocumentType or self::cbc:DocumentTypeCode]",
    "EXT-FR-FE-136": f"{_UBL_LINE}/cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID",
    "EXT-FR-FE-146": f"{_UBL_LINE}/cac:Delivery/cac:DeliveryLocation/cbc:ID",
    "seller-ids": f"{_UBL_SELLER}/cac:PartyIdentification/cbc:ID",
    "buyer-ids": f"{_UBL_BUYER}/cac:PartyIdentification/cbc:ID",
    "agent-ids": f"{_UBL_SELLER}/cac:AgentParty/cac:PartyIdentification/cbc:ID",
    "agent-contact": f"{_UBL_SELLER}/cac:AgentParty/cac:Contact",
    "agent-legal": f"{_UBL_SELLER}/cac:AgentParty/cac:PartyLegalEntity/cbc:CompanyID",
    "payee-ids": "cac:PayeeParty/cac:PartyIdentification/cbc:ID",
    "payee-legal": "cac:PayeeParty/cac:PartyLegalEntity/cbc:CompanyID",
    "notes": "cbc:Note",
    "taxes": "cac:TaxTotal/cac:TaxSubtotal",
    "lines": _UBL_LINE,
}
CII_LINE: dict[str, str] = {
    "BT-126": "ram:AssociatedDocumentLineDocument/ram:LineID",
    "BT-153": "ram:SpecifiedTradeProduct/ram:Name",
    "BT-155": "ram:SpecifiedTradeProduct/ram:SellerAssignedID",
    "BT-156": "ram:SpecifiedTradeProduct/ram:BuyerAssignedID",
    "BT-129": "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity",
    "BT-146": "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice/ram:ChargeAmount",
    "BT-149": "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice/ram:BasisQuantity",
    "BT-131": "ram:SpecifiedLineTradeSettlement/ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount",
    "BT-151": "ram:SpecifiedLineTradeSettlement/ram:ApplicableTradeTax/ram:CategoryCode",
    "BT-152": "ram:SpecifiedLineTradeSettlement/ram:ApplicableTradeTax/ram:RateApplicablePercent",
    "BT-134": "ram:SpecifiedLineTradeSettlement/ram:BillingSpecifiedPeriod/ram:StartDateTime/udt:DateTimeString",
    "BT-135": "ram:SpecifiedLineTradeSettlement/ram:BillingSpecifiedPeriod/ram:EndDateTime/udt:DateTimeString",
    "EXT-FR-FE-158": "ram:SpecifiedLineTradeDelivery/ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime"
    "/udt:DateTimeString",
    "EXT-FR-FE-163": "ram:AssociatedDocumentLineDocument/ram:LineStatusReasonCode",
    "charges": "ram:SpecifiedLineTradeSettlement/ram:SpecifiedTradeAllowanceCharge"
    "[ram:ChargeIndicator/udt:Indicator='true']/ram:ActualAmount",
    "allowances": "ram:SpecifiedLineTradeSettlement/ram:SpecifiedTradeAllowanceCharge"
    "[ram:ChargeIndicator/udt:Indicator='false']/ram:ActualAmount",
}
UBL_LINE: dict[str, str] = {
    "BT-126": "cbc:ID",
    "BT-153": "cac:Item/cbc:Name",
    "BT-155": "cac:Item/cac:SellersItemIdentification/cbc:ID",
    "BT-156": "cac:Item/cac:BuyersItemIdentification/cbc:ID",
    "BT-129": "cbc:InvoicedQuantity|cbc:CreditedQuantity",
    "BT-146": "cac:Price/cbc:PriceAmount",
    "BT-149": "cac:Price/cbc:BaseQuantity",
    "BT-131": "cbc:LineExtensionAmount",
    "BT-151": "cac:Item/cac:ClassifiedTaxCategory/cbc:ID",
    "BT-152": "cac:Item/cac:ClassifiedTaxCategory/cbc:Percent",
    "BT-134": "cac:InvoicePeriod/cbc:StartDate",
    "BT-135": "cac:InvoicePeriod/cbc:EndDate",
    "EXT-FR-FE-158": "cac:Delivery/cbc:ActualDeliveryDate",
    # A line that refers to its own invoice says where it stands in it.
    "EXT-FR-FE-163": "cac:BillingReference/cac:InvoiceDocumentReference[cbc:ID=/*/cbc:ID]/cbc:DocumentStatusCode",
    "charges": "cac:AllowanceCharge[cbc:ChargeIndicator='true']/cbc:Amount",
    "allowances": "cac:AllowanceCharge[cbc:ChargeIndicator='false']/cbc:Amount",
}


def compiled(paths: dict[str, str]) -> dict[str, etree.XPath]:
    """The table with its XPath compiled once."""
    return {term: etree.XPath(path, namespaces=NAMESPACES) for term, path in paths.items()}


HEADER = {"CII": compiled(CII), "UBL": compiled(UBL)}
LINE = {"CII": compiled(CII_LINE), "UBL": compiled(UBL_LINE)}
