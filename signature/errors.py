"""The two refusals of this package, each one French sentence. Both travel between processes (pickle)."""


class SignatureError(Exception):
    """The document cannot be signed with what was given."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Unreadable(Exception):
    """The file, or something given to check it, cannot be read."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
