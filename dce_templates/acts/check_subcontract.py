"""The tests of a declaration of subcontracting."""

from collections.abc import Iterator

from dce_templates import french
from dce_templates.acts.checking import Checks
from dce_templates.acts.subcontract import Subcontract
from dce_templates.check_tools import Law, Problem


def whole(act: Subcontract, law: Law) -> Iterator[Problem]:
    if act.contract_amount is not None and act.maximum >= act.contract_amount:
        yield Problem(
            f"Le montant sous-traité, {french.euros(act.maximum)} HT, atteint celui du marché,"
            f" {french.euros(act.contract_amount)} HT.",
            "Réduisez la part sous-traitée.",
            "maximum",
        )


def same(act: Subcontract, law: Law) -> Iterator[Problem]:
    if act.subcontractor.siret[:9] == act.holder.siret[:9]:
        yield Problem(
            "Le sous-traitant est le titulaire lui-même : leurs SIRET ont le même SIREN.",
            "Vérifiez les deux numéros.",
            "subcontractor.siret",
        )


def direct(act: Subcontract, law: Law) -> Iterator[Problem]:
    threshold = law.figure("direct_payment")
    if not act.paid_directly(threshold):
        yield Problem(
            f"Le montant sous-traité n'atteint pas {french.euros(threshold)} TTC : le sous-traitant est payé par le"
            " titulaire.",
            "Rien à faire si ce montant est exact.",
            "maximum",
        )


def exclusion(act: Subcontract, law: Law) -> Iterator[Problem]:
    if act.no_exclusion is None:
        yield Problem(
            "Le sous-traitant n'a pas déclaré s'il est dans un cas d'exclusion : le document laisse la déclaration à"
            " faire.",
            "Faites-lui cocher la déclaration avant de la remettre.",
            "no_exclusion",
        )
    elif not act.no_exclusion:
        yield Problem(
            "Le sous-traitant signale un cas d'exclusion.",
            "Proposez un autre sous-traitant, ou joignez ce qui montre que l'exclusion ne s'applique pas.",
            "no_exclusion",
        )


def receivables(act: Subcontract, law: Law) -> Iterator[Problem]:
    if act.stage == "contract" and act.receivables is None:
        yield Problem(
            "Rien ne dit qu'aucune cession de créances ne s'oppose au paiement direct.",
            "Dites laquelle des quatre situations est celle du titulaire (receivables).",
            "receivables",
        )


def supplies(act: Subcontract, law: Law) -> Iterator[Problem]:
    if act.kind == "supplies":
        yield Problem(
            "Le marché est de fournitures.",
            "Vérifiez que la part confiée est de la pose, de l'installation ou un service, et non un achat.",
            "kind",
        )


def personal(act: Subcontract, law: Law) -> Iterator[Problem]:
    if act.personal_data and act.processing is None:
        yield Problem(
            "Le sous-traitant traite des données personnelles, et ce traitement n'est pas décrit.",
            "Décrivez-le (processing) : l'acheteur autorise ce qu'il peut lire.",
            "processing",
        )


SUBCONTRACT_CHECKS: Checks = {
    "subcontract_whole": whole,
    "subcontract_same": same,
    "subcontract_direct": direct,
    "subcontract_exclusion": exclusion,
    "subcontract_receivables": receivables,
    "subcontract_supplies": supplies,
    "subcontract_personal": personal,
}
