"""French sentences for the rules of EN 16931: one by one, by family of VAT, or by the shape of the rule's own text."""

import re
from collections.abc import Mapping

EUROPEAN: dict[str, str] = {
    "BR-01": "L’identifiant de la spécification (BT-24) manque.",
    "BR-02": "Le numéro de facture (BT-1) manque.",
    "BR-03": "La date de facture (BT-2) manque.",
    "BR-04": "Le type de facture (BT-3) manque.",
    "BR-05": "La devise de la facture (BT-5) manque.",
    "BR-06": "Le nom du vendeur (BT-27) manque.",
    "BR-07": "Le nom de l’acheteur (BT-44) manque.",
    "BR-08": "L’adresse du vendeur (BG-5) manque.",
    "BR-09": "Le pays du vendeur (BT-40) manque.",
    "BR-10": "L’adresse de l’acheteur (BG-8) manque.",
    "BR-11": "Le pays de l’acheteur (BT-55) manque.",
    "BR-12": "La somme des lignes (BT-106) manque.",
    "BR-13": "Le total hors TVA (BT-109) manque.",
    "BR-14": "Le total TVA comprise (BT-112) manque.",
    "BR-15": "Le net à payer (BT-115) manque.",
    "BR-16": "La facture n’a aucune ligne (BG-25).",
    "BR-21": "Une ligne n’a pas d’identifiant (BT-126).",
    "BR-22": "Une ligne n’a pas de quantité (BT-129).",
    "BR-23": "Une ligne n’a pas d’unité de mesure (BT-130).",
    "BR-24": "Une ligne n’a pas de montant net (BT-131).",
    "BR-25": "Une ligne n’a pas de désignation (BT-153).",
    "BR-26": "Une ligne n’a pas de prix unitaire net (BT-146).",
    "BR-27": "Un prix unitaire net (BT-146) est négatif.",
    "BR-29": "La fin de la période de facturation (BT-74) précède son début (BT-73).",
    "BR-30": "La fin de la période d’une ligne (BT-135) précède son début (BT-134).",
    "BR-45": "Une ligne du détail de TVA n’a pas de base (BT-116).",
    "BR-46": "Une ligne du détail de TVA n’a pas de montant (BT-117).",
    "BR-47": "Une ligne du détail de TVA n’a pas de catégorie (BT-118).",
    "BR-48": "Une ligne du détail de TVA n’a pas de taux (BT-119).",
    "BR-49": "Le mode de paiement (BT-81) manque.",
    "BR-50": "Le compte à créditer (BT-84) manque.",
    "BR-53": "La TVA en devise de comptabilité (BT-111) manque.",
    "BR-55": "La référence à une facture antérieure (BT-25) est vide.",
    "BR-61": "Un virement demande le compte à créditer (BT-84).",
    "BR-62": "L’adresse électronique du vendeur (BT-34) n’a pas de schéma.",
    "BR-63": "L’adresse électronique de l’acheteur (BT-49) n’a pas de schéma.",
    "BR-CO-04": "Une ligne n’a pas de catégorie de TVA (BT-151).",
    "BR-CO-09": "Un numéro de TVA ne commence pas par un code de pays.",
    "BR-CO-10": "La somme des lignes (BT-106) n’est pas égale au total des montants nets des lignes (BT-131).",
    "BR-CO-11": "Le total des remises (BT-107) n’est pas égal à la somme des remises (BT-92).",
    "BR-CO-12": "Le total des majorations (BT-108) n’est pas égal à la somme des majorations (BT-99).",
    "BR-CO-13": "Le total hors TVA (BT-109) n’est pas égal aux lignes, moins les remises, plus les majorations.",
    "BR-CO-14": "Le total de TVA (BT-110) n’est pas égal à la somme du détail de TVA (BT-117).",
    "BR-CO-15": "Le total TVA comprise (BT-112) n’est pas égal au total hors TVA (BT-109) plus la TVA (BT-110).",
    "BR-CO-16": "Le net à payer (BT-115) n’est pas égal au total (BT-112) moins le déjà payé (BT-113).",
    "BR-CO-17": "Un montant de TVA (BT-117) n’est pas égal à sa base (BT-116) multipliée par le taux (BT-119).",
    "BR-CO-18": "La facture n’a aucun détail de TVA (BG-23).",
    "BR-CO-25": "Le net à payer est positif : il faut une échéance (BT-9) ou des conditions de paiement (BT-20).",
    "BR-CO-26": "Le vendeur n’est identifié ni par BT-29, ni par BT-30, ni par BT-31.",
    "BR-S-01": "Une ligne est au taux normal : le détail de TVA doit avoir une ligne de catégorie S.",
    "BR-S-02": "Une ligne au taux normal demande le numéro de TVA du vendeur (BT-31, BT-32 ou BT-63).",
    "BR-S-05": "Une ligne de catégorie S doit avoir un taux de TVA (BT-152) supérieur à zéro.",
    "BR-S-08": "Une base de TVA (BT-116) n’est pas égale à la somme des lignes du même taux.",
    "BR-S-09": "Un montant de TVA (BT-117) n’est pas égal à sa base multipliée par le taux.",
    "BR-AE-02": "L’autoliquidation demande un identifiant fiscal du vendeur et de l’acheteur.",
    "BR-AE-09": "La TVA d’une ligne en autoliquidation doit être nulle.",
    "BR-AE-10": "L’autoliquidation demande un motif (BT-120 ou BT-121).",
    "BR-E-09": "La TVA d’une base exonérée doit être nulle.",
    "BR-E-10": "Une exonération demande un motif (BT-120 ou BT-121).",
    "BR-Z-09": "La TVA d’une base à taux zéro doit être nulle.",
    "BR-17": "Le nom du bénéficiaire du paiement (BT-59) manque.",
    "BR-18": "Le nom du représentant fiscal du vendeur (BT-62) manque.",
    "BR-19": "L’adresse du représentant fiscal du vendeur (BG-12) manque.",
    "BR-20": "Le pays du représentant fiscal du vendeur (BT-69) manque.",
    "BR-28": "Un prix unitaire brut (BT-148) est négatif.",
    "BR-31": "Une remise (BG-20) n’a pas de montant (BT-92).",
    "BR-32": "Une remise (BG-20) n’a pas de catégorie de TVA (BT-95).",
    "BR-33": "Une remise (BG-20) n’a pas de motif (BT-97 ou BT-98).",
    "BR-36": "Une majoration (BG-21) n’a pas de montant (BT-99).",
    "BR-37": "Une majoration (BG-21) n’a pas de catégorie de TVA (BT-102).",
    "BR-38": "Une majoration (BG-21) n’a pas de motif (BT-104 ou BT-105).",
    "BR-41": "Une remise de ligne (BG-27) n’a pas de montant (BT-136).",
    "BR-42": "Une remise de ligne (BG-27) n’a pas de motif (BT-139 ou BT-140).",
    "BR-43": "Une majoration de ligne (BG-28) n’a pas de montant (BT-141).",
    "BR-44": "Une majoration de ligne (BG-28) n’a pas de motif (BT-144 ou BT-145).",
    "BR-51": "Le numéro complet d’une carte de paiement (BT-87) ne doit pas figurer sur une facture.",
    "BR-52": "Une pièce jointe (BG-24) n’a pas de référence (BT-122).",
    "BR-54": "Une caractéristique d’article (BG-32) n’a pas son nom (BT-160) et sa valeur (BT-161).",
    "BR-54-1": "Une caractéristique d’article (BG-32) n’a ni nom (BT-160) ni code.",
    "BR-54-2": "Une caractéristique d’article (BG-32) a une valeur (BT-161) ou une quantité, et une seule des deux.",
    "BR-56": "Le représentant fiscal du vendeur (BG-11) n’a pas de numéro de TVA (BT-63).",
    "BR-57": "L’adresse de livraison (BG-15) n’a pas de pays (BT-80).",
    "BR-64": "L’identifiant standard d’un article (BT-157) n’a pas de schéma.",
    "BR-65": "La classification d’un article (BT-158) n’a pas de schéma.",
    "BR-B-01": "La catégorie de TVA « paiement scindé » est réservée aux factures italiennes.",
    "BR-B-02": "Le paiement scindé de la TVA et le taux normal ne vont pas ensemble.",
    "BR-CO-03": "La date d’exigibilité de la TVA (BT-7) et son code (BT-8) s’excluent.",
    "BR-CO-05": "Le motif d’une remise (BT-97) et son code (BT-98) se contredisent.",
    "BR-CO-06": "Le motif d’une majoration (BT-104) et son code (BT-105) se contredisent.",
    "BR-CO-07": "Le motif d’une remise de ligne (BT-139) et son code (BT-140) se contredisent.",
    "BR-CO-08": "Le motif d’une majoration de ligne (BT-144) et son code (BT-145) se contredisent.",
    "BR-CO-19": "La période de facturation (BG-14) n’a ni début (BT-73) ni fin (BT-74).",
    "BR-CO-20": "La période d’une ligne (BG-26) n’a ni début (BT-134) ni fin (BT-135).",
    "BR-CO-21": "Une remise (BG-20) n’a pas de motif (BT-97 ou BT-98).",
    "BR-CO-22": "Une majoration (BG-21) n’a pas de motif (BT-104 ou BT-105).",
    "BR-CO-23": "Une remise de ligne (BG-27) n’a pas de motif (BT-139 ou BT-140).",
    "BR-CO-24": "Une majoration de ligne (BG-28) n’a pas de motif (BT-144 ou BT-145).",
    "BR-CO-27": "Le compte à créditer (BT-84) est un IBAN ou un autre identifiant, et un seul des deux.",
    "BR-IC-11": "Une livraison intracommunautaire demande une date de livraison (BT-72) ou une période (BG-14).",
    "BR-IC-12": "Une livraison intracommunautaire demande le pays de livraison (BT-80).",
    "BR-O-11": "Hors du champ de la TVA, le détail de TVA (BG-23) n’a pas d’autre catégorie.",
    "BR-O-12": "Hors du champ de la TVA, aucune ligne n’a une autre catégorie (BT-151).",
    "BR-O-13": "Hors du champ de la TVA, aucune remise n’a une autre catégorie (BT-95).",
    "BR-O-14": "Hors du champ de la TVA, aucune majoration n’a une autre catégorie (BT-102).",
    "UBL-CR-002": "La version d’UBL, si elle est donnée, est 2.1.",
    "CII-DT-097": "Une date de format 102 s’écrit AAAAMMJJ.",
    "PEPPOL-EN16931-R008": "Un élément est vide : un élément sans valeur se retire du document.",
    "UBL-DT-01": "Un montant a plus de deux décimales.",
    "UBL-SR-01": "Le numéro de marché ou de contrat (BT-12) figure plusieurs fois.",
    "UBL-SR-05": "Les conditions de paiement (BT-20) figurent plusieurs fois.",
    "UBL-SR-06": "La facture antérieure (BG-3) figure plusieurs fois.",
    "UBL-SR-07": "Une facture antérieure (BG-3) est citée sans son numéro (BT-25).",
    "UBL-SR-08": "La période de facturation (BG-14) figure plusieurs fois.",
    "UBL-SR-09": "Le nom du vendeur (BT-27) figure plusieurs fois.",
    "UBL-SR-10": "Le nom commercial du vendeur (BT-28) figure plusieurs fois.",
    "UBL-SR-11": "L’identifiant légal du vendeur (BT-30) figure plusieurs fois.",
    "UBL-SR-12": "Le numéro de TVA du vendeur (BT-31) figure plusieurs fois.",
    "UBL-SR-13": "L’identifiant fiscal du vendeur (BT-32) figure plusieurs fois.",
    "UBL-SR-15": "Le nom de l’acheteur (BT-44) figure plusieurs fois.",
    "UBL-SR-16": "L’identifiant de l’acheteur (BT-46) figure plusieurs fois : ce profil n’en admet qu’un.",
    "UBL-SR-17": "L’identifiant légal de l’acheteur (BT-47) figure plusieurs fois.",
    "UBL-SR-18": "Le numéro de TVA de l’acheteur (BT-48) figure plusieurs fois.",
    "UBL-SR-44": "La référence de paiement (BT-83) figure plusieurs fois avec des valeurs différentes.",
    "UBL-SR-47": "Les modes de paiement (BT-81) diffèrent entre eux.",
    "BR-CL-24": "Le type d’une pièce jointe (MIME) n’est pas l’un de ceux que la norme admet.",
    "BR-CL-27": "Le code Incoterms n’est pas dans la liste admise.",
    "BR-FREXT-04": "Le code d’une caractéristique d’article n’est pas dans la liste admise.",
    "BR-FREXT-05": "Le type d’une ligne (EXT-FR-FE-163) n’est pas dans la liste admise.",
    "BR-FREXT-06": "Une ligne nomme sa ligne parente (EXT-FR-FE-162) sans donner son type (EXT-FR-FE-163).",
    "BR-FREXT-08": "Le montant d’une ligne de regroupement (BT-131) n’est pas la somme de ses lignes.",
    "BR-FREXT-11": "La ligne parente citée (EXT-FR-FE-162) n’existe pas dans la facture.",
    "BR-FREXT-12": "Un regroupement a un montant (BT-131), mais l’un de ceux qu’il contient n’en a pas.",
    "BR-FREXT-22": "Une ligne n’a pas de quantité (BT-129).",
    "BR-FREXT-23": "Une ligne n’a pas d’unité de mesure (BT-130).",
    "BR-FREXT-24": "Une ligne n’a pas de montant net (BT-131).",
    "BR-FX-EN-04": "La date d’exécution manque (BT-72, la période BG-14, ou celle de chaque ligne BG-26).",
    "BR-FXEXT-01": "Une note (BG-1) a un code (BT-21) sans texte (BT-22).",
    "BR-FXEXT-02": "La note d’une ligne a un code sans texte (BT-127).",
    "BR-FXEXT-04": "Le code d’une caractéristique d’article n’est pas dans la liste admise.",
    "BR-FXEXT-06": "Une ligne nomme sa ligne parente (BT-X-304) sans donner son type (BT-X-8).",
    "BR-FXEXT-08": "Le montant d’une ligne de regroupement (BT-131) n’est pas la somme de ses lignes.",
    "BR-FXEXT-11": "La ligne parente citée (BT-X-304) n’existe pas dans la facture.",
    "BR-FXEXT-12": "Un regroupement a un montant (BT-131), mais l’un de ceux qu’il contient n’en a pas.",
    "BR-FXEXT-S08": "La base de TVA (BT-116) au taux normal n’est pas la somme des lignes, remises et majorations.",
    "CII-DT-037": "Le type de taxe n’est pas « VAT ».",
    "CII-SR-046": "Un identifiant GlobalID n’a pas de schéma.",
    "CII-SR-119": "Un prix ne porte qu’une remise, jamais une majoration.",
    "CII-SR-463": "Une remise ou une majoration (BG-20, BG-21) ne dit pas laquelle des deux elle est.",
    "CII-SR-467": "Les modes de paiement (BT-81) diffèrent entre eux.",
    "CII-SR-468": "Les libellés du mode de paiement (BT-82) diffèrent entre eux.",
    "CII-SR-470": "Le compte à créditer (BT-84) est un IBAN ou un autre identifiant, et un seul des deux.",
    "CII-SR-471": "Une remise ou une majoration n’a pas de catégorie de TVA (BT-95, BT-102).",
    "CII-SR-472": "Une remise ou une majoration n’a pas de taux de TVA (BT-96, BT-103).",
    "CII-SR-474": "Une ligne cite plusieurs objets facturés (BT-128).",
    "UBL-DT-06": "Une pièce jointe n’a pas de type (attribut mimeCode).",
    "UBL-DT-07": "Une pièce jointe n’a pas de nom de fichier (attribut filename).",
    "UBL-FREXT-SR-48": "Une ligne a une catégorie de TVA (BT-151), et une seule.",
    "UBL-SR-19": "Le nom du bénéficiaire du paiement (BT-59) figure plusieurs fois.",
    "UBL-SR-20": "L’identifiant du bénéficiaire du paiement (BT-60) figure plusieurs fois.",
    "UBL-SR-24": "Les informations de livraison (BG-13) figurent plusieurs fois.",
    "UBL-SR-40": "Le nom commercial de l’acheteur (BT-45) figure plusieurs fois.",
    "UBL-SR-42": "Le vendeur a plus de deux identifiants fiscaux (BT-31, BT-32).",
    "UBL-SR-45": "L’échéance (BT-9) figure plusieurs fois.",
    "UBL-SR-50": "La description d’un article (BT-154) figure plusieurs fois.",
    "UBL-SR-51": "Une adresse n’a qu’une troisième ligne.",
    "UBL-SR-53": "Un régime de TVA est donné sans son numéro de TVA.",
    "UBL-SR-48": "Une ligne a une catégorie de TVA (BT-151), et une seule.",
}
_CATEGORIES: Mapping[str, str] = {
    "S": "taux normal (S)",
    "Z": "taux zéro (Z)",
    "E": "exonération (E)",
    "AE": "autoliquidation (AE)",
    "IC": "livraison intracommunautaire (K)",
    "G": "exportation (G)",
    "O": "hors du champ de la TVA (O)",
    "AF": "IGIC des Canaries (L)",
    "AG": "IPSI de Ceuta et Melilla (M)",
}
# What the rules of every category of VAT say alike, by the number that ends their code.
_OF_CATEGORY: Mapping[str, str] = {
    "01": "La catégorie de TVA « {0} » est employée : le détail de TVA (BG-23) doit la porter.",
    "02": "Une ligne de catégorie « {0} » ne va pas avec les identifiants fiscaux donnés (BT-31, BT-32, BT-63, BT-48).",
    "03": "Une remise de catégorie « {0} » ne va pas avec les identifiants fiscaux donnés (BT-31, BT-32, BT-63).",
    "04": "Une majoration de catégorie « {0} » ne va pas avec les identifiants fiscaux donnés (BT-31, BT-32, BT-63).",
    "05": "Le taux de TVA d’une ligne (BT-152) ne convient pas à la catégorie « {0} ».",
    "06": "Le taux de TVA d’une remise (BT-96) ne convient pas à la catégorie « {0} ».",
    "07": "Le taux de TVA d’une majoration (BT-103) ne convient pas à la catégorie « {0} ».",
    "08": "La base de TVA (BT-116) de catégorie « {0} » n’est pas la somme des lignes, remises et majorations.",
    "09": "Le montant de TVA (BT-117) de catégorie « {0} » n’est pas celui que donnent sa base et son taux.",
    "10": "Le motif d’exonération (BT-120, BT-121) ne convient pas à la catégorie « {0} » : il manque, ou est de trop.",
}
# Warnings of the extended formats, which read the exemption's reason on each line too, or not at all.
_BY_REASON: Mapping[str, str] = {
    "rev": "Les lignes de catégorie « {0} » ne répètent pas le motif d’exonération (BT-120, BT-121) du détail de TVA, "
    "ou ne font pas sa base (BT-116) avec lui. Sans effet si le motif n’est donné qu’une fois.",
    "ini": "Tous motifs d’exonération réunis, une base de TVA (BT-116) de catégorie « {0} » n’est pas la somme des "
    "lignes, remises et majorations.",
}
# The rest is said by the shape of the English text: nine rules in ten are about the place or number of an element.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(shape), said)
    for shape, said in (
        (r"decimals for the .*\((BT-\d+)\) is 2", "Le montant {0} a plus de deux décimales."),
        (r"Value of '(.+?)' is not allowed", "La valeur de « {0} » n’est pas dans la liste admise."),
        (r"Attribute '?(\S+?)' marked as not used", "L’attribut « {0} » n’a pas sa place ici."),
        (r"Element (?:variant )?'(.+)' is marked as not used", "L’élément « {0} » n’a pas sa place ici."),
        (r"Attribute '(.+?)' is required", "L’attribut « {0} » manque."),
        (r"Element (?:variant )?'(.+)' must occur exactly (\d+) times", "L’élément « {0} » doit figurer {1} fois."),
        (r"Element (?:variant )?'(.+)' may occur at maximum (\d+) times", "L’élément « {0} » figure plus de {1} fois."),
        (
            r"Element (?:variant )?'(.+)' must occur at least (\d+) times",
            "L’élément « {0} » doit figurer {1} fois au moins.",
        ),
        (
            r"^A UBL (?:invoice|credit note) (?:should|shall) not include (?:an? |the )?(.+?)\.?$",
            "Une facture ne porte pas « {0} » en UBL.",
        ),
        (r"^(\w+) (?:must|shall|should) (?:exist|occur) exactly once", "L’élément « {0} » doit figurer 1 fois."),
        (r"^(.+?) ?sh(?:ould|all) not be (?:present|used)", "L’élément « {0} » n’a pas sa place ici."),
        (r"^(.+?) sh(?:ould|all) (?:exist|occur) (?:at most|maximum) once", "L’élément « {0} » figure plus de 1 fois."),
        (
            r"^(?:Only one|An Invoice shall contain maximum one) (.+?)(?: (?:should|shall|is|with) .*)?\.?$",
            "L’élément « {0} » figure plus de 1 fois.",
        ),
        (
            r"^(.+?) (?:MUST|shall) be coded (?:using|by|according to) (?:a restriction of )?(.+?)\.?$",
            "Une valeur n’est pas dans la liste de codes « {1} ».",
        ),
        (r"^ListID for Charges and Tax", "La liste du code d’une majoration (listID) est 7161 ou 5153."),
        (r"MUST belong to the (.+?)(?: code)? list", "Une valeur n’est pas dans la liste de codes « {0} »."),
    )
)
_PREFIX = re.compile(r"^.*?\[[\w-]*-[\w-]*\]\s*[-–:]?\s*")
_FRENCH_PREFIX = re.compile(r"^\s*BR-FR-[\w/. -]*?\s*:\s*")
# BR-FREXT-CO-10 and BR-FXEXT-CO-10 are BR-CO-10 with a tolerance.
_EXTENDED = re.compile(r"^BR-F[RX]EXT-(?:BR-)?(?=[A-Z]+-\d|\d\d-|(?<=BR-)\d)")
_NAMESPACE = re.compile(r"\b(?:ram|rsm|udt|qdt|cac|cbc):")
_FAMILY = re.compile(r"^BR-([A-Z]{1,2})-(\d\d)$")
_REASONED = re.compile(r"^BR-([A-Z]{1,2})-08(ini|rev)$")


def sentence(rule: str, text: str) -> str:
    """Our French sentence for `rule`; where there is none, it is said so and the rule's own text follows."""
    clean = " ".join(text.split())
    if rule.startswith("BR-FR-"):
        return _FRENCH_PREFIX.sub("", clean) or rule
    base = _EXTENDED.sub("BR-", rule)
    if said := EUROPEAN.get(rule) or EUROPEAN.get(base):
        return said
    family = _FAMILY.match(base)
    if family and family[1] in _CATEGORIES and family[2] in _OF_CATEGORY:
        return _OF_CATEGORY[family[2]].format(_CATEGORIES[family[1]])
    if (reasoned := _REASONED.match(base)) and reasoned[1] in _CATEGORIES:
        return _BY_REASON[reasoned[2]].format(_CATEGORIES[reasoned[1]])
    own = _PREFIX.sub("", clean)
    return _by_shape(own) or f"La règle {rule} n’est pas respectée. Son texte, en anglais : {own or rule}"


def _by_shape(text: str) -> str:
    for shape, said in _SHAPES:
        if found := shape.search(text):
            return said.format(*(_NAMESPACE.sub("", part) for part in found.groups()))
    return ""
