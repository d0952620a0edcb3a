"""Names of labels, and the labels of a set, numbered in their order."""

import unicodedata
from collections.abc import Sequence

from vpuformer.errors import InputError, unknown_name
from vpuformer.formats.affected import Affected

UNLABELLED = "object"
"""The label of an unlabelled object, in formats that need one."""

LONGEST_LABEL = 200
"""Maximum length of a label in characters."""

JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Invisible, but part of words in many scripts and of many emoji."""


def label_name(text: str) -> str:
    """The name of a label as stored and compared: composed characters (NFC), no outer blanks.

    >>> label_name(" cafe\N{COMBINING ACUTE ACCENT} ")
    'café'

    Raises:
        InputError: it is blank or holds a character that cannot be seen, such as a line end.
    """
    name = unicodedata.normalize("NFC", text).strip()
    seen = name.translate(dict.fromkeys(map(ord, JOINERS)))
    if not seen.strip() or not seen.isprintable():
        raise InputError(f"the label {text!r:.300} is blank or holds a character that cannot be seen; rename it")
    return name


def one_line(text: str, longest: int) -> str | None:
    """Text of any origin as a name on one line, cut to the longest length.

    None if nothing of it can be seen.

    >>> one_line(" a\\n\\tcat ", 100), one_line("\\x00 ", 100)
    ('a cat', None)
    """
    words = "".join(letter if letter.isprintable() or letter in JOINERS else " " for letter in text).split()
    try:
        return label_name(label_name(" ".join(words))[:longest])  # composed characters may be more than they were
    except InputError:
        return None


class LabelNumbers:
    """Numbers of labels, from 0 on, in their order; objects without a label get the last one.

    >>> numbers = LabelNumbers(["cup", "dog"])
    >>> numbers.of("dog", "x.png"), numbers.of(None, "x.png"), numbers.names
    (1, 2, ['cup', 'dog', 'object'])

    Raises:
        InputError: two labels are called alike, or one is blank or holds an invisible character, such as a line end.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.names = list(labels)
        self._numbers = {name: number for number, name in enumerate(self.names)}
        self._without = Affected()
        if len(self._numbers) != len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise InputError(f"two labels are called {twice!r}; rename one of them")
        for name in self.names:
            label_name(name)

    def of(self, label: str | None, image: str) -> int:
        """The number of the label of an object on this image."""
        if label is None:
            self._without.add(image)
            label = UNLABELLED
            if label not in self._numbers:
                self._numbers[label] = len(self.names)
                self.names.append(label)
        if label not in self._numbers:
            raise InputError(unknown_name("label", label, self.names))
        return self._numbers[label]

    def note(self) -> str | None:
        """A sentence about objects without a label; None without any."""
        if not self._without:
            return None
        have = "has no label and is" if self._without.number == 1 else "have no label and are"
        return f"{self._without.of('object')} {have} written as {UNLABELLED!r}: {self._without.images}."
