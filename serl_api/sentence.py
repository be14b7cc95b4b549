"""Keeps the sentences of errors short, whatever a file made long in them."""

LONGEST_TEXT = 1000
_KEPT_END = 300
"""Characters at the end, where a sentence says what to do."""
_GAP = " [...] "


class SentenceError(Exception):
    """Raised with one sentence for people; a long one is told in part."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(in_part(value) if isinstance(value, str) else value for value in arguments))


def in_part(text: str) -> str:
    """Returns a text, or the beginning and the end of one that is longer than `LONGEST_TEXT`."""
    if len(text) <= LONGEST_TEXT:
        return text
    return text[: LONGEST_TEXT - _KEPT_END - len(_GAP)] + _GAP + text[-_KEPT_END:]
