"""The inspector: hostile graphs are refused, by a child process, before any engine of ours opens them."""

import errno
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from saccade.backends.engines.inspection import GraphInspector
from saccade.backends.engines.inspection_child import inspect as inspect_here
from saccade.backends.engines.inspection_rules import Refused
from saccade.errors import GraphRefused
from saccade.models.digests import file_sha256

FLOAT = TensorProto.FLOAT


def graph(nodes=None, *, inputs=None, outputs=None, weights=()):
    """Return a graph; without arguments one that doubles a picture."""
    return helper.make_graph(
        nodes or [helper.make_node("Add", ["x", "x"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info(*item) for item in inputs or [("x", FLOAT, [1, 3, 8, 8])]],
        [helper.make_tensor_value_info(*item) for item in outputs or [("y", FLOAT, ["a", "b", "c", "d"])]],
        list(weights),
    )


def model(content=None, *, opset=17, domains=(), functions=()):
    """Return a model around a graph."""
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(content or graph(), opset_imports=opsets, ir_version=9, functions=list(functions))


def save(path, content=None):
    """Write a model as it is, unchecked."""
    path.write_bytes((content or model()).SerializeToString())
    return path


def external(location, **keys):
    """Return a tensor that wants its four numbers from a file."""
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **keys}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)
    return tensor


def with_weights(tensor):
    """Return a model that adds a tensor to its input."""
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    return model(graph(nodes, inputs=[("x", FLOAT, [1, 3, 8, 4])], weights=[tensor]))


def within_subgraph(tensor):
    """Return a model with the tensor in a branch of an If."""
    branch = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["b"])],
        "b",
        [],
        [helper.make_tensor_value_info("b", FLOAT, [4])],
        [tensor],
    )
    condition = helper.make_node("Constant", [], ["c"], value=helper.make_tensor("c", TensorProto.BOOL, [], [True]))
    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    return model(graph([condition, choice]))


def within_attribute(tensor):
    """Return a model with the tensor in a Constant."""
    return model(graph([helper.make_node("Constant", [], ["y"], value=tensor)]))


def within_sparse(tensor):
    """Return a model with the tensor as values of a sparse one."""
    content = model()
    sparse = content.graph.sparse_initializer.add()
    sparse.values.CopyFrom(tensor)
    sparse.indices.CopyFrom(numpy_helper.from_array(np.arange(4), "i"))
    sparse.dims.extend([4])
    return content


def within_function(tensor):
    """Return a model with the tensor inside a local function."""
    body = [helper.make_node("Constant", [], ["o"], value=tensor)]
    function = helper.make_function("com.microsoft", "Local", [], ["o"], body, [helper.make_opsetid("", 17)])
    node = helper.make_node("Local", [], ["y"], domain="com.microsoft")
    return model(graph([node]), domains=["com.microsoft"], functions=[function])


WRAPPERS = [with_weights, within_subgraph, within_attribute, within_sparse, within_function]


@pytest.mark.parametrize("wrap", WRAPPERS, ids=lambda wrap: wrap.__name__)
@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "sub/w.bin", "..", "", "a\\b", "absent.bin"])
def test_weights_outside_the_folder_are_refused_wherever_they_are_named(tmp_path, wrap, location):
    """A graph reads no file but plain ones beside it, from no corner of the format."""
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    (tmp_path / "p" / "sub").mkdir(parents=True)
    (tmp_path / "p" / "sub" / "w.bin").write_bytes(bytes(16))
    path = save(tmp_path / "p" / "model.onnx", wrap(external(location)))

    with pytest.raises(Refused, match="where it wants to read weights"):
        inspect_here(path, trial=False)


@pytest.mark.parametrize(("link", "reason"), [(os.symlink, "is a link"), (os.link, "another name elsewhere")])
def test_weights_behind_a_link_are_refused(tmp_path, link, reason):
    """A link beside the graph may be a file from anywhere."""
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    (tmp_path / "p").mkdir()
    link(tmp_path / "secret.bin", tmp_path / "p" / "w.bin")
    path = save(tmp_path / "p" / "model.onnx", with_weights(external("w.bin")))

    with pytest.raises(Refused, match=reason):
        inspect_here(path, trial=False)


@pytest.mark.parametrize(
    "keys",
    [
        {"offset": -1},
        {"offset": 8},
        {"length": 17},
        {"length": -4},
        {"offset": "x"},
        {"offset": 2**70},
        {"__class__": 1},
    ],
    ids=str,
)
def test_weights_beyond_the_end_of_their_file_are_refused(tmp_path, keys):
    """Offset and length lie inside the file and fit the shape; no key but the known ones is read."""
    (tmp_path / "w.bin").write_bytes(bytes(16))
    path = save(tmp_path / "model.onnx", with_weights(external("w.bin", **keys)))

    with pytest.raises(Refused, match="external data"):
        inspect_here(path, trial=False)


def nested_operator(domain):
    """Return a model with an operator of a domain inside a branch."""
    content = within_subgraph(numpy_helper.from_array(np.zeros(4, np.float32), "w"))
    content.opset_import.add(domain=domain, version=1)
    node = content.graph.node[1].attribute[0].g.node[0]
    node.domain, node.op_type = domain, "Evil"
    return content


def local_function(domain, *, calls_itself=False):
    """Return a model with a local function."""
    body = [helper.make_node("Identity", ["i"], ["o"])]
    if calls_itself:
        body = [helper.make_node("Local", ["i"], ["o"], domain=domain)]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    function = helper.make_function(domain, "Local", ["i"], ["o"], body, opsets)
    node = helper.make_node("Local", ["x"], ["y"], domain=domain)
    return model(graph([node]), domains=[domain], functions=[function])


def claiming(dims, **data):
    """Return a model whose weights claim a shape."""
    tensor = TensorProto(name="w", data_type=FLOAT, dims=dims)
    if "raw" in data:
        tensor.raw_data = data["raw"]
    else:
        tensor.float_data.extend([1.0])
    return with_weights(tensor)


def training():
    """Return a model with instructions for training."""
    content = model()
    content.training_info.add().algorithm.CopyFrom(graph())
    return content


def cache_context():
    """Return a model with the operator that loads a compiled file."""
    node = helper.make_node(
        "EPContext", ["x"], ["y"], domain="com.microsoft", ep_cache_context="../x.bin", embed_mode=0
    )
    return model(graph([node]), domains=["com.microsoft"])


HOSTILE = {
    "custom operator": (lambda: nested_operator("evil"), "domain 'evil'"),
    "onnx-extensions operator": (lambda: nested_operator("ai.onnx.contrib"), "not a known one"),
    "function of an unknown domain": (lambda: local_function("evil"), "domain 'evil'"),
    "function that calls itself": (lambda: local_function("com.microsoft", calls_itself=True), "calls itself"),
    "compiled file": (cache_context, "reaches outside"),
    "raw data shorter than claimed": (lambda: claiming([2**31 - 1], raw=bytes(16)), "claims 2147483647 values"),
    "numbers fewer than claimed": (lambda: claiming([2**20, 2**20]), "does not hold them"),
    "negative size": (lambda: claiming([-1], raw=b""), "negative size"),
    "opset from the future": (lambda: model(opset=99), "version 99"),
    "opset of long ago": (lambda: model(opset=6), "version 6"),
    "training": (training, "training"),
    "unknown operator": (lambda: model(graph([helper.make_node("Nope", ["x"], ["y"])])), "not a valid ONNX graph"),
    "no operators": (lambda: onnx.ModelProto(ir_version=9), "no graph in it"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_graph_is_refused_with_its_reason(tmp_path, name):
    """What a served graph may not do is refused before anything is run."""
    make, reason = HOSTILE[name]

    with pytest.raises(Refused, match=reason):
        inspect_here(save(tmp_path / "model.onnx", make()), trial=False)


def test_graph_with_too_many_operators_is_refused(tmp_path, monkeypatch):
    """The count includes nested graphs."""
    monkeypatch.setattr("saccade.backends.engines.inspection_child.MAX_NODES", 2)
    content = within_subgraph(numpy_helper.from_array(np.zeros(4, np.float32), "w"))

    with pytest.raises(Refused, match="4 operators"):
        inspect_here(save(tmp_path / "model.onnx", content), trial=False)


def test_huge_file_is_refused_before_it_is_read(tmp_path):
    """A file of 2 GiB (here a hole) costs nothing."""
    path = tmp_path / "model.onnx"
    with path.open("wb") as stream:
        stream.truncate(2**31)

    with pytest.raises(Refused, match="less than 2 GiB"):
        inspect_here(path, trial=False)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", os.urandom(4096), b"\xff" * 64, b"\x0a" * 64],
    ids=["empty", "text", "noise", "ones", "tags"],
)
def test_file_that_is_no_graph_is_refused(tmp_path, content):
    """Bytes that are no protobuf end in a refusal, not in a trace."""
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    with pytest.raises(Refused, match="no ONNX file"):
        inspect_here(path, trial=False)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickle_that_calls_itself_onnx_is_refused_without_a_child(tmp_path, protocol):
    """A pickle is known by its first bytes; nobody opens it."""
    path = tmp_path / "model.onnx"
    path.write_bytes(pickle.dumps(os.abort, protocol=protocol))

    with pytest.raises(GraphRefused, match="pickle"):
        GraphInspector(timeout_s=0.0)(path)


def test_honest_graph_gives_its_facts_and_the_parent_loads_no_library(tmp_path):
    """Inputs, outputs and metadata come from the child; this side imports neither onnx nor onnxruntime."""
    (tmp_path / "w.bin").write_bytes(bytes(16))
    content = with_weights(external("w.bin", offset=0, length=16))
    content.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", FLOAT, ["n", 3, 8, 4]))
    helper.set_model_props(content, {"author": "me"})
    path = save(tmp_path / "model.onnx", content)
    code = (
        "import sys; from pathlib import Path; from saccade.backends.engines.inspection import GraphInspector\n"
        "facts = GraphInspector()(Path(sys.argv[1]))\n"
        "assert not {'onnx', 'onnxruntime'} & set(sys.modules)\n"
        "print(facts.inputs[0].shape, facts.outputs[0].shape, facts.inputs[0].dtype, dict(facts.metadata),\n"
        "      facts.opset, facts.parameters, facts.nodes, sorted(facts.operators), facts.endings, facts.external,\n"
        "      sep='|')"
    )

    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)

    expected = "(1, 3, 8, 4)|(None, 3, 8, 4)|float32|{'author': 'me'}|17|4|1|['Add']|('Add',)|('w.bin',)"
    assert (done.stdout.strip(), done.stderr) == (expected, "")


def test_known_graph_starts_no_child(tmp_path):
    """Facts are remembered by the graph's digest; a damaged record is looked up anew."""
    path = save(tmp_path / "model.onnx")
    facts = GraphInspector(cache_dir=tmp_path / "cache", trial="skip")(path)
    known = GraphInspector(cache_dir=tmp_path / "cache", trial="skip", timeout_s=0.0)
    [record] = (tmp_path / "cache").iterdir()

    assert record.name.startswith(file_sha256(path))
    assert known(path) == facts
    record.write_text(json.dumps({"inputs": 3}))
    with pytest.raises(GraphRefused, match="longer than 0 s"):
        known(path)


def test_full_disk_leaves_no_pieces_behind(tmp_path, monkeypatch):
    """What cannot be remembered is forgotten, and half a record does not stay at every start."""

    def fail(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)

    GraphInspector(cache_dir=tmp_path / "cache", trial="skip")(save(tmp_path / "model.onnx"))

    assert list((tmp_path / "cache").iterdir()) == []


def test_known_graph_is_refused_when_its_weights_became_a_link(tmp_path):
    """What is remembered of a graph does not vouch for the files beside it."""
    (tmp_path / "w.bin").write_bytes(bytes(16))
    path = save(tmp_path / "model.onnx", with_weights(external("w.bin")))
    inspector = GraphInspector(cache_dir=tmp_path / "cache", trial="skip")
    inspector(path)
    (tmp_path / "w.bin").rename(tmp_path / "elsewhere")
    (tmp_path / "w.bin").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(GraphRefused, match="is a link"):
        inspector(path)


def huge_run():
    """Return a graph of a few bytes that asks for 3 GiB when it runs."""
    shape = helper.make_tensor("s", TensorProto.INT64, [2], [2**15, 3 * 2**13])
    value = helper.make_tensor("v", FLOAT, [1], [1.0])
    nodes = [
        helper.make_node("Constant", [], ["s"], value=shape),
        helper.make_node("ConstantOfShape", ["s"], ["h"], value=value),
        helper.make_node("ReduceSum", ["h"], ["r"], keepdims=0),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    return model(graph(nodes))


def endless():
    """Return a graph whose loop runs two to the sixty-second times."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["more"], ["still"]), helper.make_node("Add", ["a", "a"], ["b"])],
        "body",
        [
            helper.make_tensor_value_info(*item)
            for item in (("i", TensorProto.INT64, []), ("more", TensorProto.BOOL, []), ("a", FLOAT, None))
        ],
        [helper.make_tensor_value_info(*item) for item in (("still", TensorProto.BOOL, []), ("b", FLOAT, None))],
    )
    count = helper.make_tensor("n", TensorProto.INT64, [], [2**62])
    nodes = [
        helper.make_node("Constant", [], ["n"], value=count),
        helper.make_node("Loop", ["n", "", "x"], ["y"], body=body),
    ]
    return model(graph(nodes))


def mismatched():
    """Return a graph that is valid by its types and cannot run."""
    shape = numpy_helper.from_array(np.array([7]), "s")
    return model(graph([helper.make_node("Reshape", ["x", "s"], ["y"])], weights=[shape]))


@pytest.mark.parametrize(
    ("make", "reason", "timeout_s"),
    [
        (huge_run, "does not (load|run)|does not load it", 60.0),
        (endless, "longer than 2 s|processor time", 2.0),
        (mismatched, "does not run|does not load it", 60.0),
        (lambda: model(graph(inputs=[("x", FLOAT, [1, 3, 2**20, 2**20])])), "fit in memory", 60.0),
        (lambda: model(graph(inputs=[("x", TensorProto.STRING, [1])])), "no picture is|not a valid|load it", 60.0),
        (lambda: nested_operator("evil"), "not a known one", 60.0),
    ],
    ids=["memory bomb", "endless loop", "cannot run", "huge input", "text input", "custom operator"],
)
def test_graph_that_fails_its_trial_is_refused_and_the_parent_lives(tmp_path, make, reason, timeout_s):
    """Memory, time and faults of a graph hit the child alone."""
    path = save(tmp_path / "model.onnx", make())

    with pytest.raises(GraphRefused, match=reason):
        GraphInspector(timeout_s=timeout_s, memory_bytes=2 * 1024**3)(path)


@pytest.mark.parametrize(
    ("code", "reason"),
    [("import os; os.abort()", "SIGABRT"), ("raise OSError('disk on fire')", "disk on fire")],
    ids=["crash", "trace"],
)
def test_child_that_crashes_is_a_refusal(tmp_path, monkeypatch, code, reason):
    """Whatever takes the child down says so, and nothing is served."""
    (tmp_path / "crashing.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("saccade.backends.engines.inspection._CHILD_MODULE", "crashing")

    with pytest.raises(GraphRefused, match=reason):
        GraphInspector()(save(tmp_path / "model.onnx"))


def test_child_gets_none_of_our_environment(tmp_path, monkeypatch):
    """The environment holds secrets; the process that reads a stranger's file has none of it."""
    (tmp_path / "telling.py").write_text("import os, json; print(json.dumps({'refused': ' '.join(os.environ)}))")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SACCADE_SECRET", "x")
    monkeypatch.setattr("saccade.backends.engines.inspection._CHILD_MODULE", "telling")

    with pytest.raises(GraphRefused) as caught:
        GraphInspector()(save(tmp_path / "model.onnx"))
    assert "PYTHONPATH" in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_file_that_is_absent_is_refused(tmp_path):
    """No file, no facts."""
    with pytest.raises(GraphRefused, match="cannot be read"):
        GraphInspector()(tmp_path / "absent.onnx")
