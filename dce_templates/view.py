"""What the templates see: the dossier as French words, every amount and date already written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from dce_templates import french
from dce_templates.catalogue import from_annex
from dce_templates.concession import concession_words
from dce_templates.dossier import Address, Dossier, Holder
from dce_templates.law import Figure
from dce_templates.letters import euros_in_letters
from dce_templates.lots import Criterion
from dce_templates.price_sheets import workbook_name
from dce_templates.prices import SHORT, schedule_kinds
from dce_templates.strict_yaml import read_mapping

_KINDS = {"services": "Services", "supplies": "Fournitures", "works": "Travaux"}
_PUBLICITY = {"profile": "profil d'acheteur", "boamp": "BOAMP", "jal": "journal d'annonces légales", "joue": "JOUE"}
_PROCEDURES = {
    "mapa": "une procédure adaptée",
    "open": "un appel d'offres ouvert",
    "restricted": "un appel d'offres restreint",
    "negotiated": "une procédure avec négociation",
    "concession": "une procédure d'attribution de concession",
}
_CRITERIA = {
    "price": "Prix",
    "global_cost": "Coût global",
    "technical": "Technique",
    "environmental": "Environnement",
    "social": "Social",
    "deadline": "Délai",
}


@dataclass(frozen=True, slots=True)
class Ccag:
    """One CCAG: names to quote and the figures a dossier may depart from."""

    title: str
    short: str
    decree: str
    penalties_article: str
    divisor: int
    cap: Decimal
    exemption: Decimal


@cache
def ccag(code: str) -> Ccag:
    """The CCAG of this code, of dossier.Ccag."""
    text = resources.files("dce_templates").joinpath("ccag.yaml").read_text(encoding="utf-8")
    row = read_mapping(text)[code]
    return Ccag(
        row["title"], row["short"], row["decree"], row["penalties_article"],
        int(row["divisor"]), Decimal(row["cap"]), Decimal(row["exemption"]),
    )  # fmt: skip


def address(value: Address) -> str:
    country = "" if value.country == "France" else f", {value.country}"
    return f"{value.street}, {value.postcode} {value.city}{country}"


def _criterion(index: int, item: Criterion) -> dict[str, Any]:
    return {
        "number": index,
        "label": item.label,
        "kind": _CRITERIA[item.kind],
        "weight": french.number(item.weight) + "\u00a0%",
        "rank": -item.weight,
        "method": item.method,
        "is_price": item.kind in ("price", "global_cost"),
        "subcriteria": [
            {"label": sub.label, "weight": french.number(sub.weight) + "\u00a0%"} for sub in item.subcriteria
        ],
    }


def _criteria(items: Iterable[Criterion]) -> list[dict[str, Any]]:
    return [_criterion(index, item) for index, item in enumerate(items, 1)]


def _judged(dossier: Dossier) -> list[dict[str, Any]]:
    """Criteria, and whose they are: of the whole contract, of the lots that have none of their own, of one lot."""
    common = [str(lot.number) for lot in dossier.lots if not lot.criteria]
    own = [lot for lot in dossier.lots if lot.criteria and len(dossier.lots) > 1]
    if not own:
        return [{"of": "", "criteria": _criteria(dossier.criteria)}]
    of = f" des lots n° {', '.join(common)}" if len(common) > 1 else f" du lot n° {common[0]}" if common else ""
    shared = [{"of": of, "criteria": _criteria(dossier.criteria)}] if common else []
    return shared + [{"of": f" du lot n° {lot.number}", "criteria": _criteria(lot.criteria)} for lot in own]


def _prices(dossier: Dossier) -> dict[str, Any]:
    """`schedules`: every kind that some lot asks for; `price_files`: (what, which file, number of its lot or 0)."""
    kinds = [schedule_kinds(part.price.form, part.price_lines) for part in dossier.parts]
    files = [
        (" et ".join(SHORT[kind] for kind in own), workbook_name(part), part.alone.number if part.alone else 0)
        for part, own in zip(dossier.parts, kinds, strict=True)
        if own
    ]
    every = dict.fromkeys(kind for own in kinds for kind in own)
    return {"schedules": [SHORT[kind] for kind in every], "price_files": files}


def _lots(dossier: Dossier) -> dict[str, Any]:
    """`lot`: the one this contract is for, if it is one of several; `lots`: all of them, in words."""
    if len(dossier.lots) < 2:
        return {"lot": dossier.alone, "lots": []}
    rows = [
        {
            "number": lot.number, "title": lot.title, "need": lot.need, "cpv": part.cpv,
            "duration": french.months(part.duration_months), "ceiling": _ceiling(part),
        }
        for lot, part in zip(dossier.lots, dossier.parts, strict=True)
    ]  # fmt: skip
    return {"lot": None, "lots": rows}


def _ceiling(dossier: Dossier) -> str:
    return f"{french.euros(dossier.ceiling)} hors taxes" if dossier.ceiling else dossier.ceiling_quantity


def penalties(dossier: Dossier) -> tuple[int, Decimal, Decimal]:
    """Divisor, cap and exemption in force: the dossier's, else the CCAG's."""
    general, own = ccag(dossier.ccag), dossier.penalties
    return (
        own.divisor or general.divisor,
        general.cap if own.cap is None else own.cap,
        general.exemption if own.exemption is None else own.exemption,
    )


def _money(dossier: Dossier, figures: Mapping[str, Figure]) -> dict[str, Any]:
    divisor, cap, exemption = penalties(dossier)
    sme_rate = dossier.advance.rate if dossier.advance.sme_rate is None else dossier.advance.sme_rate
    points, fee = figures.get("late_interest_points"), figures.get("recovery_fee")
    return {
        "vat_rate": french.percent(dossier.price.vat_rate),
        "advance_rate": french.percent(dossier.advance.rate),
        "sme_rate": french.percent(sme_rate),
        "sme_differs": sme_rate != dossier.advance.rate,
        "sme_share": french.percent(dossier.sme_share) if dossier.global_contract and dossier.sme_share else "",
        "retention_rate": french.percent(dossier.retention_rate) if dossier.retention_rate else "",
        "divisor": french.number(Decimal(divisor)),
        "penalty_cap": french.percent(cap),
        "penalty_exemption": french.euros(exemption),
        "interest_points": french.number(points.value) if points else "",
        "recovery_fee": french.euros(fee.value) if fee else "",
        "ceiling": _ceiling(dossier),
        "minimum_turnover": french.euros(dossier.capacity.minimum_turnover)
        if dossier.capacity.minimum_turnover
        else "",
    }


def _times(dossier: Dossier) -> dict[str, Any]:
    return {
        "launched_on": french.day(dossier.launched_on),
        "deadline": french.moment(dossier.deadline),
        "questions_deadline": french.moment(dossier.questions_deadline) if dossier.questions_deadline else "",
        "duration": french.months(dossier.duration_months),
        "renewal": french.months(dossier.renewal_months),
        "total_duration": french.months(dossier.total_months),
    }


def _members(holder: Holder | None) -> list[dict[str, str]]:
    return [
        {"name": one.name, "siret": french.siret(one.siret), "work": one.work, "share": french.euros(one.share)}
        for one in (holder.members if holder else ())
    ]


def view(dossier: Dossier, figures: Mapping[str, Figure], holder: Holder | None = None) -> dict[str, Any]:
    """The context of every template: `d` is the dossier itself, the rest are ready words."""
    return {
        "d": dossier,
        "annex": from_annex(dossier),
        "buyer_address": address(dossier.buyer.address),
        "buyer_siret": french.siret(dossier.buyer.siret),
        "court_address": address(dossier.court.address),
        "kind": _KINDS[dossier.kind],
        "procedure": _PROCEDURES[dossier.procedure],
        "procedure_title": _PROCEDURES[dossier.procedure].partition(" ")[2].capitalize(),
        "publicity": ", ".join(_PUBLICITY[item] for item in dossier.publicity),
        "ccag": ccag(dossier.ccag),
        "criteria": _criteria(dossier.criteria),
        "judged": _judged(dossier),
        "environmental_words": ", ".join(dossier.environmental_considerations),
        "social_words": ", ".join(dossier.social_considerations),
        **_prices(dossier),
        **_lots(dossier),
        "holder": holder,
        "holder_siret": french.siret(holder.siret) if holder else "",
        "members": _members(holder),
        "amount": french.euros(holder.amount) if holder else "",
        "amount_in_words": euros_in_letters(holder.amount) if holder else "",
        "vat": french.euros(holder.amount * dossier.price.vat_rate) if holder else "",
        "amount_with_vat": french.euros(holder.amount * (1 + dossier.price.vat_rate)) if holder else "",
        "public": dossier.public_service or dossier.nature == "Concession de service public",
        **concession_words(dossier.concession, dossier.estimated_amount, figures),
        **_money(dossier, figures),
        **_times(dossier),
    }
