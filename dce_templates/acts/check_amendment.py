"""The tests of an amendment: whether its basis carries it, and whether its clauses fit the contract."""

from collections import Counter
from collections.abc import Iterator

from dce_templates import french
from dce_templates.acts.amendment import Amendment
from dce_templates.acts.checking import Checks
from dce_templates.catalogue import ClauseError, clause_of, from_annex, required_by, standing, values
from dce_templates.check_tools import Law, Problem, eu_threshold
from dce_templates.facts import facts_of


def minor(act: Amendment, law: Law) -> Iterator[Problem]:
    """Under both limits at once, with the earlier modifications of the same kind."""
    if act.basis != "minor":
        return
    works = act.contract.kind == "works"
    share = law.figure("minor_change_works" if works else "minor_change_others")
    most, threshold = act.contract.initial_amount * share, law.figure(eu_threshold(act.buyer, act.contract.kind))
    total = abs(act.minor_total)
    for limit, name in ((most, f"{french.percent(share)} du montant initial"), (threshold, "le seuil européen")):
        if total >= limit:
            yield Problem(
                f"Les modifications de faible montant font {french.euros(total)} HT en tout, et {name} est de"
                f" {french.euros(limit)} HT.",
                "Choisissez un autre fondement, réduisez le montant, ou lancez une nouvelle consultation.",
                "amount_change",
            )


def half(act: Amendment, law: Law) -> Iterator[Problem]:
    if act.basis not in ("additional", "unforeseen"):
        return
    limit = act.contract.initial_amount * law.figure("added_change")
    if act.amount_change > limit:
        yield Problem(
            f"La modification est de {french.euros(act.amount_change)} HT, au-dessus de {french.euros(limit)} HT.",
            "Réduisez la modification, ou lancez une nouvelle consultation.",
            "amount_change",
        )


def review_clause(act: Amendment, law: Law) -> Iterator[Problem]:
    if act.basis == "review" and not act.review_clause:
        yield Problem(
            "L'avenant se fonde sur une clause de réexamen, et rien ne dit laquelle.",
            "Nommez l'article du marché qui la contient (review_clause).",
            "review_clause",
        )


def successor(act: Amendment, law: Law) -> Iterator[Problem]:
    if act.basis == "successor" and act.former_holder is None:
        yield Problem(
            "L'avenant se fonde sur la substitution d'un titulaire, et ne nomme pas l'ancien.",
            "Nommez le titulaire remplacé (former_holder).",
            "former_holder",
        )
    elif act.basis == "successor" and (act.taken or act.datasets or act.amount_change):
        yield Problem(
            "La substitution d'un titulaire ne porte pas d'autres changements : des clauses, des données ou un montant"
            " s'y ajoutent.",
            "Faites deux avenants, ou fondez l'ensemble sur un autre cas.",
            "basis",
        )
    elif act.basis != "successor" and act.former_holder is not None:
        yield Problem(
            "Le titulaire change, et l'avenant a un autre fondement.",
            "Fondez-le sur la substitution du titulaire (basis: successor).",
            "basis",
        )


def not_substantial(act: Amendment, law: Law) -> Iterator[Problem]:
    if act.basis == "not_substantial" and act.amount_change > 0:
        yield Problem(
            f"Le marché augmente de {french.euros(act.amount_change)} HT : dites en quoi l'équilibre économique ne"
            " change pas en faveur du titulaire.",
            "Écrivez-le dans le motif, ou choisissez un autre fondement.",
            "reason",
        )


def notice(act: Amendment, law: Law) -> Iterator[Problem]:
    if act.basis in ("additional", "unforeseen") and act.contract.procedure != "mapa":
        yield Problem(
            "Le marché a été passé selon une procédure formalisée.",
            "Publiez un avis de modification au Journal officiel de l'Union européenne.",
            "basis",
        )


def clause_vars(act: Amendment, law: Law) -> Iterator[Problem]:
    for index, choice in enumerate(act.taken):
        try:
            clause = clause_of(choice.id, law.clauses)
            if clause.meta.place == "rc":
                raise ClauseError("Cette clause va au règlement d'une consultation, pas à un contrat en cours.")
            values(clause, choice, from_annex(act.situation))
        except ClauseError as error:
            yield Problem(
                f"Clause {choice.id} : {error}", "Renseignez la variable, ou retirez la clause.", f"clauses.{index}"
            )


def clause_fit(act: Amendment, law: Law) -> Iterator[Problem]:
    """What the clauses need or shut out; the contract itself may already have what they need."""
    facts = facts_of(act.situation)
    taken = Counter(choice.id for choice in act.taken if choice.id in law.clauses)
    for name, count in sorted(taken.items()):
        clause = law.clauses[name]
        if count > 1:
            yield Problem(f"La clause {name} est choisie {count} fois.", "Gardez-en une seule.", "clauses")
        if standing(clause, facts) is None or not clause.in_force(act.dated_on):
            yield Problem(f"La clause {name} n'est pas faite pour ce marché.", "Retirez-la.", "clauses")
        for other in sorted(set(taken) & set(clause.meta.excludes)):
            yield Problem(f"Les clauses {name} et {other} se contredisent.", "Retirez l'une des deux.", "clauses")
        for other in sorted(set(required_by(clause, facts)) - set(taken)):
            yield Problem(
                f"La clause {name} demande la clause {other}.",
                f"Ajoutez la clause {other}, sauf si le marché l'a déjà.",
                "clauses",
            )


def personal(act: Amendment, law: Law) -> Iterator[Problem]:
    if act.processing is None and any(item.personal for item in act.datasets):
        yield Problem(
            "Un jeu de données contient des données personnelles, et leur traitement n'est pas décrit.",
            "Décrivez-le (processing), sauf si une annexe du marché le fait déjà.",
            "processing",
        )


AMENDMENT_CHECKS: Checks = {
    "amendment_minor": minor,
    "amendment_half": half,
    "amendment_review": review_clause,
    "amendment_successor": successor,
    "amendment_balance": not_substantial,
    "amendment_notice": notice,
    "amendment_vars": clause_vars,
    "amendment_clauses": clause_fit,
    "amendment_personal": personal,
}
