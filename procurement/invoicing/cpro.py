"""BR-FR-CPRO-01 to -44, what Chorus Pro adds for invoices to public bodies (XP Z12-012, annexe A): rows of data.

No official sheet is published. The meaning of each row comes from public descriptions of annexe A (V1.2 and V1.3) and
from an open implementation, read for facts only: github.com/invopop/gobl.fr.ctc, addon/flow2/b2g.go, commit e964d27.
Two rows (16, 22) are said not verifiable by the standard itself: `known` false, reported as not verified. Three (18,
28, 40) are known by their subject only: each is judged as its neighbour on a like term is: `supposed`, a warning.
"""

import re
from collections.abc import Callable

from procurement.invoicing.asked import gives_engagement, gives_service, may_be_free, unknown_service
from procurement.invoicing.directory import Directory
from procurement.invoicing.invoice import Invoice, is_siret
from procurement.invoicing.rows import AtMostOne, Holds, Row, Within

VERSION = "XP Z12-012 annexe A, 01 à 44"
# ISO 6523 schemes accepted for the seller (CPRO-03): SIRET, EU VAT, private person, outside the EU, RIDET, TAHITI.
SELLER_SCHEMES = frozenset({"0009", "0223", "0226", "0227", "0228", "0229"})
# MARCHE and CONTRAT, being replaced by the codes of UNTDID 1153: GC (public contract), CT (contract).
CONTRACT_TYPES = frozenset({"MARCHE", "CONTRAT", "GC", "CT"})
MAX_LINES = 999_999
_SUPPOSED = "Le texte exact de cette règle n’est pas public : lecture supposée, à confirmer."


def _values(ids: tuple[tuple[str, str], ...], scheme: str) -> list[str]:
    return [value for named, value in ids if named == scheme]


def _seller_shape(scheme: str, shape: str) -> Holds:
    def shape_of_seller(invoice: Invoice, directory: Directory) -> bool:
        return all(re.fullmatch(shape, value) for value in _values(invoice.seller.ids, scheme))

    shape_of_seller.__name__ = f"shape_of_seller({scheme},{shape})"
    return shape_of_seller


def _siret_beside_siren(of: Callable[[Invoice], tuple[tuple[str, str], ...]]) -> Callable[[Invoice], bool]:
    return lambda invoice: not _values(of(invoice), "0002") or bool(_values(of(invoice), "0009"))


def contract_type(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-01."""
    return set(invoice.terms.get("EXT-FR-FE-01", ())) <= CONTRACT_TYPES


def short_numbers(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-02."""
    return len(invoice.number) <= 20 and all(
        Within(term, 20)(invoice, directory) for term in ("BT-25", "EXT-FR-FE-136")
    )


def seller_scheme(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-03."""
    return bool(SELLER_SCHEMES & set(invoice.seller.schemes))


def seller_siret(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-09."""
    return _siret_beside_siren(lambda one: one.seller.ids)(invoice)


def buyer_siret(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-10."""
    return is_siret(invoice.buyer.siret)


def service(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-11: the code where the buyer asks for one, and an active one wherever it lists them."""
    asked = directory.of(invoice.buyer.siret)
    if not gives_service(invoice):
        return not asked.service_required
    return not unknown_service(invoice, asked.services) or may_be_free(invoice, required=asked.service_required)


def engagement(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-12: the market's number may stand in."""
    return not directory.of(invoice.buyer.siret).engagement_required or gives_engagement(invoice)


def either(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-13."""
    given = gives_engagement(invoice) or gives_service(invoice)
    return given or not directory.of(invoice.buyer.siret).either_required


def payee_siret(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-17."""
    return _siret_beside_siren(lambda one: one.payee_ids)(invoice)


def agent_siret(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-18, supposed: of the agent as CPRO-17 of the payee."""
    return _siret_beside_siren(lambda one: one.agent)(invoice)


def few_lines(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-19."""
    return len(invoice.lines) + len(invoice.headings) <= MAX_LINES


def has_agent(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-21."""
    sirens, sirets = _values(invoice.agent, "0002"), _values(invoice.agent, "0009")
    return any(is_siret(siret) and siret[:9] in sirens for siret in sirets)


def public_buyer(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-23."""
    return invoice.buyer.siret in directory.recipients


def not_s5(invoice: Invoice, directory: Directory) -> bool:
    """CPRO-24."""
    return invoice.process != "S5"


def _is_shared(invoice: Invoice) -> bool:
    return invoice.process in {"S3", "S6"}


def _length(number: str, term: str, limit: int, what: str) -> Row:
    said = f"{what} ({term}) dépasse {limit} caractères, la limite de Chorus Pro."
    return Row(f"BR-FR-CPRO-{number}", term, said, Within(term, limit))


def _supposed(number: str, term: str, said: str, holds: Holds) -> Row:
    return Row(f"BR-FR-CPRO-{number}", term, f"{said} {_SUPPOSED}", holds, supposed=True)


def _shape(number: str, scheme: str, shape: str, what: str) -> Row:
    said = f"L’identifiant du fournisseur (BT-29, schéma {scheme}) n’a pas la forme attendue : {what}."
    return Row(f"BR-FR-CPRO-{number}", "BT-29", said, _seller_shape(scheme, shape))


def _unverifiable(number: str, term: str, about: str, applies: Callable[[Invoice], bool]) -> Row:
    said = f"{about} : la norme la dit elle-même non vérifiable sur la facture seule."
    return Row(f"BR-FR-CPRO-{number}", term, said, known=False, applies=applies)


RULES: tuple[Row, ...] = (
    Row(
        "BR-FR-CPRO-01",
        "EXT-FR-FE-01",
        "Le type de la référence au contrat (EXT-FR-FE-01) n’est pas admis : MARCHE ou CONTRAT (GC ou CT).",
        contract_type,
    ),
    Row(
        "BR-FR-CPRO-02",
        "BT-1",
        "Le numéro de facture (BT-1), ou celui d’une facture d’origine (BT-25, EXT-FR-FE-136), dépasse 20 caractères, "
        "la limite de Chorus Pro.",
        short_numbers,
    ),
    Row(
        "BR-FR-CPRO-03",
        "BT-29",
        "Le fournisseur n’est pas identifié comme Chorus Pro le demande (BT-29) : SIRET (0009), TVA de l’Union (0223), "
        "particulier (0226), hors Union (0227), RIDET (0228) ou TAHITI (0229).",
        seller_scheme,
    ),
    _shape("04", "0223", r".{1,17}", "17 caractères au plus pour une TVA de l’Union"),
    _shape("05", "0227", r".{1,17}", "17 caractères au plus hors de l’Union"),
    _shape("06", "0228", r".{9,10}", "9 ou 10 caractères pour un RIDET"),
    _shape("07", "0229", r".{9,10}", "9 ou 10 caractères pour un TAHITI"),
    _shape("08", "0226", r"[0-9]{10}.{0,70}", "10 chiffres puis 70 caractères au plus pour un particulier"),
    Row(
        "BR-FR-CPRO-09",
        "BT-29",
        "Le fournisseur donne son SIREN mais pas son SIRET (BT-29, schéma 0009).",
        seller_siret,
    ),
    Row(
        "BR-FR-CPRO-10",
        "BT-46",
        "Le SIRET de l’acheteur public manque (BT-46, schéma 0009) : la facture ne peut pas être acheminée.",
        buyer_siret,
    ),
    Row(
        "BR-FR-CPRO-11",
        "BT-46",
        "Cet acheteur demande le code d’un de ses services actifs (BT-46, schéma 0224, ou BT-10) : il manque, ou il "
        "n’est pas l’un d’eux.",
        service,
        needs_directory="asked",
    ),
    Row(
        "BR-FR-CPRO-12",
        "BT-13",
        "Cet acheteur demande un numéro d’engagement (BT-13), ou à défaut le numéro du marché (BT-12).",
        engagement,
        needs_directory="asked",
    ),
    Row(
        "BR-FR-CPRO-13",
        "BT-13",
        "Cet acheteur demande un numéro d’engagement (BT-13, ou à défaut BT-12) ou un code de service (BT-46, schéma "
        "0224, ou BT-10).",
        either,
        needs_directory="asked",
    ),
    _length("14", "BT-12", 50, "Le numéro de marché"),
    _length("15", "BT-13", 50, "Le numéro d’engagement"),
    _unverifiable("16", "", "Règle sans contrôle possible", lambda invoice: True),
    Row(
        "BR-FR-CPRO-17",
        "BT-60",
        "Le bénéficiaire du paiement donne son SIREN mais pas son SIRET (BT-60, schéma 0009).",
        payee_siret,
    ),
    _supposed(
        "18",
        "EXT-FR-FE-BG-03",
        "L’agent du vendeur donne son SIREN mais pas son SIRET (EXT-FR-FE-BG-03, schéma 0009).",
        agent_siret,
    ),
    Row("BR-FR-CPRO-19", "BG-25", "La facture compte plus de 999 999 lignes.", few_lines),
    Row(
        "BR-FR-CPRO-20",
        "BG-3",
        "La facture cite plusieurs factures d’origine (BG-3) : Chorus Pro n’en admet qu’une. Un avoir sur plusieurs "
        "factures doit être scindé.",
        AtMostOne("BT-25"),
    ),
    Row(
        "BR-FR-CPRO-21",
        "EXT-FR-FE-BG-03",
        "Le cadre S3 (sous-traitant payé directement) ou S6 (cotraitant) demande le SIREN et le SIRET du titulaire ou "
        "du mandataire comme agent du vendeur (EXT-FR-FE-BG-03).",
        has_agent,
        applies=_is_shared,
    ),
    _unverifiable("22", "EXT-FR-FE-BG-03", "Règle sur l’agent du vendeur", _is_shared),
    Row(
        "BR-FR-CPRO-23",
        "BG-7",
        "Avec le cadre S3, le destinataire est l’acheteur public lui-même : ce SIRET n’est pas dans l’annuaire des "
        "structures publiques.",
        public_buyer,
        needs_directory="listed",
        applies=lambda invoice: invoice.process == "S3",
    ),
    Row(
        "BR-FR-CPRO-24",
        "BT-23",
        "Le cadre de facturation S5 est interdit envers un acheteur public ; un sous-traitant payé directement "
        "emploie S3.",
        not_s5,
    ),
    Row("BR-FR-CPRO-25", "BT-20", "Les conditions de paiement (BT-20) figurent plusieurs fois.", AtMostOne("BT-20")),
    Row("BR-FR-CPRO-26", "BG-6", "Le fournisseur a plus d’un contact (BG-6).", AtMostOne("BT-41")),
    Row("BR-FR-CPRO-27", "BG-9", "L’acheteur a plus d’un contact (BG-9).", AtMostOne("BT-56")),
    _supposed(
        "28", "EXT-FR-FE-BG-03", "L’agent du vendeur a plus d’un contact (EXT-FR-FE-BG-03).", AtMostOne("agent-contact")
    ),
    _length("29", "BT-120", 1024, "Le motif d’exonération"),
    _length("30", "BT-122", 50, "La référence d’une pièce jointe"),
    _length("31", "BT-154", 1024, "La description d’un article"),
    _length("32", "BT-35", 400, "L’adresse du fournisseur"),
    _length("33", "BT-37", 400, "La ville du fournisseur"),
    _length("34", "BT-45", 99, "Le nom commercial de l’acheteur"),
    _length("35", "BT-20", 1024, "Le texte des conditions de paiement"),
    _length("36", "BT-28", 99, "Le nom commercial du fournisseur"),
    _length("37", "BT-59", 99, "Le nom du bénéficiaire"),
    _length("38", "BT-71", 20, "L’identifiant du lieu de livraison"),
    _length("39", "BT-84", 27, "L’identifiant du compte bancaire"),
    _supposed(
        "40",
        "EXT-FR-FE-146",
        "L’identifiant du lieu de livraison d’une ligne (EXT-FR-FE-146) dépasse 20 caractères.",
        Within("EXT-FR-FE-146", 20),
    ),
    _length("41", "BT-125-2", 50, "Le nom d’un fichier joint"),
    _length("42", "BT-22", 1024, "Une note"),
    _length("43", "BT-27", 99, "Le nom du fournisseur"),
    _length("44", "BT-44", 99, "Le nom de l’acheteur"),
)
