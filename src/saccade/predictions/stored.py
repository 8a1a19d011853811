"""Which of the predictions that are stored with an image is meant."""

from __future__ import annotations

from saccade.errors import ModelUnknown, ParameterInvalid
from saccade.images.records import ImagePrediction, ImageRecord
from saccade.models.status import ModelStatus
from saccade.predictions.answer import PredictOptions
from saccade.predictions.remembered import options_text


def same_answer(record: ImageRecord, status: ModelStatus, options: PredictOptions) -> ImagePrediction | None:
    """Return what these very files of a model said when they were asked the same; None if they were not.

    Args:
        record: Of the image.
        status: Of the model that is asked.
        options: What it is asked for.
    """
    if status.card is None:
        return None
    wanted = (status.reference, status.card.digest, options_text(options))
    return next((said for said in record.predictions if (said.model, said.digest, said.options) == wanted), None)


def prediction_of(record: ImageRecord, model: str | None) -> ImagePrediction:
    """Return what one model said of an image: a version, a name's newest, or the only model's newest.

    Raises:
        ModelUnknown: No prediction of that model is stored with it, or none at all.
        ParameterInvalid: Several models saw it, and none is named.
    """
    newest = [said for said in record.predictions if said.is_newest]
    if model is None:
        if len(newest) > 1:
            names = ", ".join(said.model.partition("@")[0] for said in newest)
            raise ParameterInvalid(f"'model' must say which: {names}.", faults={"model": f"must be one of {names}"})
        found = newest
    elif "@" in model:
        found = [said for said in record.predictions if said.model == model]
    else:
        found = [said for said in newest if said.model.partition("@")[0] == model]
    if not found:
        what = "no model" if model is None else f"{model[:128]!a} not"
        raise ModelUnknown(
            f"This image was shown to {what} yet.", hint="POST /v1/images with 'models' shows it to models."
        )
    return found[0]
