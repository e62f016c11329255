"""The four errors that leave the domain. api/errors.py maps each one, once, to HTML and to problem+json."""


class DomainError(Exception):
    """Base of the four; `sentence` is French and shown to people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Refused(DomainError):
    """A rule forbids it. `article` names the text where there is one (409)."""

    def __init__(self, sentence: str, article: str = "") -> None:
        super().__init__(sentence)
        self.article = article


class NotFound(DomainError):
    """It does not exist, or not for this person: the two are never told apart (404)."""

    def __init__(self, sentence: str = "Cette page n’existe pas, ou vous n’y avez pas accès.") -> None:
        super().__init__(sentence)


class Invalid(DomainError):
    """What was typed cannot be taken: field → sentence (422)."""

    def __init__(self, fields: dict[str, str], sentence: str = "Corrigez les réponses signalées.") -> None:
        super().__init__(sentence)
        self.fields = fields


class Unavailable(DomainError):
    """Something outside did not answer; nothing is lost, try again after `retry_after` seconds (503)."""

    def __init__(self, sentence: str, retry_after: int = 30) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
