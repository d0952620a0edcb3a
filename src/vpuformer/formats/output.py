"""The folder that a writer fills. Every file is written whole or not at all, and once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vpuformer.errors import InputError
from vpuformer.files import replacing, write_errors
from vpuformer.formats.affected import Affected
from vpuformer.formats.naming import UniqueNames


@dataclass(frozen=True, slots=True)
class Written:
    """Result of an export."""

    files: tuple[str, ...]
    """Paths within the folder, with forward slashes, in the order in which they were written."""
    images: int
    objects: int
    notes: tuple[str, ...]
    """Sentences about what the format could not hold, and other facts about the files."""


class Output:
    """Files of one export, and notes about them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, None] = {}
        self._stems = UniqueNames()
        self._notes: list[str] = []
        self._empty = Affected()
        self.images = 0
        self.objects = 0

    @property
    def renamed(self) -> Affected:
        """Images whose files keep the ending of the image, since another one has the same stem."""
        return self._stems.renamed

    def stem(self, image: str) -> str:
        """The name, without ending, for the files about an image; call this once an image."""
        self.images += 1
        return self._stems.of(image)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, named by its path within the folder; folders in it are made.

        Raises:
            InputError: the disk does not take it, or the name has been used.
        """
        with self.writing(name) as file:
            file.write(content)

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """A file to write piece by piece; see `write`."""
        target = self._folder / name
        if name in self._files:
            raise InputError(f"two images would both write {name}; rename one of them")
        with write_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary, temporary.open("wb") as file:
            yield file
        self._files[name] = None

    def leave_out(self, image: str) -> None:
        """Count an empty object on this image, which the format cannot hold."""
        self._empty.add(image)

    def note(self, sentence: str | None) -> None:
        """Add a note, if there is one."""
        if sentence is not None:
            self._notes.append(sentence)

    def done(self) -> Written:
        """The result, with all notes."""
        self.note(self._empty.note("object", "without a pixel could not be written"))
        self.note(
            self.renamed.note(
                "image", "had the name of another one but for the ending, which the files of the later one keep"
            )
        )
        self.note(
            self._stems.altered.note(
                "image",
                "had a name that some file systems do not take or that leaves no room for an ending, and the files"
                " about it are called otherwise",
            )
        )
        return Written(tuple(self._files), self.images, self.objects, tuple(self._notes))
