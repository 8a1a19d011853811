"""What runs a model that is elsewhere: pictures go there, and what comes back is checked like a plug-in's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from saccade.errors import PluginFailed, RemoteFailed
from saccade.models.package import Package, RemoteSpec
from saccade.models.ports import Remote
from saccade.models.prediction import Entry
from saccade.models.runners import RunOptions, Work, wanted_entries
from saccade.vision.arrays import RgbImage


class RemoteRunner:
    """A model on another server, behind the verbs of every runner."""

    def __init__(self, package: Package, spec: RemoteSpec, remote: Remote) -> None:
        """Bind a package to what asks its model."""
        self._card = package.card
        self._remote = remote
        self._runtime = f"remote/{spec.protocol}"
        #: Who registered itself may not have said all of its labels.
        self._learns = spec.is_limited

    @property
    def runtime(self) -> str:
        """By which protocol it is asked."""
        return self._runtime

    @property
    def problem(self) -> str | None:
        """Why the other server does not answer."""
        return self._remote.problem

    @property
    def batchable(self) -> bool:
        """What asks takes a list."""
        return True

    @property
    def keeps_pictures(self) -> bool:
        """The picture itself is sent."""
        return True

    def prepare(self, image: RgbImage, candidate_labels: tuple[str, ...] = ()) -> Work[RgbImage]:  # noqa: ARG002
        """Hand the picture on as it is; no remote model is told what to look for."""
        return Work(image, "remote", image.shape[0] * image.shape[1])

    def run(self, works: Sequence[RgbImage]) -> Sequence[object]:
        """Ask the other server.

        Raises:
            ModelUnavailable: It does not answer.
            RemoteFailed: It refused, failed, or did not answer each picture.
        """
        answers = self._remote.predict(works)
        if len(answers) != len(works):
            raise RemoteFailed(f"{self._card.reference} answered {len(answers)} of {len(works)} pictures.")
        return answers

    def finish(self, work: RgbImage, raw: object, options: RunOptions) -> tuple[Entry, ...]:
        """Check what the other server said and keep what was asked for.

        Raises:
            RemoteFailed: The answer is no list of predictions.
        """
        try:
            entries = wanted_entries(raw, self._card, work, options)
        except PluginFailed as error:
            raise RemoteFailed(str(error).replace("The plug-in", "The remote model")) from error
        return tuple(self._known(entry) for entry in entries)

    def _known(self, entry: Entry) -> Entry:
        """Return a prediction with the number that its label has here.

        Raises:
            RemoteFailed: The package says which labels there are, and this is none: another model answers there.
        """
        labels = self._card.labels
        if entry.label in labels:
            return replace(entry, class_id=labels.index(entry.label))
        if labels and not self._learns:
            raise RemoteFailed(
                f"The remote model {self._card.reference} answered {entry.label[:100]!r}, which is none of its labels.",
                hint="Look whether the right model runs there, or mend `labels` in its saccade.yaml.",
            )
        return entry

    def close(self) -> None:
        """Ask no more."""
        self._remote.close()
