"""An object in the hands of one request: its steps and those answers that are needed, each read from the store once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vpuformer.app.annotation import history
from vpuformer.app.schemas import ObjectState, RleMask, StoredStep
from vpuformer.app.store import rle
from vpuformer.app.store.rows import ObjectRow, StepAnswer, StepRow, last_answered
from vpuformer.app.store.store import Store
from vpuformer.arrays import Size


class LoadedObject:
    """
    Args:
        store: where the answers are.
        row: the object.
        steps: all of its steps, also those that are undone.
    """

    def __init__(self, store: Store, row: ObjectRow, steps: list[StepRow]) -> None:
        self.row, self.steps = row, steps
        self._store = store
        self._answers: dict[int, StepAnswer | None] = {}

    @property
    def place(self) -> int | None:
        """The place of the step whose answer is how the object stands; None if no step in force has one."""
        return last_answered(self.row, self.steps)

    def contents(self, place: int) -> list[history.Content]:
        """The steps up to and with this one."""
        return [step.content for step in self.steps[: place + 1]]

    def answer(self, place: int) -> StepAnswer | None:
        """What came of a step; None if there is no answer."""
        if place not in self._answers:
            self._answers[place] = self._store.answer_of(self.steps[place].id)
        return self._answers[place]

    def keep(self, place: int, answer: StepAnswer) -> None:
        """Store what came of a step."""
        self._store.answer(self.steps[place].id, answer)
        self._note(place, answer)

    def with_step(self, identity: int, content: dict[str, Any], answer: StepAnswer | None) -> "LoadedObject":
        """The object after this step was added to the store, instead of what had been undone."""
        row = replace(self.row, revision=self.row.revision + 1, at=self.row.at + 1)
        added = LoadedObject(self._store, row, [*self.steps[: self.row.at], StepRow(identity, content, False, 0, None)])
        added._answers = {place: kept for place, kept in self._answers.items() if place < self.row.at}
        if answer is not None:
            added._note(self.row.at, answer)
        return added

    def state(self, size: Callable[[], Size], *, since: int = 0, mask_of: int | None = None) -> ObjectState:
        """The object as the page gets it.

        Args:
            size: tells the height and width of its image; called only if there is a mask to show.
            since: how many steps at the beginning are known to the page and left out.
            mask_of: how many steps are answered by the mask that the page has, if it knows the others too.
        """
        row, place = self.row, self.place
        answered = 0 if place is None else place + 1
        counted = history.active_prompts([step.content for step in self.steps[: row.at]])
        mask_known = answered == mask_of
        return ObjectState(
            id=row.id,
            image=row.image,
            label=row.label,
            accepted=row.accepted,
            deleted=row.deleted,
            revision=row.revision,
            at=row.at,
            answered=answered,
            since=since,
            live=[place for place in counted if place < since],
            steps=[
                StoredStep(**step.content, live=place in counted)
                for place, step in enumerate(self.steps[since:], start=since)
            ],
            mask_known=mask_known,
            mask=None if mask_known else self._mask(place, size),
            area=0 if place is None else self.steps[place].area,
            seconds=None if place is None else self.steps[place].seconds,
        )

    def _mask(self, place: int | None, size: Callable[[], Size]) -> RleMask | None:
        answer = None if place is None or not self.steps[place].area else self.answer(place)
        return None if answer is None else rle.to_message(answer.mask, size())

    def _note(self, place: int, answer: StepAnswer) -> None:
        self._answers[place] = answer
        self.steps[place] = replace(self.steps[place], answered=True, area=answer.area, seconds=answer.seconds)
