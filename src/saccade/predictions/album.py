"""Images that last: taking one in, asking models of it, drawing it, erasing it. Routes and faces call this."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from saccade.caller import Caller
from saccade.errors import ImageUnknown, ObjectMissing, SaccadeError, UnavailableError
from saccade.images.blobs import IMAGE_BLOBS, Blobs, new_blob_key
from saccade.images.gate import DecodeGate
from saccade.images.intake import taken
from saccade.images.limits import Limits
from saccade.images.ports import ImageRecords, ImageSearch
from saccade.images.records import ImagePrediction, ImageRecord, NewImage, Traits
from saccade.images.traits import traits_of
from saccade.models.prediction import Entry
from saccade.models.registry import Registry
from saccade.predictions.answer import Answer, PredictOptions
from saccade.predictions.drawing import draw, entries_of
from saccade.predictions.remembered import remembered
from saccade.predictions.service import Predictor
from saccade.predictions.stored import same_answer
from saccade.vision.drawn import DrawnFormat, check_size


@dataclass(frozen=True, slots=True)
class Told:
    """What one model says of an image that is remembered.

    Attributes:
        model: As it was asked for.
        prediction: JSON text as clients see it; None where there is a problem.
        stored: Whether it was remembered already, and nothing was computed.
        problem: Why there is no prediction; the image is remembered all the same, and may be sent again.
    """

    model: str
    prediction: str | None = None
    stored: bool = False
    problem: SaccadeError | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """An image that was taken in.

    Attributes:
        created: False if its owner had it before.
        told: What each model that was asked says, in the order asked.
    """

    record: ImageRecord
    created: bool
    told: tuple[Told, ...] = ()


class Album:
    """The images of everybody, each owner's apart. Thread-safe, and blocking."""

    def __init__(
        self,
        predictor: Predictor,
        registry: Registry,
        records: ImageRecords,
        search: ImageSearch,
        blobs: Blobs,
        *,
        limits: Limits,
        gate: DecodeGate,
        max_wait_s: float,
    ) -> None:
        """Tie the parts together.

        Args:
            predictor: Asks models.
            registry: Knows them.
            records: Remembers.
            search: Finds.
            blobs: Keeps bytes.
            limits: What a picture may cost.
            gate: Bounds the memory of pictures that are decoded at once.
            max_wait_s: How long somebody who watches waits for memory to decode a picture in.
        """
        self._predictor = predictor
        self._registry = registry
        self.records = records
        self.search = search
        self._blobs = blobs
        self._limits = limits
        self._gate = gate
        self._max_wait_s = max_wait_s

    def put(
        self,
        data: bytes,
        *,
        owner: str,
        file_name: str | None = None,
        models: Sequence[str] = (),
        options: PredictOptions | None = None,
        caller: Caller | None = None,
        on_answer: Callable[[str, Answer | SaccadeError], None] = lambda *_: None,
    ) -> Kept:
        """Remember a picture, and ask models of it.

        What a model of these very files said before, asked in the same way, is not computed again. A model that fails
        leaves the image remembered, and what others said with it.

        Args:
            data: The encoded picture.
            owner: Whose it becomes.
            file_name: As it was sent; a name that is new is added to the others.
            models: Names, or ``name@version``; asked one after the other.
            options: What is asked for, the same for all.
            caller: Who waits; models that have not begun when they leave are not asked. By default the owner, who never
                leaves.
            on_answer: Told each answer, or what went wrong, as it comes.

        Raises:
            ModelUnknown: One of the models does not exist; nothing was stored.
            ImageUnknown: Its owner erased the image while models were asked.
            RequestError: The bytes are no picture that is taken; nothing was stored.
            UnavailableError: The database or the store does not answer, or is full, or too many pictures are decoded
                at this moment.
            CallerLeft: The caller left before all models were asked; what was said until then is remembered.
        """
        asked, who = options or PredictOptions(), caller or Caller(owner)
        for model in models:
            self._registry.status(model)
        record, created = self._remember(data, owner, file_name, who)
        told = [self._ask(model, data, record, asked, who, on_answer) for model in models]
        if models:
            record = self.records.image(owner, record.traits.sha256)
        return Kept(record, created, tuple(told))

    def content(self, record: ImageRecord) -> bytes:
        """Return the bytes as they were sent.

        Raises:
            ImageUnknown: Its owner has erased the image meanwhile.
            ObjectMissing: They are gone.
            UnavailableError: The place of bytes does not answer.
        """
        try:
            return self._blobs.get(record.blob_key)
        except ObjectMissing:
            known = self.records.image(record.owner, record.traits.sha256)
            if known.blob_key == record.blob_key:
                raise
            return self._blobs.get(known.blob_key)  # erased, and sent again

    def annotated(
        self, record: ImageRecord, said: ImagePrediction, drawn: DrawnFormat, *, threshold: float | None = None
    ) -> bytes:
        """Return the picture with what a model said of it drawn on.

        Args:
            record: Of the picture.
            said: One of its predictions.
            drawn: What is written.
            threshold: Lowest score that is drawn; None draws all that is stored.

        Raises:
            ImageUnknown: Its owner has erased the image meanwhile.
            ObjectMissing: The bytes are gone.
            UnavailableError: The place of bytes does not answer, or too many pictures are decoded at this moment.
            ParameterInvalid: The format cannot hold a picture of this size.
        """
        check_size(drawn, width_px=record.traits.width_px, height_px=record.traits.height_px)
        data = self.content(record)
        entries: tuple[Entry, ...] = entries_of(said.prediction)
        if threshold is not None:
            entries = tuple(entry for entry in entries if entry.score >= threshold)
        with taken(data, self._limits, self._gate, max_wait_s=self._max_wait_s) as (picture, _):
            return draw(picture.rgb, entries, drawn)

    def erase(self, owner: str, sha256: str) -> None:
        """Forget an image of an owner wherever it is, its bytes and cached answers too.

        Raises:
            ImageUnknown: The owner has no such image.
            DatabaseUnreachable: The database does not answer.
        """
        try:
            key = self.records.image(owner, sha256).blob_key
        except ImageUnknown:
            key = None  # it may stand in jobs alone
        self.records.erase(owner, sha256)
        self._predictor.forget(owner, sha256)
        if key is not None:
            with suppress(UnavailableError):  # it is garbage by now, and swept later
                self._blobs.delete_many([key])

    def _remember(self, data: bytes, owner: str, file_name: str | None, caller: Caller) -> tuple[ImageRecord, bool]:
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            known = self.records.image(owner, sha256)
        except ImageUnknown:
            known = None
        if known is not None and (file_name is None or file_name in known.file_names):
            return known, False
        traits = known.traits if known is not None else self._traits(data, caller)
        # Also where the picture is known: it may be erased at this moment, and its blob with it.
        key = new_blob_key(place=IMAGE_BLOBS)
        self._blobs.put_many({key: data})
        made = self.records.remember(NewImage(owner, traits, key, file_name))
        if not made.created:
            with suppress(UnavailableError):  # nobody names it, so it is swept later
                self._blobs.delete_many([key])
        return made.record, made.created

    def _traits(self, data: bytes, caller: Caller) -> Traits:
        with taken(data, self._limits, self._gate, caller=caller, max_wait_s=self._max_wait_s) as (picture, _):
            return traits_of(data, picture)

    def _ask(
        self,
        model: str,
        data: bytes,
        record: ImageRecord,
        options: PredictOptions,
        caller: Caller,
        on_answer: Callable[[str, Answer | SaccadeError], None],
    ) -> Told:
        caller.check()
        try:
            said = same_answer(record, self._registry.status(model), options)
            if said is not None:
                return Told(model, said.prediction, stored=True)
            answer = self._predictor.predict(data, model=model, options=options, caller=caller)
        except SaccadeError as problem:
            on_answer(model, problem)
            return Told(model, problem=problem)
        on_answer(model, answer)
        new = remembered(answer, options)
        try:
            self.records.add_predictions(record.owner, record.traits.sha256, [new])
        except ImageUnknown:  # erased meanwhile, perhaps before the answer was kept
            self._predictor.forget(record.owner, record.traits.sha256)
            raise
        return Told(model, new.prediction)
