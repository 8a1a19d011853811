"""Tries to convert what must be refused; prints for each what was said, as JSON, and what was left behind.

Run by an interpreter that has torch and the extra `export`: ``python tests/conversion/refusals.py FOLDER WORK``, with
the folder that ``checkpoints.py`` filled.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from saccade.conversion import comparing, sources
from saccade.conversion.convert import Target, convert
from saccade.conversion.exporting import export
from saccade.conversion.lone import read_lone
from saccade.conversion.network import classifier
from saccade.errors import SaccadeError
from saccade.models.add import Wishes


class Code:
    """Pickles as an order to make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class Cases:
    """Every case by name: something that raises."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder = folder
        self.work = work
        self.models = work / "models"
        self.vit = folder / "tiny-vit"
        self.state = torch.load(folder / "resnet18.pth", weights_only=True)

    def convert(self, path: Path, *, labels: str | None = "classes.txt", name: str | None = None) -> None:
        labels_file = None if labels is None else self.folder / labels
        convert(
            str(path),
            Target(models_folder=self.models),
            inspect=_not_so_far,
            check=_not_so_far,
            wishes=Wishes(name=name, labels_file=labels_file),
        )

    def folder_with(
        self,
        name: str,
        *,
        change: Callable[[dict[str, torch.Tensor]], object] | None = None,
        source: str = "tiny-vit",
        **config,
    ) -> None:
        path = self.work / name
        shutil.copytree(self.folder / source, path)
        document = json.loads((path / "config.json").read_text())
        (path / "config.json").write_text(json.dumps(document | config))
        if change is not None:
            weights = load_file(path / "model.safetensors")
            change(weights)
            save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
        self.convert(path, labels=None)

    def folder_without(self, name: str, file: str, *, source: str = "tiny-vit", instead: str | None = None) -> None:
        path = self.work / name
        shutil.copytree(self.folder / source, path)
        if instead is None:
            (path / file).unlink()
        else:
            (path / file).rename(path / instead)
        self.convert(path, labels=None)

    def file_with(self, name: str, content: object, **options) -> None:
        torch.save(content, self.work / name)
        self.convert(self.work / name, **options)

    def raw(self, name: str, content: bytes) -> None:
        (self.work / name).write_bytes(content)
        self.convert(self.work / name)

    def link_out(self) -> None:
        path = self.work / "linked"
        shutil.copytree(self.vit, path)
        (path / "labels.txt").symlink_to(self.folder / "classes.txt")
        self.convert(path, labels=None)

    def taken(self) -> None:
        lying = self.models / "tiny-vit@1"
        lying.mkdir(parents=True)
        try:
            self.convert(self.vit, labels=None)
        finally:
            lying.rmdir()

    def too_large(self) -> None:
        path = self.work / "large.pth"
        with path.open("wb") as stream:
            stream.truncate(sources.MAX_BYTES + 1)
        self.convert(path)

    def differs(self, change: Callable[[torch.nn.Module], object]) -> None:
        """Export a network, change it, and hold the graph against what it is now."""
        network, _ = read_lone(self.folder / "squeezenet1_1.pth", labels_file=self.folder / "classes.txt")
        graph = self.work / "differs.onnx"
        small = replace(network, example=classifier(network.module, height_px=64, width_px=64).example)
        export(small, graph)
        comparing.compare(small, graph)
        with torch.no_grad():
            change(network.module)
        comparing.compare(small, graph)

    def all(self) -> dict[str, Callable[[], object]]:
        def poison(weights):
            weights["classifier.weight"][1, 2] = float("nan")

        def forget(weights):
            del weights["classifier.bias"]

        def grow(weights):
            weights["classifier.bias"] = torch.zeros(99)

        def with_state(**changes):
            return {**self.state, **changes}

        return {
            "code in a pickle": lambda: self.file_with("code.pth", {"fc.bias": Code(self.work / "ran")}),
            "a whole module": lambda: self.file_with("whole.pth", torch.nn.Linear(2, 2)),
            "a list": lambda: self.file_with("list.pth", [torch.zeros(2)]),
            "unknown keys": lambda: self.file_with("unknown.pth", {"a.weight": torch.zeros(2)}),
            "one key more": lambda: self.file_with("more.pth", with_state(stranger=torch.zeros(1))),
            "another shape": lambda: self.file_with("shape.pth", with_state(**{"fc.bias": torch.zeros(9)})),
            "a NaN in a file": lambda: self.file_with(
                "nan.pth", with_state(**{"bn1.bias": torch.full((64,), torch.nan)})
            ),
            "no labels": lambda: self.file_with("unnamed.pth", self.state, labels=None),
            "too few labels": lambda: self.file_with("few.pth", self.state, labels="hub/few.txt"),
            "a torn file": lambda: self.raw("torn.pth", (self.folder / "resnet18.pth").read_bytes()[:5000]),
            "no safetensors file": lambda: self.raw("junk.safetensors", b"junk" * 100),
            "no checkpoint": lambda: self.raw("notes.txt", b"hello"),
            "nothing there": lambda: self.convert(self.work / "nowhere"),
            "too large": self.too_large,
            "code of its own": lambda: self.folder_with("remote", auto_map={"AutoModel": "net.Net"}),
            "another architecture": lambda: self.folder_with("bert", architectures=["BertModel"]),
            "no architecture": lambda: self.folder_with("none", architectures=None),
            "another size": lambda: self.folder_with("size", hidden_size=64),
            "a NaN": lambda: self.folder_with("nan", change=poison),
            "a weight missing": lambda: self.folder_with("missing", change=forget),
            "a weight of another shape": lambda: self.folder_with("shape", change=grow),
            "only a pickle": lambda: self.folder_without("bin", "model.safetensors", instead="pytorch_model.bin"),
            "no preprocessor": lambda: self.folder_without("blind", "preprocessor_config.json"),
            "no config": lambda: self.folder_without("bare", "config.json"),
            "no tokenizer": lambda: self.folder_without("mute", "vocab.json", source="tiny-owlvit"),
            "a link out": self.link_out,
            "a name that is taken": self.taken,
            "another graph": lambda: self.differs(lambda net: next(net.parameters()).mul_(1.1)),
            "a NaN in the answer": lambda: self.differs(lambda net: next(net.parameters()).fill_(torch.nan)),
        }


def orders() -> list[bool]:
    """Say of some answers whether their labels come in the same order as torch's."""
    torchs = np.array([[9.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.999, 0.9985]], np.float32)

    def moved(*labels: int) -> bool:
        return comparing.same_order(torchs, torchs[:, list(labels)])

    near = comparing.same_order(np.array([[1, 0.50001, 0.5]], np.float32), np.array([[1, 0.5, 0.50001]], np.float32))
    far = comparing.same_order(np.array([[1, 0.501, 0.5]], np.float32), np.array([[1, 0.5, 0.501]], np.float32))
    return [
        moved(0, 1, 2, 3, 4, 5, 6, 7),
        moved(0, 1, 2, 3, 4, 5, 7, 6),  # below the five best
        near,  # apart by less than rounding
        moved(1, 0, 2, 3, 4, 5, 6, 7),
        moved(0, 1, 2, 3, 5, 4, 6, 7),  # the fifth and the sixth
        far,
    ]


def _not_so_far(_: object) -> None:
    raise AssertionError("it was not refused")


def said(case: Callable[[], object]) -> dict[str, str]:
    """Return what a case says when it is refused."""
    try:
        case()
    except SaccadeError as error:
        return {"code": error.code, "message": str(error), "hint": error.hint or ""}
    return {"code": "none", "message": "it was not refused", "hint": ""}


def main() -> None:
    """Try every case."""
    folder, work = Path(sys.argv[1]), Path(sys.argv[2])
    warnings.simplefilter("ignore")
    (folder / "hub").mkdir(exist_ok=True)
    (folder / "hub" / "few.txt").write_text("red\ngreen\n")
    cases = Cases(folder, work)
    found = {name: said(case) for name, case in cases.all().items()}
    left = sorted(path.name for path in cases.models.iterdir()) if cases.models.exists() else []
    sys.stdout.write(json.dumps({"said": found, "left": left, "ran": (work / "ran").exists(), "orders": orders()}))


if __name__ == "__main__":
    main()
