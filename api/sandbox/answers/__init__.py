"""Every endpoint of API Entreprise's stand-in. A new one is an `answer` and a line in its provider's module."""

from api.sandbox.answers import accounts, associations, certifications, funds, insee, registers
from api.sandbox.answers.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = tuple(
    endpoint
    for module in (insee, registers, associations, funds, accounts, certifications)
    for endpoint in module.ENDPOINTS
)
