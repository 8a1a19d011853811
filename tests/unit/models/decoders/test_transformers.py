"""Classifiers against Hugging Face's own score functions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from saccade.errors import OutputInvalid, PackageInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.families import FAMILIES
from saccade.models.geometry import Geometry


def decode(outputs, *, labels=(), top_k=5, threshold=None, package=None):
    options = DecodeOptions(top_k=top_k, threshold=threshold, package=package or {})
    return FAMILIES["transformers"].decode(outputs, geometry=Geometry(9, 9, 9, 9), labels=labels, options=options)


@pytest.fixture(scope="module")
def oracle():
    """The pipeline's own functions; they need no torch."""
    return pytest.importorskip("transformers.pipelines.image_classification", reason="transformers is not installed")


LOGITS = arrays(np.float32, st.integers(2, 12), elements=st.floats(-60, 60, width=32))


@pytest.mark.parametrize("function", ["softmax", "sigmoid"])
@given(logits=LOGITS)
def test_scores_equal_hugging_face_s_when_logits_are_any(oracle, function, logits):
    """The same scores, bit for bit, in the same order, ties by class id."""
    scores = getattr(oracle, function)(logits).tolist()
    expected = sorted(enumerate(scores), key=lambda pair: -pair[1])
    found = decode({"logits": logits}, top_k=100, package={"function": function})

    assert [pair[1] for pair in expected] == [entry.score for entry in found]
    assert [pair[0] for pair in expected] == [entry.class_id for entry in found]


def test_function_is_softmax_or_sigmoid_when_the_package_is_silent():
    """Several labels share 1; a single label stands for itself."""
    assert [0.5, 0.5] == [entry.score for entry in decode({"logits": np.zeros(2, np.float32)})]
    assert [0.5] == [entry.score for entry in decode({"logits": np.zeros(1, np.float32)})]
    assert [3.0, -2.0] == [
        entry.score for entry in decode({"logits": np.array([-2, 3], np.float32)}, package={"function": "none"})
    ]


def test_labels_are_cut_when_top_k_or_a_threshold_says_so():
    """Best first; equal scores by class id; labels under the threshold fall away."""
    outputs = {"probabilities": np.array([0.1, 0.3, 0.3, 0.2, 0.1], np.float32)}
    package = {"function": "none"}

    assert ["b", "c"] == [entry.label for entry in decode(outputs, labels="abcde", top_k=2, package=package)]
    assert ["b", "c", "d"] == [entry.label for entry in decode(outputs, labels="abcde", threshold=0.2, package=package)]
    assert 5 == len(decode(outputs, top_k=100, package=package))


@pytest.mark.parametrize("extreme", [1e4, -1e4, 3e38, -3e38])
def test_scores_are_finite_when_logits_are_extreme(extreme):
    """No overflow, no warning: scores stay in 0..1."""
    for function in ("softmax", "sigmoid"):
        found = decode({"logits": np.array([extreme, 0], np.float32)}, package={"function": function})

        assert all(0 <= entry.score <= 1 for entry in found)


def test_half_precision_is_read_when_the_graph_gives_it():
    """float16 logits become float32 before anything is computed; (C, 1, 1) is a vector too."""
    halves = np.array([1, 2, 3], np.float16)

    assert decode({"logits": halves.astype(np.float32)}) == decode({"logits": halves})
    assert decode({"logits": halves}) == decode({"softmaxout_1": halves[:, None, None]})
    assert decode({"logits": halves}) == decode({"softmaxout_1": halves[None, :, None, None]})


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [
        ({"logits": np.array([1, np.nan], np.float32)}, ()),
        ({"logits": np.array([1, np.inf], np.float32)}, ()),
        ({"logits": np.array([1e39, 0], np.float64)}, ()),
        ({"logits": np.zeros(3, np.float32)}, ("a", "b")),
        ({"logits": np.zeros(3, np.float32)}, ("a", "b", "c", "d")),
        ({"logits": np.zeros((2, 3), np.float32)}, ()),
        ({"logits": np.zeros(0, np.float32)}, ()),
        ({"logits": np.array(["x", "y"])}, ()),
        ({"a": np.zeros(3, np.float32), "b": np.zeros(3, np.float32)}, ()),
        ({}, ()),
    ],
)
def test_outputs_are_refused_when_they_are_no_scores(outputs, labels):
    """NaN, another number of labels, another shape, no or two candidates: refused."""
    with pytest.raises(OutputInvalid):
        decode(outputs, labels=labels)


def test_options_are_refused_when_the_function_is_unknown():
    """A misspelt function is the package's error."""
    with pytest.raises(PackageInvalid, match="softmax, sigmoid, none"):
        decode({"logits": np.zeros(2, np.float32)}, package={"function": "sotfmax"})
