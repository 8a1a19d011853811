"""The model's owner must mend the package or what it answers."""

from __future__ import annotations

from saccade.errors.base import SaccadeError


class ModelError(SaccadeError):
    """The model's owner must mend the package."""

    code = "model_error"


class PackageUnrecognised(ModelError):
    """The folder or file is in none of the layouts that Saccade reads."""

    code = "package_unrecognised"
    default_hint = "docs/reference/packages.md lists the layouts."


class PackageInvalid(ModelError):
    """The package is in a known layout, but something in it is missing or wrong."""

    code = "package_invalid"
    default_hint = "Mend the file named in the message; saccade models check PATH tests it."


class PreprocessorUnsupported(ModelError):
    """The package asks for a preprocessor whose exact rules Saccade does not have."""

    code = "preprocessor_unsupported"
    default_hint = "Write the steps out in a saccade.yaml, or serve the model as a plug-in."


class GraphRefused(ModelError):
    """The graph does something that a served graph may not do."""

    code = "graph_refused"
    default_hint = "Export the model again as a plain ONNX file with standard operators."


class GraphFailed(ModelError):
    """The engine could not load or run the graph."""

    code = "graph_failed"
    default_hint = "saccade models check NAME runs the graph alone and shows why."


class OutputInvalid(ModelError):
    """The graph ran, but its outputs do not have the shape of its family."""

    code = "output_invalid"
    default_hint = "Set the right family in saccade.yaml; the message lists the output shapes."


class RemoteFailed(ModelError):
    """A model that runs elsewhere refused, failed, or answered nonsense."""

    code = "remote_failed"
    default_hint = "Look into the log of the server that runs the model."


class PluginFailed(ModelError):
    """A plug-in could not be loaded, or raised, or answered nonsense."""

    code = "plugin_failed"
    default_hint = "The server's log has the trace."


class ModelFailed(ModelError):
    """The model could not be loaded; what it last failed with stands in the message."""

    code = "model_failed"
    default_hint = "Mend the package and POST /v1/models/{model}/load."


class WorkerCrashed(ModelError):
    """The worker died each time it showed this image to this model."""

    code = "worker_crashed"
    default_hint = "Look at the image and at the worker's log; one of the two is poison for the other."
