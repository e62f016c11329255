"""A group that won: its members as the officer types them, one per line, for the act and for who must sign."""

from dataclasses import dataclass
from decimal import Decimal

from api.contracts import read_euros
from dce_templates.dossier import Holder, Member
from procurement.errors import Invalid
from procurement.people import clean_email
from procurement.signing import Company
from siret_lookup.siret import SiretError, parse_siret

GROUPINGS = [("Conjoint", "Groupement conjoint"), ("Solidaire", "Groupement solidaire")]
LEADS = "Mandataire du groupement"
SHAPE = "Une ligne par membre : SIRET ; nom ; courriel ; ce qu’il fait ; part en euros HT."


@dataclass(frozen=True)
class Group:
    """The other members, each with its share; `powers`: the leader signs for all (R2142-23).

    `in_order`: each signs after the one before, as they are listed.
    """

    grouping: str
    members: tuple[Member, ...]
    emails: tuple[str, ...]
    powers: bool
    in_order: bool = False

    @property
    def signing(self) -> tuple[Company, ...]:
        """Those who sign besides the leader."""
        if self.powers:
            return ()
        return tuple(Company(m.siret, m.name, email) for m, email in zip(self.members, self.emails, strict=True))

    def led_by(self, holder: Holder) -> Holder:
        """The act's holder with its group, the leader first. Raises Invalid where the shares do not fit."""
        rest = holder.amount - sum((m.share for m in self.members), Decimal(0))
        if rest <= 0:
            raise Invalid({"members": "Les parts des autres membres dépassent le montant du marché."})
        if holder.siret in {m.siret for m in self.members}:
            raise Invalid({"members": "Le mandataire ne s’écrit pas parmi les autres membres."})
        leader = Member(name=holder.name, siret=holder.siret, work=LEADS, share=rest)
        return Holder(**holder.model_dump() | {"grouping": self.grouping, "members": (leader, *self.members)})


def read_group(grouping: str, text: str, powers: bool, amount: Decimal, in_order: bool = False) -> Group | None:
    """None where no member is named. Raises Invalid with one sentence on the line that is wrong."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    if grouping not in dict(GROUPINGS):
        raise Invalid({"grouping": "Dites si le groupement est conjoint ou solidaire."})
    if len(lines) > 29:
        raise Invalid({"members": "Trente membres au plus."})
    read = [_member(number, line) for number, line in enumerate(lines, 1)]
    if len({member.siret for member, _ in read}) < len(read):
        raise Invalid({"members": "Un même SIRET est écrit deux fois."})
    return Group(grouping, tuple(m for m, _ in read), tuple(email for _, email in read), powers, in_order)


def _member(number: int, line: str) -> tuple[Member, str]:
    parts = [part.strip() for part in line.split(";")]
    if len(parts) != 5 or not all(parts):
        raise Invalid({"members": f"Ligne {number} : {SHAPE}"})
    siret, name, email, work, share = parts
    try:
        known = parse_siret(siret).value
        return Member(name=name, siret=known, work=work, share=read_euros(share)), clean_email(email)
    except SiretError as error:
        raise Invalid({"members": f"Ligne {number} : {error.sentence}"}) from None
    except Invalid as error:
        raise Invalid({"members": f"Ligne {number} : {next(iter(error.fields.values()))}"}) from None
    except ValueError:
        raise Invalid({"members": f"Ligne {number} : {SHAPE}"}) from None
