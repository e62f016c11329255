"""Every model, imported once, so that migrations and tests see the whole schema."""

from procurement.appeals import Appeal
from procurement.award import Award
from procurement.base import Base
from procurement.candidacy import Candidacy, CandidacyFile
from procurement.chorus import ChorusAccount, ChorusNotice, ChorusStructure
from procurement.consultation import Consultation, DceFile, Override
from procurement.contract import Contract
from procurement.counters import Counter, Heartbeat
from procurement.deliveries import Delivery
from procurement.events import Event
from procurement.federation import FederatedLogin
from procurement.flights import Flight
from procurement.idempotency import PastAnswer
from procurement.invoice_copy import InvoiceCopy
from procurement.letter import Letter
from procurement.library import ClauseStep, ClauseUse, ClauseVersion
from procurement.looks import CompanyLook, Look
from procurement.mail import Mail
from procurement.people import ApiToken, EmailCode, LoginSession, Membership, Organisation, User
from procurement.piece_requests import PieceRequest
from procurement.pieces import Piece
from procurement.powers import SigningPower
from procurement.providers import Provider
from procurement.remarks import ClauseHold, ClauseRemark
from procurement.signers import Signer
from procurement.simple_signing import SigningCode
from procurement.space import Given
from procurement.trust_lists import FollowedList, ListVersion

__all__ = [
    "ApiToken", "Appeal", "Award", "Base", "Candidacy", "CandidacyFile",
    "ChorusAccount", "ChorusNotice", "ChorusStructure", "ClauseHold", "ClauseRemark", "ClauseStep",
    "ClauseUse", "ClauseVersion", "CompanyLook", "Consultation", "Contract", "Counter", "DceFile", "Delivery",
    "EmailCode", "Event", "FederatedLogin", "Flight", "FollowedList", "Given", "Heartbeat", "InvoiceCopy", "Letter",
    "ListVersion", "LoginSession", "Look", "Mail", "Membership", "Organisation", "Override", "PastAnswer", "Piece",
    "PieceRequest", "Provider", "Signer", "SigningCode", "SigningPower", "User",
]  # fmt: skip
