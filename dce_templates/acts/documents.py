"""Acts → documents of blocks, which every renderer reads."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from dce_templates import french
from dce_templates.acts.amendment import Amendment
from dce_templates.acts.subcontract import Subcontract
from dce_templates.assemble import Derogation, FilledClause, filled_clauses, numbers_of
from dce_templates.blocks import Block, Document, Kind
from dce_templates.catalogue import Clause, from_annex
from dce_templates.check_tools import eu_threshold
from dce_templates.law import Figure
from dce_templates.letters import euros_in_letters
from dce_templates.markup import fill, read_blocks, restore
from dce_templates.view import address, ccag

KINDS = {"services": "services", "supplies": "fournitures", "works": "travaux"}
_PROCEDURES = {
    "mapa": "procédure adaptée",
    "open": "appel d'offres ouvert",
    "restricted": "appel d'offres restreint",
    "negotiated": "procédure avec négociation",
}


@cache
def template(kind: Kind) -> str:
    return resources.files("dce_templates").joinpath("documents", f"{kind}.md.j2").read_text(encoding="utf-8")


def document(kind: Kind, title: str, subject: str, reference: str, owner: str, words: Mapping[str, Any]) -> Document:
    """A template filled; `owner` is whose document it is."""
    blocks = read_blocks(fill(template(kind), dict(words)), kind)
    return Document(kind, restore(title), restore(subject), reference, restore(owner), blocks)


def in_letters(amount: Decimal) -> str:
    """As a contract writes it, with its sign."""
    return ("moins " if amount < 0 else "") + euros_in_letters(abs(amount))


def share(part: Decimal, whole: Decimal) -> str:
    """A percentage with two decimals at most."""
    return french.percent((part / whole).quantize(Decimal("0.0001")))


def filled(act: Amendment, clauses: Mapping[str, Clause]) -> tuple[FilledClause, ...]:
    """The clauses that the amendment adds, in the order of their ids. Raises ClauseError."""
    return filled_clauses(act.clauses, {"annex": from_annex(act.situation)}, clauses)


def amendment(act: Amendment, figures: Mapping[str, Figure], clauses: Mapping[str, Clause]) -> Document:
    """The amendment. `figures` are those in force on its day. Raises ClauseError."""
    taken = filled(act, clauses)
    own, technical = (tuple(f for f in taken if f.clause.meta.place == place) for place in ("ccap", "cctp"))
    words = _amendment_words(act) | _money(act) | _limits(act, figures)
    words |= {"own_clauses": own, "technical_clauses": technical, "derogations": ()}
    words["places"] = _places(act, bool(own), bool(technical))
    title = f"Avenant n° {act.number} au marché {act.contract.reference}"
    draft = document("amendment", title, act.contract.object, act.reference, act.buyer.name, words)
    rows = _derogations(act, taken, draft.blocks)
    if not rows:
        return draft
    words["derogations"] = rows
    return document("amendment", title, act.contract.object, act.reference, act.buyer.name, words)


def _amendment_words(act: Amendment) -> dict[str, Any]:
    contract = act.contract
    return {
        "a": act,
        "c": contract,
        "buyer_siret": french.siret(act.buyer.siret),
        "buyer_address": address(act.buyer.address),
        "holder_siret": french.siret(act.holder.siret),
        "former_siret": french.siret(act.former_holder.siret) if act.former_holder else "",
        "kind": KINDS[contract.kind],
        "procedure": _PROCEDURES[contract.procedure],
        "notified_on": french.day(contract.notified_on),
        "duration": french.months(contract.duration_months),
        "duration_change": french.months(abs(act.months_change)),
        "duration_after": french.months(contract.duration_months + act.months_change),
        "ccag": ccag(contract.ccag),
        "notice": act.basis in ("additional", "unforeseen") and contract.procedure != "mapa",
        "prices": [{"label": p.label, "unit": p.unit, "price": french.euros(p.price)} for p in act.new_prices],
    }


def _money(act: Amendment) -> dict[str, Any]:
    initial = act.contract.initial_amount
    amounts = {"initial": initial, "before": act.before, "change": act.amount_change, "after": act.after}
    return {
        **{name: french.euros(amount) for name, amount in amounts.items()},
        **{f"{name}_letters": in_letters(amount) for name, amount in amounts.items()},
        "former_sum": french.euros(act.before - initial),
        "change_share": share(act.amount_change, initial),
        "total_share": share(act.after - initial, initial),
        "vat_rate": french.percent(act.contract.vat_rate),
        "after_with_vat": french.euros(act.after * (1 + act.contract.vat_rate)),
    }


def _limits(act: Amendment, figures: Mapping[str, Figure]) -> dict[str, Any]:
    """What the law allows, where its figure is known on that day; else the sentence leaves it out."""
    initial, total = act.contract.initial_amount, abs(act.minor_total)
    minor = figures.get("minor_change_works" if act.contract.kind == "works" else "minor_change_others")
    threshold = figures.get(eu_threshold(act.buyer, act.contract.kind))
    added = figures.get("added_change")
    return {
        # Said only where it is true: a rule may have been passed over.
        "minor_fits": minor and threshold and total < initial * minor.value and total < threshold.value,
        "added_fits": added and act.amount_change <= initial * added.value,
        "minor_total": french.euros(act.minor_total),
        "minor_limit": french.percent(minor.value) if minor else "",
        "minor_amount": french.euros(initial * minor.value) if minor else "",
        "threshold": french.euros(threshold.value) if threshold else "",
        "added_limit": french.percent(added.value) if added else "",
    }


def _places(act: Amendment, own: bool, technical: bool) -> str:
    """« des clauses, des jeux de données et des exigences techniques »."""
    parts = [
        name
        for name, there in (
            ("des clauses relatives aux données", own),
            ("des jeux de données à remettre", bool(act.datasets)),
            ("des exigences techniques", technical),
            ("des prix", bool(act.new_prices)),
        )
        if there
    ]
    return " et ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _derogations(act: Amendment, taken: tuple[FilledClause, ...], blocks: tuple[Block, ...]) -> tuple[Derogation, ...]:
    numbers = numbers_of(blocks)
    return tuple(
        Derogation(numbers[clause.title], item.article, item.subject)
        for clause in taken
        for item in clause.clause.meta.derogates_from
        if item.ccag == act.contract.ccag
    )


def subcontract(act: Subcontract, figures: Mapping[str, Figure]) -> Document:
    """The declaration of subcontracting. `figures` are those in force on its day."""
    direct, answer, silence = (figures.get(name) for name in ("direct_payment", "holder_answer", "silent_acceptance"))
    holder, other = act.holder, act.subcontractor
    words = {
        "s": act,
        "holder_siret": french.siret(holder.siret),
        "other_siret": french.siret(other.siret),
        "buyer_siret": french.siret(act.buyer_siret),
        "kind": KINDS[act.kind],
        "amount": french.euros(act.maximum),
        "amount_letters": in_letters(act.maximum),
        "vat_rate": french.percent(act.vat_rate),
        "with_vat": french.euros(act.with_vat),
        "holder_amount": french.euros(act.contract_amount) if act.contract_amount else "",
        "part": share(act.maximum, act.contract_amount) if act.contract_amount else "",
        "starts_on": french.day(act.starts_on) if act.starts_on else "",
        "duration": french.months(act.duration_months),
        "direct": act.paid_directly(direct.value) if direct else None,
        "threshold": french.euros(direct.value) if direct else "",
        "answer_days": french.number(answer.value) if answer else "",
        "silence_days": french.number(silence.value) if silence else "",
    }
    late = act.stage == "contract"
    title = (
        f"Acte spécial {'modificatif ' if act.replaces else ''}de sous-traitance (rubriques du DC4)"
        if late
        else "Déclaration de sous-traitance (rubriques du DC4)"
    )
    return document("subcontract", title, act.object, act.reference, holder.name, words)
