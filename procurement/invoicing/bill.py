"""What a supplier writes to bill a contract (`mps invoice make`): a contract and lines → a draft of invoice.

The lines come as JSON or CSV, in one documented shape (bill_template.py). What the contract says is not asked again:
buyer, engagement, prices by code, VAT where there is one rate, the supplier's role and what follows from it. The cadre
is S1 for a holder (B1 for supplies), S3 for a subcontractor paid directly, S6 for a co-contractor; a building
subcontractor bills without VAT (CGI, article 283, 2 nonies).
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from procurement.iban import valid_iban
from procurement.invoicing.contracts import ContractRecord, ContractsUnreadable, Holder, load_contracts
from procurement.invoicing.invoice import YEARS
from procurement.invoicing.making import PROFILE_B2G, PROFILE_EN16931, Draft, Line, Party
from procurement.invoicing.money import percent
from siret_lookup.siret import vat_number

MAX_LINES = 5_000
PAYMENT_DAYS = 30
# Euros HT of one line: no public contract comes near.
MAX_NET = Decimal(10) ** 11
NOTES = {
    "PMT": "Indemnité forfaitaire pour frais de recouvrement : 40 euros (D2192-35).",
    "PMD": "Intérêts moratoires : taux directeur de la Banque centrale européenne majoré de huit points (R2192-31).",
    "AAB": "Pas d’escompte pour paiement anticipé.",
    "ADN": "B2G",
}


class BillUnreadable(Exception):
    """The contract or the lines cannot make an invoice; `sentence` is French and names what is wrong.

    `fields`: each bad field by its place, as « lines.1.quantity », with a French sentence; empty for the whole.
    """

    def __init__(self, sentence: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fields = fields or {}


def _figure(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise ValueError("amount as a string")
    if isinstance(value, str) and "e" in value.lower():
        raise ValueError("plain digits")
    bare = value.replace(",", ".").replace("\u202f", "").replace(" ", "") if isinstance(value, str) else value
    if isinstance(bare, str) and (not bare.isascii() or "_" in bare):  # digits of other scripts are digits for Decimal
        raise ValueError("digits 0 to 9")
    return bare


def _year(day: date) -> date:
    if day.year not in YEARS:
        raise PydanticCustomError("year", "year of an invoice")
    return day


Text = Annotated[str, Field(min_length=1)]
Day = Annotated[date, AfterValidator(_year)]
Figure = Annotated[Decimal, BeforeValidator(_figure), Field(allow_inf_nan=False, max_digits=19)]
_STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)


@dataclass(frozen=True, config=_STRICT)
class Who:
    """Name and address; the SIRET and the VAT number come from the contract where it has them."""

    name: Text
    street: Text
    postcode: Text
    city: Text
    siret: str = ""
    vat: str = ""


@dataclass(frozen=True, config=_STRICT)
class BillLine:
    """One line; without a price the contract's for this code, without a rate the contract's only one."""

    code: str
    label: Text
    quantity: Annotated[Figure, Field(gt=0, decimal_places=4)]
    unit_price: Annotated[Figure, Field(ge=0, decimal_places=6)] | None = None
    vat_rate: Annotated[Figure, Field(ge=0, le=100)] | None = None


@dataclass(frozen=True, config=_STRICT)
class Bill:
    """The header and the lines. `credit_number` and `credit_on` name the invoice that a credit note takes off."""

    number: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[A-Za-z0-9+\-_/]+$")]
    issued_on: Day
    seller: Who
    buyer: Who
    lines: Annotated[tuple[BillLine, ...], Field(min_length=1, max_length=MAX_LINES)]
    iban: str = ""
    due_on: date | None = None
    period_start: Day | None = None
    period_end: Day | None = None
    engagement: str = ""
    service: str = ""
    credit_number: str = ""
    credit_on: Day | None = None
    holder_name: str = ""


_bill = TypeAdapter(Bill)
_PROBLEMS: Mapping[str, str] = {
    "missing": "champ obligatoire absent",
    "unexpected_keyword_argument": "champ inconnu",
    "too_short": "au moins une ligne est attendue",
    "too_long": f"{MAX_LINES} lignes au plus",
    "string_too_short": "la valeur est vide",
    "string_too_long": "20 caractères au plus",
    "string_pattern_mismatch": "lettres, chiffres et + - _ / seulement",
    "greater_than": "nombre positif attendu",
    "greater_than_equal": "nombre positif ou nul attendu",
    "less_than_equal": "100 au plus",
    "decimal_parsing": "nombre décimal attendu, entre guillemets en JSON",
    "decimal_max_places": "trop de décimales",
    "value_error": 'nombre attendu entre guillemets (« "450.50" »)',
    "date_from_datetime_parsing": "date attendue, AAAA-MM-JJ",
    "date_parsing": "date attendue, AAAA-MM-JJ",
    "year": f"l’année va de {YEARS[0]} à {YEARS[-1]}",
}


def read_bill(content: bytes) -> Bill:
    """The lines file, JSON or CSV, in UTF-8. Raises BillUnreadable with the first bad field."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BillUnreadable("Le fichier des lignes n’est pas en UTF-8.") from None
    return bill_of(_json(text, "des lignes") if text.lstrip().startswith("{") else _csv(text))


def bill_of(data: Mapping[str, Any]) -> Bill:
    """The same from plain data. Raises BillUnreadable with every bad field."""
    try:
        return _bill.validate_python(data)
    except ValidationError as error:
        found = {_where(one["loc"]): _PROBLEMS.get(one["type"], "valeur refusée") for one in error.errors()}
        where, problem = next(iter(found.items()))
        raise BillUnreadable(f"Fichier des lignes illisible : {where} : {problem}.", found) from error


def _where(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part + 1 if isinstance(part, int) else part) for part in place) or "fichier"


def read_contract(content: bytes, wanted: str = "") -> ContractRecord:
    """The contract to bill: the only one of a contracts file, the one called `wanted`, or a single contract object."""
    text = content.decode("utf-8-sig", "replace")
    data = _json(text, "du contrat")
    whole = data if "contracts" in data else {"version": 1, "contracts": [data]}
    try:
        found = load_contracts(json.dumps(whole))
    except ContractsUnreadable as error:
        raise BillUnreadable(error.sentence) from error
    chosen = [one for one in found if not wanted or wanted in {one.id, one.decp_id}]
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        raise BillUnreadable(f"Le contrat « {wanted} » n’est pas dans ce fichier." if wanted else "Aucun contrat.")
    raise BillUnreadable("Ce fichier contient plusieurs contrats : indiquez lequel par --id.")


def draft_of(contract: ContractRecord, bill: Bill) -> Draft:
    """The invoice to make. Raises BillUnreadable where the contract and the lines do not go together."""
    holder = _holder(contract, bill)
    _refuse_odd(contract, bill)
    reverse = holder.role == "subcontractor" and contract.kind == "works"
    service = bill.service or (contract.buyer.services[0] if len(contract.buyer.services) == 1 else "")
    engagement = bill.engagement or (contract.engagements[0] if len(contract.engagements) == 1 else "")
    _ask_what_is_required(contract, engagement, service)
    agent = _agent(contract, bill, holder)
    return Draft(
        number=bill.number,
        issued_on=bill.issued_on,
        # Whoever bills VAT has a number, which follows from its SIREN.
        seller=_party(bill.seller, holder.siret, bill.seller.vat or holder.vat or vat_number(holder.siret[:9])),
        buyer=replace(_party(bill.buyer, contract.buyer.siret, bill.buyer.vat), service=service),
        lines=tuple(_line(place, line, contract, reverse=reverse) for place, line in enumerate(bill.lines, 1)),
        contract=contract.id,
        engagement=engagement,
        iban=_iban(bill, holder),
        type_code="381" if bill.credit_number else "380",
        process=_process(contract, holder),
        currency=contract.currency,
        profile=PROFILE_B2G if service or agent else PROFILE_EN16931,
        due_on=bill.due_on or bill.issued_on + timedelta(days=PAYMENT_DAYS),
        period=_period(bill),
        preceding=_preceding(bill),
        notes=NOTES,
        agent=agent,
    )


def _refuse_odd(contract: ContractRecord, bill: Bill) -> None:
    if contract.currency != "EUR":
        raise BillUnreadable(f"currency : le contrat est en {contract.currency[:10]} ; on ne facture ici qu’en euros.")


def _ask_what_is_required(contract: ContractRecord, engagement: str, service: str) -> None:
    """What the buyer would send the invoice back for."""
    asks = contract.buyer.requires
    if asks.engagement and not engagement:
        known = ", ".join(contract.engagements) or "demandez-le à l’acheteur"
        raise _wrong("engagement", f"l’acheteur exige un numéro d’engagement ({known}).")
    if asks.service and not service:
        known = ", ".join(contract.buyer.services) or "demandez-le à l’acheteur"
        raise _wrong("service", f"l’acheteur exige un code service ({known}).")
    if asks.either and not (engagement or service):
        raise _wrong("engagement", "l’acheteur exige un numéro d’engagement ou un code service.")


def _json(text: str, what: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for place, (key, _) in enumerate(pairs):
            if key in dict(pairs[:place]):
                raise BillUnreadable(f"Fichier {what} illisible : {key} figure deux fois.")
        return dict(pairs)

    try:
        data = json.loads(text, object_pairs_hook=once)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise BillUnreadable(f"Fichier {what} illisible : ce n’est pas un document JSON.")
    return data


def _csv(text: str) -> dict[str, Any]:
    """Rows `field;value`, then a row of column names that starts with `code`, then the lines."""
    mark = ";" if ";" in text.partition("\n")[0] else ","
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=mark) if any(cell.strip() for cell in row)]
    data: dict[str, Any] = {}
    for place, row in enumerate(rows):
        if row[0].strip() == "code":
            columns = [cell.strip() for cell in row]
            return data | {"lines": [_cells(columns, line) for line in rows[place + 1 :]]}
        _keep(data, row[0].strip(), row[1] if len(row) > 1 else "")
    raise BillUnreadable("Fichier des lignes illisible : la ligne de titres « code;label;quantity… » manque.")


def _cells(columns: list[str], row: list[str]) -> dict[str, str]:
    if len(row) > len(columns):
        raise BillUnreadable(f"Fichier des lignes illisible : la ligne « {row[0][:40]} » a trop de colonnes.")
    return {column: cell for column, cell in zip(columns, row, strict=False) if cell.strip() or column == "code"}


def _keep(data: dict[str, Any], name: str, value: str) -> None:
    whose, _, field = name.rpartition(".")
    into = data.setdefault(whose, {}) if whose else data
    if field in into:
        raise BillUnreadable(f"Fichier des lignes illisible : {name} figure deux fois.")
    if value.strip():
        into[field] = value


def _holder(contract: ContractRecord, bill: Bill) -> Holder:
    if not bill.seller.siret and len(contract.holders) == 1:
        return contract.holders[0]
    found = [holder for holder in contract.holders if holder.siret == bill.seller.siret]
    if not found:
        raise BillUnreadable("seller.siret : ce contrat n’a pas de titulaire, cotraitant ou sous-traitant de ce SIRET.")
    return found[0]


def _process(contract: ContractRecord, holder: Holder) -> str:
    own = "B1" if contract.kind == "supplies" else "S1"
    return {"subcontractor": "S3", "cocontractor": "S6"}.get(holder.role, own)


def _agent(contract: ContractRecord, bill: Bill, holder: Holder) -> Party | None:
    if holder.role == "holder":
        return None
    main = next((one for one in contract.holders if one.role == "holder"), None)
    if main is None or not bill.holder_name:
        raise BillUnreadable(
            "Un sous-traitant ou un cotraitant nomme le titulaire : il faut un titulaire au contrat, et holder_name."
        )
    return Party(bill.holder_name, main.siret, street="", postcode="", city="")


def _party(who: Who, siret: str, vat: str) -> Party:
    return Party(who.name, siret, who.street, who.postcode, who.city, vat)


def _only_iban(holder: Holder) -> str:
    """The one account that the contract knows, "" where it knows none or several."""
    known = [account if isinstance(account, str) else account.iban for account in holder.ibans]
    return known[0] if len(known) == 1 else ""


def _iban(bill: Bill, holder: Holder) -> str:
    iban = bill.iban.replace(" ", "") or _only_iban(holder)
    if not iban:
        raise _wrong("iban", "le compte à créditer manque, et le contrat n’en donne pas un seul.")
    if not valid_iban(iban):
        raise _wrong("iban", "ce numéro de compte n’est pas un IBAN (clé ou longueur fausse).")
    return iban


def _period(bill: Bill) -> tuple[date, date] | None:
    if not bill.period_start and not bill.period_end:
        return None
    if not bill.period_start or not bill.period_end or bill.period_end < bill.period_start:
        both = "il faut les deux dates, dans l’ordre."
        raise BillUnreadable(f"period_start, period_end : {both}", {"period_start": both})
    return bill.period_start, bill.period_end


def _preceding(bill: Bill) -> tuple[tuple[str, date], ...]:
    if not bill.credit_number and not bill.credit_on:
        return ()
    if not bill.credit_number or not bill.credit_on:
        both = "un avoir cite le numéro et la date de la facture d’origine."
        raise BillUnreadable(f"credit_number, credit_on : {both}", {"credit_number": both})
    return ((bill.credit_number, bill.credit_on),)


def _wrong(where: str, what: str) -> BillUnreadable:
    return BillUnreadable(f"{where.rpartition('.')[2]} : {what}", {where: what})


def _line(place: int, line: BillLine, contract: ContractRecord, *, reverse: bool) -> Line:
    prices = {price.code: price.unit_price for price in contract.prices}
    price = prices.get(line.code) if line.unit_price is None else line.unit_price
    if price is None:
        raise _wrong(
            f"lines.{place}.unit_price", f"la ligne « {line.label} » n’a pas de prix, et le contrat n’en donne pas."
        )
    if line.quantity * price >= MAX_NET:
        raise _wrong(f"lines.{place}.quantity", f"le montant de la ligne « {line.label[:60]} » est démesuré.")
    if reverse:
        return Line(line.code, line.label, line.quantity, price, Decimal(0), "AE")
    rate = contract.vat_rates[0] if line.vat_rate is None and len(contract.vat_rates) == 1 else line.vat_rate
    if rate is None:
        raise _wrong(f"lines.{place}.vat_rate", f"la ligne « {line.label} » n’a pas de taux de TVA.")
    if not rate:
        raise _wrong(
            f"lines.{place}.vat_rate", f"la ligne « {line.label} » est sans TVA ; ce cas n’est pas proposé ici."
        )
    if contract.vat_rates and rate not in contract.vat_rates:
        known = ", ".join(percent(one / 100) for one in contract.vat_rates)
        raise _wrong(
            f"lines.{place}.vat_rate",
            f"la ligne « {line.label[:60]} » est à {percent(rate / 100)}, le contrat à {known} : l’acheteur la "
            "refuserait.",
        )
    return Line(line.code, line.label, line.quantity, price, rate)
