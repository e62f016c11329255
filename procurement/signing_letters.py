"""The mails of the signing circuit. They carry no secret: whoever signs connects with that address."""

ASKED = """Madame, Monsieur,

Le marché {contract.number} « {consultation.object} » est attribué à votre groupement. La signature de {signer.company}
est demandée sur l’acte d’engagement.

Connectez-vous avec cette adresse ({signer.email}), puis ouvrez « À signer ».

{contract.organisation.name}
"""
BUYERS_TURN = """Madame, Monsieur,

Le titulaire a signé l’acte d’engagement du marché {contract.number} « {consultation.object} ». C’est à vous : ouvrez
« À signer ». Le service refuse votre signature avant la fin du délai, et tant qu’un recours est en cours.

{contract.organisation.name}
"""
REMINDER = """Madame, Monsieur,

La signature de {signer.company} est attendue sur l’acte d’engagement du marché {contract.number}
« {consultation.object} ». Connectez-vous avec cette adresse, puis ouvrez « À signer ».

{contract.organisation.name}
"""
