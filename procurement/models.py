"""Every model, imported once, so that migrations and tests see the whole schema."""

from procurement.act import Act
from procurement.appeals import Appeal
from procurement.award import Award
from procurement.base import Base
from procurement.candidacy import Candidacy, CandidacyFile
from procurement.chorus import ChorusAccount, ChorusNotice, ChorusStructure
from procurement.consultation import Consultation, DceFile, Override
from procurement.contract import Contract
from procurement.contract_keys import ContractKey
from procurement.counters import Counter, Heartbeat
from procurement.deliveries import Delivery
from procurement.events import Event
from procurement.execution.amendments import Amendment
from procurement.execution.assignments import Assignability, Assignment
from procurement.execution.documents import Paper
from procurement.execution.engagements import Engagement
from procurement.execution.final_account import FinalAccount
from procurement.execution.indices import IndexValue
from procurement.execution.order_lines import OrderLine
from procurement.execution.parties import BankAccount, Party
from procurement.execution.parts import Part
from procurement.execution.prices import ContractPrice
from procurement.execution.receptions import Reception
from procurement.execution.terms import Terms
from procurement.federation import FederatedLogin
from procurement.flights import Flight
from procurement.idempotency import PastAnswer
from procurement.invoice_copy import InvoiceCopy
from procurement.letter import Letter
from procurement.library import ClauseStep, ClauseUse, ClauseVersion
from procurement.looks import CompanyLook, Look
from procurement.mail import Mail
from procurement.people import ApiToken, EmailCode, LoginSession, Membership, Organisation, User
from procurement.pes import PesSending
from procurement.piece_requests import PieceRequest
from procurement.pieces import Piece
from procurement.powers import SigningPower
from procurement.providers import Provider
from procurement.publication.essential import Essential, EssentialAct
from procurement.publication.push import DataPush, PushReceipt
from procurement.remarks import ClauseHold, ClauseRemark
from procurement.signers import Signer
from procurement.simple_signing import SigningCode
from procurement.space import Given
from procurement.subcontract import Subcontract
from procurement.trust_lists import FollowedList, ListVersion

__all__ = [
    "Act", "Amendment", "ApiToken", "Appeal", "Assignability", "Assignment", "Award", "BankAccount", "Base",
    "Candidacy", "CandidacyFile", "ChorusAccount", "ChorusNotice", "ChorusStructure", "ClauseHold", "ClauseRemark",
    "ClauseStep", "ClauseUse", "ClauseVersion", "CompanyLook", "Consultation", "Contract", "ContractKey",
    "ContractPrice", "Counter", "DataPush", "DceFile", "Delivery", "EmailCode", "Engagement", "Essential",
    "EssentialAct", "Event", "FederatedLogin", "FinalAccount", "Flight", "FollowedList", "Given", "Heartbeat",
    "IndexValue", "InvoiceCopy", "Letter", "ListVersion", "LoginSession", "Look", "Mail", "Membership", "OrderLine",
    "Organisation", "Override", "Paper", "Part", "Party", "PastAnswer", "PesSending", "Piece", "PieceRequest",
    "Provider", "PushReceipt", "Reception", "Signer", "SigningCode", "SigningPower", "Subcontract", "Terms", "User",
]  # fmt: skip
