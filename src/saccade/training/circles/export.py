"""From trained weights to an ONNX graph that finds, orders and calibrates the peaks by itself."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from saccade.training.circles.net import OFFSET_UNIT_PX, RADIUS_UNIT_PX, CircleNet, boxes_of, cell_middles

TOP_PEAKS = 300
OPSET = 18
CHECK_SHAPES = ((1, 448, 448), (2, 352, 448), (1, 448, 64), (1, 32, 448))
CHECK_RANDOM_STATE = 5
ROUNDING = 1e-5
MIN_TWINS = 0.95
MAX_GRAPH_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns a raw logit z into one whose sigmoid is how often such a find is right: ``slope * z + offset``."""

    slope: float = 1.0
    offset: float = 0.0


class PeakGraph(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """What is served: the network, then its best peaks with box and outline in px of the input."""

    def __init__(self, net: CircleNet, calibration: Calibration) -> None:
        """Take a copy of the network in, with its normalisation folded and its logits calibrated."""
        super().__init__()
        self.net = fold(net)
        calibrate(self.net, calibration)

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return scores (B, K) in descending order, boxes (B, K, 4) and circles (B, K, 3), K = TOP_PEAKS.

        ``pixel_values`` is (B, 3, H, W) float32 RGB 0..1. A picture with fewer peaks fills up with scores of 0.
        """
        logits, geometry = self.net(pixel_values)
        is_peak = logits >= functional.max_pool2d(logits, 3, stride=1, padding=1)
        heat = torch.where(is_peak, torch.sigmoid(logits), torch.zeros_like(logits)).flatten(1)
        # A map of less than TOP_PEAKS cells is made long enough with scores of 0 that point at its first cell.
        scores, order = torch.topk(functional.pad(heat, (0, TOP_PEAKS)), TOP_PEAKS, dim=1)
        order = torch.where(order < heat.shape[1], order, torch.zeros_like(order))
        x, y = cell_middles(geometry.shape[2], geometry.shape[3], geometry.device)
        x1, y1, x2, y2 = boxes_of(geometry, x, y)
        circle_x, circle_y = x + geometry[:, 4] * OFFSET_UNIT_PX, y + geometry[:, 5] * OFFSET_UNIT_PX
        radius = torch.exp(geometry[:, 6].clamp(-4, 4)) * RADIUS_UNIT_PX
        maps = torch.stack([x1, y1, x2, y2, circle_x, circle_y, radius], dim=1).flatten(2)
        found = torch.gather(maps, 2, order.unsqueeze(1).expand(-1, 7, -1)).transpose(1, 2)
        return scores, found[..., :4], found[..., 4:]


def fold(net: CircleNet) -> CircleNet:
    """Return a copy of the network in which every batch normalisation is part of the convolution before it."""
    folded = copy.deepcopy(net)
    folded.eval()
    folded.entry = fuse_conv_bn_eval(folded.entry, folded.entry_scale)
    folded.entry_scale = nn.Identity()
    for module in folded.modules():
        if isinstance(module, nn.Sequential) and isinstance(module[1], nn.BatchNorm2d):
            module[0] = fuse_conv_bn_eval(module[0], module[1])
            module[1] = nn.Identity()
    return folded


def calibrate(net: CircleNet, calibration: Calibration) -> None:
    """Build the calibration into the last layer of the heat map, in place."""
    last = net.heat[1]
    with torch.no_grad():
        last.weight.mul_(calibration.slope)
        last.bias.mul_(calibration.slope).add_(calibration.offset)


def load_net(checkpoint: Path) -> CircleNet:
    """Return the network with the weights of a checkpoint, ready to be used."""
    net = CircleNet()
    net.load_state_dict(torch.load(checkpoint, weights_only=True))
    net.eval()
    return net


def export(net: CircleNet, path: Path, calibration: Calibration) -> None:
    """Write the graph to ``path`` and check it: one file, valid, small, and equal to what PyTorch computes.

    Raises:
        RuntimeError: The graph is too large or computes something else.
    """
    graph = PeakGraph(net, calibration).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    program = torch.onnx.export(
        graph,
        (torch.rand(2, 3, 96, 128),),
        dynamo=True,
        opset_version=OPSET,
        input_names=["pixel_values"],
        output_names=["scores", "boxes", "circles"],
        dynamic_shapes={"pixel_values": {0: Dim("batch"), 2: 32 * Dim("rows", min=1), 3: 32 * Dim("columns", min=1)}},
        verbose=False,
    )
    program.optimize()
    model = program.model_proto
    clean(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    if path.stat().st_size > MAX_GRAPH_BYTES:
        raise RuntimeError(f"the graph takes {path.stat().st_size} bytes, more than {MAX_GRAPH_BYTES}")
    compare(graph, path)


def clean(model: onnx.ModelProto) -> None:
    """Drop notes that the exporter leaves in a graph, among them paths of the machine, in place."""
    del model.metadata_props[:]
    model.doc_string = ""
    model.graph.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer]:
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]


def compare(graph: PeakGraph, path: Path) -> None:
    """Run both graphs on noise of several shapes.

    Raises:
        RuntimeError: Their outputs differ by more than float32's rounding explains.
    """
    session = open_graph(path)
    rng = np.random.default_rng(CHECK_RANDOM_STATE)
    for batch, height, width in CHECK_SHAPES:
        pixels = rng.random((batch, 3, height, width), dtype=np.float32)
        with torch.no_grad():
            expected = [part.numpy() for part in graph(torch.from_numpy(pixels))]
        scores, boxes, circles = session.run(None, {"pixel_values": pixels})
        if scores.shape != expected[0].shape or not np.allclose(scores, expected[0], rtol=1e-3, atol=5e-3):
            raise RuntimeError(f"ONNX Runtime and PyTorch differ in scores for an input of {pixels.shape}")
        share = twins(np.dstack([boxes, circles]), np.dstack(expected[1:]), scores, expected[0])
        if share < MIN_TWINS:
            raise RuntimeError(f"ONNX Runtime and PyTorch agree on {share:.0%} of the finds in {pixels.shape}")


def twins(
    ours: NDArray[np.float32],
    theirs: NDArray[np.float32],
    our_scores: NDArray[np.float32],
    their_scores: NDArray[np.float32],
) -> float:
    """Return the share of our finds (B, K, 7) that are among theirs, in whatever order.

    Of two neighbouring cells of nearly the same score rounding decides which one is the peak, and which comes first.
    """
    found, shared = 0, 0
    for mine, other, my_scores, other_scores in zip(ours, theirs, our_scores, their_scores, strict=True):
        kept, known = mine[my_scores > ROUNDING], other[other_scores > ROUNDING]
        found += len(kept)
        if len(kept) and len(known):
            close = np.isclose(kept[:, None], known[None], rtol=1e-3, atol=2e-2).all(2)
            shared += int(close.any(1).sum())
    return shared / max(found, 1)


def open_graph(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """Return a session on the CPU with so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
