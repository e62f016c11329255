"""The candidate's own declaration, with the rubriques A to H of form DC2. The words are ours, not the State's form.

Exercices are shown by the day they end, never « N-1 »; at most what annexe 9 of the code allows is asked.
"""

from dce_templates import french
from dce_templates.blocks import Block, Document, Heading, Para, Table
from dce_templates.candidate import words
from dce_templates.candidate.candidate import Candidate

TITLE = "Déclaration du candidat individuel ou du membre du groupement (rubriques du DC2)"


def dc2(candidate: Candidate) -> Document:
    """The declaration as blocks; what is missing is a marked blank."""
    buyer, asked = words.consultation(candidate)
    blocks: list[Block] = [
        _head("A", "Acheteur"), buyer,
        _head("B", "Objet de la consultation"), asked,
        _head("C", "Candidat individuel ou membre du groupement"), *words.identity(candidate), _profile(candidate),
        _head("D", "Aptitude à exercer l’activité professionnelle"), *_fitness(candidate),
        _head("E", "Capacité économique et financière"), _turnovers(candidate), _insurance(candidate),
        _head("F", "Capacité technique et professionnelle"), _staff(candidate), _references(candidate),
        _head("G", "Capacités d’autres entreprises et sous-traitance"), _others(candidate),
        _head("H", "Personne qui engage l’entreprise"), _engaged(candidate),
    ]  # fmt: skip
    reference = candidate.answers.consultation.reference or french.siret(candidate.identity.siret)
    subject = candidate.answers.consultation.object or words.BLANK
    return Document("dc2", TITLE, subject, reference, words.filled(candidate.said("name")), tuple(blocks))


def _head(letter: str, title: str) -> Heading:
    return Heading(1, f"{letter} – {title}", f"dc2_{letter.lower()}")


def _profile(candidate: Candidate) -> Block:
    official, said = candidate.identity, candidate.answers
    rows: list[tuple[str, object]] = [
        ("Taille de l’entreprise", words.SIZES[said.size] if said.size else ""),
        ("Activité principale", official.activity),
    ]
    rows += [("Catégorie selon l’Insee", official.category)] if official.category else []
    rows += [("Tranche d’effectif selon l’Insee", official.workforce)] if official.workforce else []
    return words.fields("Profil", [*rows, ("Courriel", said.contact.email), ("Téléphone", said.contact.phone)])


def _fitness(candidate: Candidate) -> list[Block]:
    number = french.siret(candidate.identity.siret)[:11]
    found: list[Block] = [
        Para(
            f"L’inscription au registre se vérifie avec le numéro SIREN {number} : il n’y a rien à fournir (R2143-13)."
        )
    ]
    judgment = candidate.answers.receivership
    if judgment is None:
        return [*found, Para("Aucun redressement judiciaire n’est signalé.")]
    rows = [
        ("Jugement de redressement judiciaire", words.day(judgment.judgment_on)),
        ("Tribunal", judgment.court),
        ("Plan ou autorisation jusqu’au", words.day(judgment.plan_until)),
    ]
    asked = (
        "La copie du jugement est à joindre (R2143-9). Un redressement exclut l’entreprise, sauf si le plan ou "
        "l’autorisation couvre la durée prévisible du marché (L2141-3)."
    )
    return [*found, words.fields("Redressement judiciaire", rows), Para(asked)]


def _turnovers(candidate: Candidate) -> Table:
    said = candidate.answers
    rows = tuple(
        (
            words.day(year.starts_on) or "–",
            words.day(year.ends_on),
            words.money(year.amount, said.currency),
            words.share(year.object_percent) or "–",
        )
        for year in said.turnovers
    ) or ((words.BLANK,) * 4,)
    header = ("Début de l’exercice", "Fin de l’exercice", "Chiffre d’affaires global", "Part sur l’objet du marché")
    return Table("Chiffre d’affaires des derniers exercices clos", header, rows)


def _insurance(candidate: Candidate) -> Block:
    said = candidate.answers.insurance
    rows: list[tuple[str, object]] = [("Assureur", said.insurer), ("Numéro de police", said.policy)]
    rows += [("Montant garanti", words.money(said.amount, candidate.answers.currency))] if said.amount else []
    return words.fields("Assurance des risques professionnels", rows)


def _staff(candidate: Candidate) -> Table:
    rows = tuple(
        (str(year.year), french.number(year.average), "–" if year.managers is None else french.number(year.managers))
        for year in candidate.answers.staff
    ) or ((words.BLANK,) * 3,)
    return Table("Effectifs moyens annuels", ("Année", "Effectif moyen", "Dont encadrement"), rows)


def _references(candidate: Candidate) -> Table:
    said = candidate.answers
    rows = tuple(
        (
            words.KINDS[item.kind],
            item.description,
            item.client or "–",
            " – ".join(text for text in (words.day(item.starts_on), words.day(item.ends_on)) if text) or "–",
            words.money(item.amount, said.currency) or "–",
        )
        for item in said.references
    ) or ((words.BLANK,) * 5,)
    return Table("Références", ("Nature", "Description", "Destinataire", "Dates", "Montant"), rows)


def _others(candidate: Candidate) -> Block:
    said = candidate.answers.subcontracting
    if said is None:
        return Para("Aucune sous-traitance n’est annoncée.")
    rows = [("Prestations sous-traitées", said.what), ("Part du marché", words.share(said.share_percent))]
    return words.fields("Sous-traitance envisagée", rows)


def _engaged(candidate: Candidate) -> Block:
    rows = [("Nom et prénom", words.signatory(candidate)), ("Qualité", candidate.answers.signatory.capacity)]
    return words.fields("", rows)
