"""An object as loaded for one request: its steps, and the answers that the request needs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from vpuformer.app.annotation import history
from vpuformer.app.schemas import Choice, ObjectState, StoredStep
from vpuformer.app.step_schemas import RleMask
from vpuformer.app.store import rle
from vpuformer.app.store.person import current_person
from vpuformer.app.store.rows import ObjectRow, StepAnswer, StepRow, last_answered
from vpuformer.app.store.store import Store
from vpuformer.arrays import Size


class LoadedObject:
    """An object with all its steps, undone ones too. Each answer is read at most once."""

    def __init__(self, store: Store, row: ObjectRow, steps: list[StepRow]) -> None:
        self.row, self.steps = row, steps
        self._store = store
        self._answers: dict[int, StepAnswer | None] = {}

    @classmethod
    def all_of(cls, store: Store, image: int) -> list[Self]:
        """Load the objects of an image together, with their masks, for `state`."""
        loaded = [cls(store, *history) for history in store.histories(image)]
        shown = [(each, index) for each in loaded if (index := each.answered_index) is not None]
        masks = store.masks_of([each.steps[index].id for each, index in shown])
        for each, index in shown:
            step = each.steps[index]
            if step.id in masks:
                each._answers[index] = StepAnswer(masks[step.id], step.area)
        return loaded

    @property
    def unanswered(self) -> bool:
        """Whether the last step in force has no answer yet."""
        return self.row.at > 0 and not self.steps[self.row.at - 1].answered

    @property
    def answered_index(self) -> int | None:
        """Index of the last answered step in force, or None."""
        return last_answered(self.row, self.steps)

    @property
    def waits(self) -> bool:
        """Whether this is a single box without an answer, such as an imported one.

        A box that keeps off other objects was drawn on the page, and is answered there.
        """
        alone = self.unanswered and len(self.steps) == 1 and not self.kept_off(0)
        return alone and self.steps[0].content["type"] == "box"

    def contents(self, index: int) -> list[history.Content]:
        """Return the contents of the steps up to and including this one."""
        return [step.content for step in self.steps[: index + 1]]

    def answer(self, index: int) -> StepAnswer | None:
        """Return the answer of a step, or None if it is unanswered."""
        if index not in self._answers:
            self._answers[index] = self._store.answer_of(self.steps[index].id)
        return self._answers[index]

    def kept_off(self, index: int) -> tuple[int, ...]:
        """Return the ids of other objects' steps whose masks the answer of this step leaves out."""
        return tuple(self.steps[index].content.get("keep_off", ()))

    def store_answer(self, index: int, answer: StepAnswer) -> None:
        """Store the answer of a step."""
        step = self.steps[index]
        content = {**step.content, "scores": answer.scores} if answer.scores else step.content
        self._store.answer(step.id, answer, None if content is step.content else content)
        self.steps[index] = replace(step, content=content)
        self._remember(index, answer)

    def with_step(self, identity: int, content: dict[str, Any], answer: StepAnswer | None) -> "LoadedObject":
        """Return the object with a step that the store just added in place of the undone ones."""
        row = replace(self.row, revision=self.row.revision + 1, at=self.row.at + 1)
        step = StepRow(identity, content, False, 0, None, current_person.get())
        added = LoadedObject(self._store, row, [*self.steps[: self.row.at], step])
        added._answers = {index: former for index, former in self._answers.items() if index < self.row.at}
        if answer is not None:
            added._remember(self.row.at, answer)
        return added

    def state(self, size: Callable[[], Size], *, since: int = 0, mask_of: int | None = None) -> ObjectState:
        """Return the object as the page gets it.

        Args:
            size: returns height and width of the image; called only if the state has a mask.
            since: number of steps at the beginning to omit because the page has them.
            mask_of: number of steps that the page's mask answers; None to send the mask in any case.
        """
        row, index = self.row, self.answered_index
        answered = 0 if index is None else index + 1
        active = history.active_prompts(self.contents(row.at - 1))
        mask_known = answered == mask_of
        return ObjectState(
            id=row.id,
            image=row.image,
            label=row.label,
            accepted=row.accepted,
            deleted=row.deleted,
            attributes=dict(row.attributes),
            revision=row.revision,
            at=row.at,
            answered=answered,
            since=since,
            live=[each for each in active if each < since],
            steps=[
                StoredStep(
                    **{name: value for name, value in step.content.items() if name in StoredStep.model_fields},
                    live=position in active,
                    person=step.person,
                )
                for position, step in enumerate(self.steps[since:], start=since)
            ],
            mask_known=mask_known,
            mask=None if mask_known else self._mask(index, size),
            area=0 if index is None else self.steps[index].area,
            seconds=None if index is None else self.steps[index].seconds,
            choice=self._choice(answered),
        )

    def _choice(self, answered: int) -> Choice | None:
        content = history.choice(self.contents(answered - 1))
        if content is None:
            return None
        return Choice(index=content["index"] % len(content["scores"]), scores=list(content["scores"]))

    def _mask(self, index: int | None, size: Callable[[], Size]) -> RleMask | None:
        answer = None if index is None or not self.steps[index].area else self.answer(index)
        return None if answer is None else rle.to_message(answer.mask, size())

    def _remember(self, index: int, answer: StepAnswer) -> None:
        self._answers[index] = answer
        self.steps[index] = replace(self.steps[index], answered=True, area=answer.area, seconds=answer.seconds)
