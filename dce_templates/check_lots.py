"""The tests about lots, and which tests are made for each lot of a contract that has several."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from dce_templates import french
from dce_templates.check_tools import Check, Context, Problem

# What each lot has of its own: the field of the dossier → the rules that look at it.
OF_EACH_LOT = {
    "criteria": ("weights", "subweights", "environmental_criterion", "price_only", "concession_criteria",
                 "selection_as_award", "local_preference"),
    "ceiling": ("framework_maximum",),
}  # fmt: skip


def problems_of(test: Check, context: Context) -> Iterator[Problem]:
    """The problems of the contract, or of each lot where the rule looks at what lots have of their own."""
    field = next((field for field, rules in OF_EACH_LOT.items() if context.rule.id in rules), "")
    if not field or len(context.dossier.lots) < 2:
        yield from test(context)
        return
    shared = False
    for index, (lot, part) in enumerate(zip(context.dossier.lots, context.dossier.parts, strict=True)):
        own = field != "criteria" or bool(lot.criteria)
        if own:
            for problem in test(replace(context, dossier=part)):
                yield Problem(f"Lot n° {lot.number} : {problem.message}", problem.fix, f"lots.{index}.{problem.field}")
        elif not shared:
            shared = True
            yield from test(context)


def single_lot(c: Context) -> Iterator[Problem]:
    """L2113-10 is of marchés alone."""
    if c.dossier.concedes:
        return
    if c.dossier.lots and c.dossier.lot.single_reason:
        yield Problem(
            "Le marché est divisé en lots, et donne aussi un motif pour ne pas le diviser.",
            "Retirez le motif, ou les lots.",
            "lot.single_reason",
        )
    elif not c.dossier.lots and not c.dossier.lot.single_reason:
        yield Problem(
            "Le marché n'est pas divisé en lots et aucun motif n'est donné.",
            "Écrivez pourquoi le besoin n'est pas divisé.",
            "lot.single_reason",
        )


def lots_estimate(c: Context) -> Iterator[Problem]:
    """Thresholds look at the whole need: the lots and the whole must say the same."""
    total = sum((lot.estimated_amount for lot in c.dossier.lots), Decimal(0))
    if c.dossier.lots and total != c.dossier.estimated_amount:
        yield Problem(
            f"Les lots sont estimés à {french.euros(total)} en tout, le marché à"
            f" {french.euros(c.dossier.estimated_amount)}.",
            "Corrigez l'estimation d'un lot, ou celle du marché.",
            "estimated_amount",
        )


def lots_limits(c: Context) -> Iterator[Problem]:
    lot, count = c.dossier.lot, len(c.dossier.lots)
    bids = lot.max_bids or count
    awards = lot.max_awards or bids
    if not count:
        if lot.max_bids or lot.max_awards:
            yield Problem(
                "Un nombre de lots est limité, et le marché n'en a qu'un.", "Retirez cette limite.", "lot.max_bids"
            )
        return
    if bids > count or awards > bids:
        yield Problem(
            f"Sur {count} lots, on pourrait répondre à {bids} et en obtenir {awards}.",
            "Le nombre de lots obtenus ne dépasse pas celui des réponses, ni celui des lots.",
            "lot.max_awards" if awards > bids else "lot.max_bids",
        )
    elif awards < bids and not lot.tie_rule:
        yield Problem(
            f"Une entreprise peut être classée première sur plus de {awards} lot(s), et la règle qui départage manque.",
            "Écrivez quels lots elle obtient alors.",
            "lot.tie_rule",
        )


def lots_own(c: Context) -> Iterator[Problem]:
    if c.dossier.lots and c.dossier.procedure == "concession":
        yield Problem(
            "Ces documents ne s'écrivent pas pour une concession en plusieurs lots.",
            "Écrivez un dossier par contrat.",
            "lots",
        )
    for field, what in (("price_lines", "Des prix sont donnés"), ("ceiling", "Un maximum est donné")):
        if c.dossier.lots and getattr(c.dossier, field):
            yield Problem(
                f"{what} pour tout le marché, qui a des lots : chacun a les siens.",
                "Dites-le lot par lot.",
                field,
            )


LOT_CHECKS: dict[str, Check] = {
    "single_lot": single_lot,
    "lots_estimate": lots_estimate,
    "lots_limits": lots_limits,
    "lots_own": lots_own,
}
