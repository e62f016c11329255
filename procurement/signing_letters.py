"""The mails of the signing circuit. They carry no secret: whoever signs connects with that address."""

from collections.abc import Mapping

# Kind of act → the mail to a company that signs besides the holder.
ASKED: Mapping[str, str] = {
    "acte_engagement": """Madame, Monsieur,

Le marché {contract.number} « {consultation.object} » est attribué à votre groupement. La signature de {signer.company}
est demandée sur l’acte d’engagement.

Connectez-vous avec cette adresse ({signer.email}), puis ouvrez « À signer ».

{contract.organisation.name}
""",
    "dc4": """Madame, Monsieur,

{contract.holder_name} déclare {signer.company} comme sous-traitant du marché {contract.number}
« {consultation.object} ». Votre signature est demandée sur l’acte spécial de sous-traitance (DC4), qui porte votre
déclaration.

Connectez-vous avec cette adresse ({signer.email}), puis ouvrez « À signer ».

{contract.organisation.name}
""",
    "avenant": """Madame, Monsieur,

Le marché {contract.number} « {consultation.object} » est modifié. La signature de {signer.company} est demandée sur
l’avenant.

Connectez-vous avec cette adresse ({signer.email}), puis ouvrez « À signer ».

{contract.organisation.name}
""",
}
BUYERS_TURN = """Madame, Monsieur,

Le titulaire a signé l’{name} du marché {contract.number} « {consultation.object} ». C’est à vous : ouvrez
« À signer ». Le service refuse votre signature avant la fin du délai, et tant qu’un recours est en cours.

{contract.organisation.name}
"""
REMINDER = """Madame, Monsieur,

La signature de {signer.company} est attendue sur l’{name} du marché {contract.number}
« {consultation.object} ». Connectez-vous avec cette adresse, puis ouvrez « À signer ».

{contract.organisation.name}
"""
