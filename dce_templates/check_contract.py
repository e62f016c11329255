"""The tests about the procedure, the kind of contract and the words of its criteria."""

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from dce_templates import french
from dce_templates.brands import brands
from dce_templates.check_tools import Check, Context, Problem
from dce_templates.dossier import Dossier

_DECIMAL = re.compile(r"(?<![\w,.])[01],\d+")
_OR_EQUAL = "ou équivalent"
_LONG_SENTENCE = 40
_READ_BY_ALL = ("need", "environmental_condition", "social_condition")


def _formal(dossier: Dossier) -> bool:
    return dossier.procedure in ("open", "restricted", "negotiated")


def _concession(dossier: Dossier) -> bool:
    return dossier.concedes


def formal_deadline(c: Context) -> Iterator[Problem]:
    days = (c.dossier.deadline.astimezone(french.PARIS).date() - c.dossier.launched_on).days
    if _formal(c.dossier) and days < c.figure("formal_days"):
        yield Problem(
            f"Les entreprises disposent de {days} jours pour répondre.",
            f"Laissez au moins {french.number(c.figure('formal_days'))} jours, ou dites quel texte permet moins.",
            "deadline",
        )


def formal_questions(c: Context) -> Iterator[Problem]:
    asked, days = c.dossier.questions_deadline, int(c.figure("formal_answer_days"))
    if _formal(c.dossier) and asked is not None and asked > c.dossier.deadline - timedelta(days=days):
        yield Problem(
            f"Une question posée le dernier jour ne peut plus recevoir sa réponse {days} jours avant la date limite.",
            "Avancez la date limite des questions.",
            "questions_deadline",
        )


def open_without_negotiation(c: Context) -> Iterator[Problem]:
    if c.dossier.procedure in ("open", "restricted") and c.dossier.negotiation:
        yield Problem("Un appel d'offres annonce une négociation.", "Retirez la négociation.", "negotiation")


def framework_maximum(c: Context) -> Iterator[Problem]:
    dossier = c.dossier
    if dossier.nature == "Accord-cadre" and dossier.ceiling is None and not dossier.ceiling_quantity:
        yield Problem(
            "L'accord-cadre n'a pas de maximum.",
            "Donnez un maximum, en valeur ou en quantité : il est repris dans tous les documents.",
            "ceiling",
        )


def framework_duration(c: Context) -> Iterator[Problem]:
    longest = c.figure("framework_months")
    if c.dossier.nature == "Accord-cadre" and c.dossier.total_months > longest and not c.dossier.duration_reason:
        yield Problem(
            f"L'accord-cadre dure {french.months(c.dossier.total_months)}, reconductions comprises.",
            f"Ramenez la durée à {french.months(int(longest))}, ou écrivez ce qui justifie plus.",
            "duration_reason",
        )


def concession_duration(c: Context) -> Iterator[Problem]:
    longest = c.figure("concession_months")
    if _concession(c.dossier) and c.dossier.total_months > longest and not c.dossier.duration_reason:
        yield Problem(
            f"La concession dure {french.months(c.dossier.total_months)}, et rien ne dit pourquoi.",
            "Écrivez en combien de temps les investissements s'amortissent.",
            "duration_reason",
        )


def concession_criteria(c: Context) -> Iterator[Problem]:
    kinds = [item.kind for item in c.dossier.criteria]
    if not _concession(c.dossier):
        return
    if len(kinds) < 2:
        yield Problem("La concession n'a qu'un critère.", "Donnez-en plusieurs.", "criteria")
    if "environmental" not in kinds:
        yield Problem("Aucun critère ne porte sur l'environnement.", "Ajoutez-en un.", "criteria")


def concession_terms(c: Context) -> Iterator[Problem]:
    """What the contract itself must say: a blank is for the candidates, a forgotten article for nobody."""
    if not _concession(c.dossier):
        return
    said = c.dossier.concession
    missing = [
        words
        for words, there in (
            ("le risque transféré", said and said.risk),
            ("les tarifs et leur évolution", said and said.tariffs and said.indexation),
            ("les investissements", said and said.investments),
            ("les indicateurs de qualité", said and said.indicators),
        )
        if not there
    ]
    if missing:
        yield Problem(
            f"Le contrat laisse en blanc : {', '.join(missing)}.",
            "Complétez-le (concession), ou dites aux candidats de le proposer.",
            "concession",
        )


def concession_amortisation(c: Context) -> Iterator[Problem]:
    said, total = c.dossier.concession, c.dossier.total_months
    longest = max((item.years for item in said.investments), default=0) if said else 0
    if _concession(c.dossier) and longest and total > max(int(c.figure("concession_months")), longest * 12):
        yield Problem(
            f"La concession dure {french.months(total)}, et l'investissement le plus long s'amortit en {longest} ans.",
            "Réduisez la durée, ou montrez que le retour sur les capitaux investis la demande.",
            "duration_months",
        )


def concession_entry_fee(c: Context) -> Iterator[Problem]:
    said = c.dossier.concession
    if _concession(c.dossier) and said and said.entry_fee and {"water", "waste"} & set(c.dossier.subjects):
        yield Problem(
            "Un droit d'entrée est prévu dans une concession d'eau, d'assainissement ou de déchets.",
            "Supprimez ce droit d'entrée.",
            "concession.entry_fee",
        )


def concession_data(c: Context) -> Iterator[Problem]:
    """Handing over during the contract and property at its end are two things."""
    settled = {choice.id for choice in c.dossier.clauses}
    if _concession(c.dossier) and c.dossier.public_service and "OD-02" in settled and "OD-04" not in settled:
        yield Problem(
            "La remise des données est prévue (OD-02), et rien ne dit à qui reviennent les bases (OD-04).",
            "Ajoutez la clause OD-04, ou écrivez pourquoi vous ne la prenez pas.",
            "clauses",
        )


def revision_sum(c: Context) -> Iterator[Problem]:
    shares = [Decimal(text.replace(",", ".")) for text in _DECIMAL.findall(c.dossier.price.revision_formula)]
    if len(shares) > 1 and sum(shares) != 1:
        yield Problem(
            f"Les parts de la formule de révision font {french.number(sum(shares, Decimal(0)))}, et non 1.",
            "Corrigez les parts, partie fixe comprise.",
            "price.revision_formula",
        )


def ccag_of_works(c: Context) -> Iterator[Problem]:
    if (c.dossier.kind == "works") != (c.dossier.ccag == "Travaux") and not _concession(c.dossier):
        yield Problem(
            f"Le cahier choisi (CCAG-{c.dossier.ccag}) ne va pas avec la nature des prestations.",
            "Prenez le CCAG-Travaux pour des travaux, et pour eux seuls.",
            "ccag",
        )


def ccag_of_subject(c: Context) -> Iterator[Problem]:
    wanted = {"software": "TIC", "cloud": "TIC", "studies": "PI"}
    fits = {wanted[subject] for subject in c.dossier.subjects if subject in wanted}
    if fits and c.dossier.ccag not in fits and not _concession(c.dossier):
        yield Problem(
            f"L'objet appelle plutôt le CCAG-{' ou le CCAG-'.join(sorted(fits))} que le CCAG-{c.dossier.ccag}.",
            "Changez de cahier, ou gardez trace de votre raison.",
            "ccag",
        )


def _said(c: Context) -> Iterator[tuple[str, str]]:
    for index, item in enumerate(c.dossier.criteria):
        yield f"criteria.{index}.label", item.label
        yield f"criteria.{index}.method", item.method
        yield from ((f"criteria.{index}.label", sub.label) for sub in item.subcriteria)


def selection_as_award(c: Context) -> Iterator[Problem]:
    for field, text in _said(c):
        if found := _first(c, text):
            yield Problem(
                f"Un critère parle de « {found} » : c'est la capacité de l'entreprise, non la valeur de l'offre.",
                "Jugez l'offre elle-même, ou demandez ce point à la candidature.",
                field,
            )


def local_preference(c: Context) -> Iterator[Problem]:
    for field, text in _said(c):
        if found := _first(c, text):
            yield Problem(
                f"Un critère parle de « {found} » : il favorise les entreprises d'un lieu.",
                "Dites le besoin autrement : délai d'intervention, présence pendant l'exécution.",
                field,
            )


def brand_names(c: Context) -> Iterator[Problem]:
    texts = [(field, getattr(c.dossier, field)) for field in ("object", "need", "environmental_condition")]
    texts += [
        (f"lots.{i}.{name}", getattr(lot, name)) for i, lot in enumerate(c.dossier.lots) for name in ("title", "need")
    ]
    for field, text in texts:
        for sentence in re.split(r"(?<=[.!?])\s|\n", text):
            if _OR_EQUAL in sentence.lower():
                continue
            found = _first(c, sentence) or next((name for name, _ in brands(sentence)), "")
            if found:
                yield Problem(
                    f"Le texte semble nommer une marque (« {found} ») sans « {_OR_EQUAL} ».",
                    f"Décrivez la fonction attendue, ou ajoutez « {_OR_EQUAL} ».",
                    field,
                )


def sme_share(c: Context) -> Iterator[Problem]:
    """A global contract leaves part of its execution to SMEs and craftsmen."""
    least = c.figure("sme_share")
    if c.dossier.global_contract and (c.dossier.sme_share or Decimal(0)) < least:
        yield Problem(
            f"Le marché est global et ne réserve pas {french.percent(least)} de son exécution à des petites et moyennes"
            " entreprises ou à des artisans.",
            "Fixez cette part, ou gardez au dossier ce qui l'empêche dans ce secteur.",
            "sme_share",
        )


def sustainable_need(c: Context) -> Iterator[Problem]:
    """The need itself, apart from conditions and criteria, looks at sustainable development."""
    texts = (c.dossier.need, *(lot.need for lot in c.dossier.lots), *c.dossier.deliverables)
    if not any(_first(c, text) for text in texts):
        yield Problem(
            "Ni le besoin ni les livrables ne disent un objectif de développement durable.",
            "Dites dans le besoin ce qui compte : durée de vie, réemploi, énergie, accessibilité, insertion.",
            "need",
        )


def long_sentences(c: Context) -> Iterator[Problem]:
    for field in _READ_BY_ALL:
        for sentence in re.split(r"(?<=[.!?;:])\s|\n", getattr(c.dossier, field)):
            if len(sentence.split()) > _LONG_SENTENCE:
                yield Problem(
                    f"Une phrase compte {len(sentence.split())} mots : « {sentence[:60]}… ».",
                    "Coupez-la en deux.",
                    field,
                )


def legality_control(c: Context) -> Iterator[Problem]:
    if c.dossier.buyer.kind == "local" and c.dossier.estimated_amount >= c.figure("legality_control"):
        yield Problem(
            "Le marché est à transmettre au contrôle de légalité avant sa notification.",
            "Prévoyez ce délai entre la signature et la notification.",
            "estimated_amount",
        )


def _first(c: Context, text: str) -> str:
    """The first words of the text that one of the rule's patterns names."""
    found = (re.search(pattern, text, re.IGNORECASE) for pattern in c.rule.patterns)
    return next((match.group() for match in found if match), "")


CONTRACT_CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        formal_deadline, formal_questions, open_without_negotiation, framework_maximum, framework_duration,
        concession_duration, concession_criteria, concession_terms, concession_amortisation, concession_entry_fee,
        concession_data, revision_sum, ccag_of_works, ccag_of_subject, selection_as_award,
        local_preference, brand_names, sme_share, sustainable_need, long_sentences, legality_control,
    )
}  # fmt: skip
