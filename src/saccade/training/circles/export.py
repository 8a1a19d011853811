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

from saccade.training.circles.net import OFFSET_UNIT_PX, RADIUS_UNIT_PX, STRIDE_PX, CircleNet, boxes_of

TOP_PEAKS = 300
NO_PEAK = -1e4
NEIGHBOURS = 9
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
        base = self.net.base(pixel_values)
        logits = self.net.heat(base)
        is_peak = logits >= functional.max_pool2d(logits, 3, stride=1, padding=1)
        heat = torch.where(is_peak, logits, torch.full_like(logits, NO_PEAK)).flatten(1)
        # A map of less than TOP_PEAKS cells is made long enough with scores of 0 that point at its first cell.
        best, order = torch.topk(functional.pad(heat, (0, TOP_PEAKS), value=NO_PEAK), TOP_PEAKS, dim=1)
        order = torch.where(order < heat.shape[1], order, torch.zeros_like(order))
        geometry = geometry_at(self.net.geometry, base, order).transpose(1, 2)
        row, column = places(order, base.shape[3])
        x, y = (column.float() + 0.5) * STRIDE_PX, (row.float() + 0.5) * STRIDE_PX
        boxes = torch.stack(boxes_of(geometry, x, y), dim=2)
        circle_x, circle_y = x + geometry[:, 4] * OFFSET_UNIT_PX, y + geometry[:, 5] * OFFSET_UNIT_PX
        radius = torch.exp(geometry[:, 6].clamp(-4, 4)) * RADIUS_UNIT_PX
        return torch.sigmoid(best), boxes, torch.stack([circle_x, circle_y, radius], dim=2)


def places(cells: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return row and column of cells that are counted row by row."""
    row = torch.div(cells, width, rounding_mode="floor")
    return row, cells - row * width


def geometry_at(head: nn.Sequential, base: Tensor, cells: Tensor) -> Tensor:
    """Return what the geometry head says of some cells, (B, K, 7), without asking it about all the others.

    Args:
        head: A ``Separable`` of 3 x 3 with a shortcut, its normalisation folded, then a pointwise convolution.
        base: (B, C, h, w), what the head reads.
        cells: (B, K) int64, row times w plus column.
    """
    block, last = head[0], head[1]
    batch, channels, height, width = base.shape
    step = torch.arange(-1, 2, device=base.device)
    row, column = places(cells, width)
    rows, columns = row[..., None, None] + step[:, None], column[..., None, None] + step
    is_inside = ((rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)).flatten(2)
    near = (rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)).flatten(2)
    first = torch.arange(batch, device=base.device)[:, None, None] * (height * width)
    flat = base.permute(0, 2, 3, 1).reshape(-1, channels)
    found = flat.index_select(0, (near + first).flatten()).reshape(batch, -1, NEIGHBOURS, channels)
    patches = found * is_inside[..., None].float()
    spread = (patches * block.spread.weight.flatten(1).T).sum(2)
    mixed = functional.relu(functional.linear(spread, block.mix[0].weight.flatten(1), block.mix[0].bias))
    return functional.linear(patches[:, :, NEIGHBOURS // 2] + mixed, last.weight.flatten(1), last.bias)


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
