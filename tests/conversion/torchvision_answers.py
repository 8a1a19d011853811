"""What becomes of state dicts as people bring them: recognised, or refused with a reason.

Run by an interpreter that has torch; prints JSON: for each case its name and classes, or its code, message and hint.
"""

from __future__ import annotations

import json
import sys

import torch

from saccade.conversion.torchvision import recognise
from saccade.conversion.torchvision.families import BLUEPRINTS
from saccade.errors import SaccadeError

#: More rows than any memory holds; a tensor that repeats one number may claim them.
HUGE = 1 << 40


def state(name="resnet18", classes=3, **changed):
    """Return a state dict of ones with some of its tensors changed (dots in keys written as ``__``), None takes out."""
    tensors = {key: torch.ones(shape) for key, shape in BLUEPRINTS[name].shapes(classes).items()}
    tensors |= {key.replace("__", "."): tensor for key, tensor in changed.items()}
    return {key: tensor for key, tensor in tensors.items() if tensor is not None}


def prefixed(prefix, tensors):
    """Return a state dict with something before each key."""
    return {prefix + key: tensor for key, tensor in tensors.items()}


CASES = {
    "as it is": state,
    "one class": lambda: state(classes=1),
    "in an envelope": lambda: {"state_dict": state(), "epoch": 3, "optimizer": {"lr": 0.1}},
    "of DataParallel": lambda: prefixed("module.", state()),
    "compiled, then parallel": lambda: {"model": prefixed("module._orig_mod.", state())},
    "held by another module": lambda: prefixed("model.", state()),
    "before torch 0.4.1": lambda: {key: one for key, one in state().items() if "num_batches" not in key},
    "half precision": lambda: {key: one.half() for key, one in state().items()},
    "double precision": lambda: {key: one.double() for key, one in state().items()},
    "empty": dict,
    "foreign": lambda: {"vit.embeddings.cls_token": torch.ones(1, 1, 8)},
    "numbered": lambda: {0: torch.ones(1)},
    "no tensor": lambda: {"epoch": 3, **state()},
    "incomplete": lambda: state(layer4__1__bn2__bias=None),
    "another shape": lambda: state(layer2__0__conv1__weight=torch.ones(128, 64, 1, 1)),
    "something more": lambda: state(aux__weight=torch.ones(3)),
    "another head": lambda: state(fc__weight=None, fc__bias=None, fc__1__weight=torch.ones(3, 512)),
    "no class": lambda: state(fc__weight=torch.ones(0, 512), fc__bias=torch.ones(0)),
    "head and bias differ": lambda: state(fc__bias=torch.ones(4)),
    "NaN": lambda: state(layer1__0__conv1__weight=torch.full((64, 64, 3, 3), float("nan"))),
    "too large for float32": lambda: state(fc__bias=torch.full((3,), 1e300, dtype=torch.float64)),
    "variance below 0": lambda: state(bn1__running_var=-torch.ones(64)),
    "whole numbers": lambda: state(fc__weight=torch.ones(3, 512, dtype=torch.int8)),
    "sparse": lambda: state(fc__weight=torch.ones(3, 512).to_sparse()),
    "not there": lambda: state(fc__weight=torch.ones(3, 512, device="meta")),
    "one number repeated": lambda: state(
        fc__weight=torch.ones(1, 1).expand(HUGE, 512), fc__bias=torch.ones(1).expand(HUGE)
    ),
}


def answer(make):
    """Return what is said to a state dict."""
    try:
        found = recognise(make())
    except SaccadeError as error:
        return {"code": error.code, "message": str(error), "hint": error.hint}
    network = found.build()
    tensors = network.state_dict().values()
    return {
        "name": found.name,
        "classes": found.classes,
        "outputs": network(torch.zeros(2, 3, 64, 64)).shape[1],
        "kinds": sorted({str(tensor.dtype) for tensor in tensors}),
        "learns": network.training or any(one.requires_grad for one in network.parameters()),
    }


def digests():
    """Return the resampling and resizing that are taken for published and other files of an EfficientNet B1."""
    found = recognise(state("efficientnet_b1"))
    files = {"V1": "bac287d4" + "0" * 56, "V2": "c27df63c" + "0" * 56, "somebody's": "0" * 64}
    return {name: found.preprocess_of_file(digest).weights for name, digest in files.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    json.dump({"cases": {name: answer(make) for name, make in CASES.items()}, "digests": digests()}, sys.stdout)
