"""The server's code unpickles nothing, runs no code of a model, and evaluates no text."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "saccade"
FILES = sorted(path for path in SOURCE.rglob("*.py") if "training" not in path.relative_to(SOURCE).parts)
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


def test_server_never_imports_torch_or_the_trainings():
    """Nothing outside the trainings imports them, or torch, not even inside a function."""
    found = [
        (path.name, name)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        if name.partition(".")[0] == "torch" or name.startswith("saccade.training")
    ]

    assert found == []


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
