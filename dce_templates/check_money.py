"""The tests about advance, payment, capacity and the data to publish."""

import re
from collections.abc import Iterator

from dce_templates import french
from dce_templates.check_tools import Check, Context, Patch, Problem

_PLACES = {
    "Code postal": r"[0-9]{5}",
    "Code commune": r"[0-9][0-9AB][0-9]{3}",
    "Code département": r"[0-9][0-9AB]|9[78][0-9]",
    "Code région": r"[0-9]{2}",
    "Code pays": r"[A-Z]{2}",
}


def advance(c: Context) -> Iterator[Problem]:
    dossier = c.dossier
    if dossier.concedes:
        return
    above = dossier.estimated_amount > c.figure("advance_amount") and dossier.total_months > c.figure("advance_months")
    if above and not dossier.advance.granted:
        yield Problem(
            f"Le marché dépasse {french.euros(c.figure('advance_amount'))} HT et"
            f" {french.number(c.figure('advance_months'))} mois, sans avance.",
            "Prévoyez une avance.",
            "advance.granted",
        )


def advance_rate(c: Context) -> Iterator[Problem]:
    low, high, rate = c.figure("advance_rate_min"), c.figure("advance_rate_max"), c.dossier.advance.rate
    if c.dossier.advance.granted and not low <= rate <= high:
        yield Problem(
            f"Le taux de l'avance est de {french.percent(rate)},"
            f" hors de {french.percent(low)} à {french.percent(high)}.",
            "Choisissez un taux dans ces bornes.",
            "advance.rate",
        )


def _protecting(c: Context) -> bool:
    return c.dossier.buyer.kind == "state" or c.dossier.buyer.large


def advance_sme(c: Context) -> Iterator[Problem]:
    buyer, granted = c.dossier.buyer, c.dossier.advance
    if not granted.granted or not _protecting(c):
        return
    floor = c.figure("advance_sme_state" if buyer.kind == "state" else "advance_sme_large")
    rate = granted.rate if granted.sme_rate is None else granted.sme_rate
    if rate < floor:
        yield Problem(
            f"L'avance d'une PME est de {french.percent(rate)}, sous {french.percent(floor)}.",
            f"Portez ce taux à {french.percent(floor)} au moins.",
            "advance.sme_rate",
            Patch(f"Écrire {french.percent(floor)} pour une PME", "advance.sme_rate", format(floor, "f")),
        )


def retention(c: Context) -> Iterator[Problem]:
    limit = c.figure("retention_max")
    if not c.dossier.concedes and c.dossier.retention_rate > limit:
        yield Problem(
            f"La retenue de garantie est de {french.percent(c.dossier.retention_rate)}, au-dessus de"
            f" {french.percent(limit)}.",
            f"Ramenez-la à {french.percent(limit)} au plus, ou supprimez-la.",
            "retention_rate",
            Patch(f"Ramener la retenue à {french.percent(limit)}", "retention_rate", format(limit, "f")),
        )


def retention_sme(c: Context) -> Iterator[Problem]:
    """Before the holder is known: the same rate would be too high for an SME."""
    rate, limit = c.dossier.retention_rate, c.figure("retention_max_sme")
    if c.dossier.concedes or not _protecting(c) or not limit < rate <= c.figure("retention_max"):
        return
    yield Problem(
        f"La retenue de garantie est de {french.percent(rate)} : si le titulaire est une PME, elle ne dépasse pas"
        f" {french.percent(limit)}.",
        f"Ramenez-la à {french.percent(limit)}, ou vérifiez que le titulaire n'est pas une PME avant de la pratiquer.",
        "retention_rate",
        Patch(f"Ramener la retenue à {french.percent(limit)}", "retention_rate", format(limit, "f")),
    )


def payment_delay(c: Context) -> Iterator[Problem]:
    kinds = {"health": "payment_delay_health", "public_company": "payment_delay_company"}
    limit = c.figure(kinds.get(c.dossier.buyer.kind, "payment_delay_general"))
    if c.dossier.payment_delay_days > limit:
        yield Problem(
            f"Le délai de paiement est de {c.dossier.payment_delay_days} jours, au-delà de {french.number(limit)}.",
            f"Ramenez-le à {french.number(limit)} jours au plus.",
            "payment_delay_days",
            Patch(f"Écrire {french.number(limit)} jours", "payment_delay_days", int(limit)),
        )


def turnover(c: Context) -> Iterator[Problem]:
    asked, factor = c.dossier.capacity.minimum_turnover, c.figure("turnover_factor")
    if asked is None or c.dossier.capacity.turnover_reason:
        return
    if asked > factor * c.dossier.estimated_amount:
        yield Problem(
            f"Le chiffre d'affaires minimal exigé, {french.euros(asked)}, dépasse {french.number(factor)} fois"
            " la valeur estimée, sans motif.",
            "Abaissez ce minimum, ou donnez le motif lié à l'objet du marché.",
            "capacity.minimum_turnover",
        )


def revision(c: Context) -> Iterator[Problem]:
    price = c.dossier.price
    complete = price.revision_formula and price.revision_index and price.revision_months
    if price.kind == "Définitif révisable" and not complete:
        yield Problem(
            "Le prix est révisable, mais la formule, l'indice ou la périodicité manque.",
            "Complétez la formule, l'indice et la périodicité de révision.",
            "price.revision_formula",
        )


def actualisation(c: Context) -> Iterator[Problem]:
    if c.dossier.price.kind == "Définitif actualisable" and not c.dossier.price.revision_index:
        yield Problem(
            "Le prix est actualisable, mais aucun indice n'est indiqué.",
            "Indiquez l'indice d'actualisation.",
            "price.revision_index",
        )


def decp_fields(c: Context) -> Iterator[Problem]:
    dossier = c.dossier
    if not re.fullmatch(_PLACES[dossier.place.code_kind], dossier.place.code):
        yield Problem(
            f"Le lieu d'exécution « {dossier.place.code} » n'a pas la forme d'un {dossier.place.code_kind.lower()}.",
            "Corrigez le code ou son type : la publication du marché serait rejetée.",
            "place.code",
        )
    if dossier.total_months > c.figure("decp_months_max"):
        yield Problem(
            f"La durée totale, {dossier.total_months} mois, est hors de ce que la publication des données accepte.",
            "Vérifiez la durée et les reconductions.",
            "duration_months",
        )
    if dossier.cpv.startswith("99999999") or dossier.cpv.startswith("00"):
        yield Problem(
            f"Le code CPV « {dossier.cpv} » n'existe pas dans la nomenclature.",
            "Choisissez le code CPV du besoin principal.",
            "cpv",
        )


MONEY_CHECKS: dict[str, Check] = {
    "advance": advance,
    "advance_rate": advance_rate,
    "advance_sme": advance_sme,
    "retention": retention,
    "retention_sme": retention_sme,
    "payment_delay": payment_delay,
    "turnover": turnover,
    "revision": revision,
    "actualisation": actualisation,
    "decp_fields": decp_fields,
}
