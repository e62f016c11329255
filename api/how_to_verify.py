"""The « mode d'emploi » that a signer with its own tool hands over (arrêté of 22 March 2019, article 6), for them.

The service verifies every file that it takes, so it can write that paper itself. api/how_to_verify_pdf.py draws it.
"""

from dataclasses import dataclass

from procurement.signers import Signer

PADES = "PAdES (signature dans le PDF lui-même, norme ETSI EN 319 142)"
# A token, by the format that its verification read.
TOKENS = {
    "XAdES": "XAdES (jeton .xml à côté de l’acte, norme ETSI EN 319 132)",
    "CAdES": "CAdES (jeton .p7s à côté de l’acte, norme ETSI EN 319 122)",
}
NOTE = (
    "L’article 6 de l’arrêté du 22 mars 2019 relatif à la signature électronique des contrats de la commande publique "
    "demande au signataire qui emploie son propre outil de donner gratuitement de quoi vérifier sa signature. Ce mode "
    "d’emploi est écrit par le service pour le compte du signataire."
)


@dataclass(frozen=True)
class HowTo:
    """The paper in words: pairs are (label, value)."""

    title: str
    reference: str
    author: str
    facts: list[tuple[str, str]]
    steps: list[str]
    note: str = NOTE


def how_to(signer: Signer, public_url: str) -> HowTo:
    """Of one signature made with the signer's own tool, from what its verification found."""
    act = signer.act
    return HowTo(
        title="Mode d’emploi pour vérifier une signature",
        reference=f"{act.reference}, signature de {signer.company}",
        author=signer.company,
        facts=[
            ("Signataire", signer.person or "à venir"),
            ("Entreprise", f"{signer.company} (SIRET {signer.siret})"),
            *_files(signer),
            ("Outil de signature", signer.tool or "non précisé par le signataire"),
            ("Autorité du certificat", ", ".join(_authorities(signer)) or "à venir"),
        ],
        steps=[
            f"Ouvrez {public_url.rstrip('/')}/verifier, sans compte et sans frais.",
            f"Déposez-y {'l’acte et le jeton' if signer.token_key else 'l’acte signé'}. Rien n’est conservé.",
            "La page dit qui a signé, quand, et ce que valent les cinq points de l’article 5 : identité, catégorie du "
            "certificat, format, validité à la date de la signature, intégrité.",
            "Comparez vous-même l’identité affichée avec celle du signataire attendu et son pouvoir.",
            f"Tout autre outil qui lit le format {_format(signer)} convient aussi.",
        ],
    )


def _format(signer: Signer) -> str:
    return str((signer.token_report or {}).get("format", "PAdES"))


def _files(signer: Signer) -> list[tuple[str, str]]:
    """What is to be verified: the signed act, or the act with its token."""
    name, form = signer.act.file_stem, _format(signer)
    if signer.token_key is None:
        return [
            ("Fichier", f"{name}-signe.pdf"),
            ("Empreinte SHA-256 de l’acte une fois signé", signer.sha256 or "à venir"),
            ("Format de la signature", PADES),
        ]
    return [
        ("Fichiers", f"{name}.pdf et son jeton {signer.token_name}"),
        ("Empreinte SHA-256 de l’acte que le jeton signe", signer.sha256),
        ("Format de la signature", TOKENS.get(form, form)),
    ]


def _authorities(signer: Signer) -> list[str]:
    """Issuers of the certificates of this signer's signatures, as the verification read them."""
    found = (signer.token_report or signer.act.signature_report or {}).get("signatures", ())
    mine = [s for s in found if signer.person and str(s["signer"]) in signer.person]
    issuers = [str((s.get("certificate") or {}).get("issuer") or "") for s in mine]
    return list(dict.fromkeys(filter(None, issuers)))
