"""The server unpickles nothing, runs no code of a model, evaluates no text; the conversion unpickles only tensors."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "saccade"
#: What runs beside the server, and imports torch: how the shipped models are made, and how others' are converted.
BESIDE = ("training", "conversion")
FILES = sorted(path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in BESIDE)
CONVERSION = sorted((SOURCE / "conversion").rglob("*.py"))
_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "torch"}
_CALLS = {"eval", "exec", "compile", "__import__"}


def unsafe(tree):
    """Return what in a syntax tree could run somebody else's code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (name for name in names if name.partition(".")[0] in _MODULES)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            yield node.func.id
        if isinstance(node, ast.keyword) and node.arg in {"trust_remote_code", "allow_pickle", "shell"}:
            yield from [node.arg] if not (isinstance(node.value, ast.Constant) and node.value.value is False) else []
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"torch.load", "np.load", "yaml.unsafe_load"}:
            yield ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_source_file_runs_nobody_elses_code(path):
    """No pickle, no torch.load, no trust_remote_code, no eval, no exec, no shell."""
    assert list(unsafe(ast.parse(path.read_text()))) == []


def unsafe_beside(tree):
    """Return what `unsafe` finds in a file that may import torch and read weights, and nothing more."""
    yield from (name for name in unsafe(tree) if name.partition(".")[0] != "torch")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name.startswith("load"))
        if isinstance(node, ast.Attribute) and node.attr.startswith("load") and ast.unparse(node).startswith("torch."):
            yield ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            safe = [word for word in node.keywords if word.arg == "weights_only" and ast.unparse(word.value) == "True"]
            yield from ["weights only"] * len(safe)


@pytest.mark.parametrize("path", CONVERSION, ids=lambda path: str(path.relative_to(SOURCE)))
def test_conversion_builds_nothing_but_weights(path):
    """torch.load says weights_only=True wherever it stands, and nothing else opens a pickle or runs what is given."""
    found = list(unsafe_beside(ast.parse(path.read_text())))

    assert found in ([], ["torch.load", "weights only"], ["weights only", "torch.load"])


def test_server_never_imports_torch_or_what_runs_beside_it():
    """Nothing else imports torch, the trainings or the conversion, not even inside a function; its one command may."""
    found = [
        (path.name, name)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        if name.partition(".")[0] == "torch" or name.startswith(tuple(f"saccade.{folder}" for folder in BESIDE))
    ]

    assert {path for path, _ in found} == {"convert.py"}
    assert [name for _, name in found if not name.startswith("saccade.conversion")] == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from torch import load",
        "torch.load(x)",
        "eval('1')",
        "exec('1')",
        "f(trust_remote_code=True)",
        "np.load(x, allow_pickle=True)",
        "run(x, shell=True)",
    ],
)
def test_check_sees_what_it_looks_for(text):
    """The check above would fail if such a line stood in a file."""
    assert list(unsafe(ast.parse(text))) != []


@pytest.mark.parametrize(
    "text",
    [
        "torch.load(x)",
        "torch.load(x, weights_only=False)",
        "torch.load(x, weights_only=flag)",
        "read = torch.load",
        "from torch import load",
        "torch.jit.load(x)",
        "f(trust_remote_code=True)",
        "import pickle",
    ],
)
def test_check_of_the_conversion_sees_what_it_looks_for(text):
    """As above."""
    assert list(unsafe_beside(ast.parse(text))) not in (
        [],
        ["torch.load", "weights only"],
        ["weights only", "torch.load"],
    )
