"""Makes tiny checkpoints of every kind that can be converted, and asks torch what they say; prints the answers as JSON.

Run by an interpreter that has torch and the extra `export`: ``python tests/conversion/checkpoints.py FOLDER``.
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import OwlViTProcessor, ViTConfig, ViTForImageClassification, pipeline
from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from saccade.conversion.torchvision.families import BLUEPRINTS

sys.path.insert(0, str(Path(__file__).parents[1] / "zero_shot"))
import make as tiny_owlvit

#: A commit of a hub that is none.
COMMIT = "c0ffee" * 6 + "beef"
PICTURES = {"wide.png": (211, 97), "high.png": (80, 160), "square.png": (64, 64)}
LOOKED_FOR = ["coin", "a photo of a cat", "Dark square!"]
THRESHOLD = 0.3
#: One of each family, and one kind of file or wrapping each.
LONE = {
    "resnet18.pth": lambda state: state,
    "squeezenet1_1.pth": lambda state: {"epoch": 3, "state_dict": {f"module.{key}": state[key] for key in state}},
    "mobilenet_v3_small.safetensors": lambda state: state,
    "efficientnet_b0.pth": lambda state: state,
}
CLASSES = ["red", "green", "blue", "black", "white", "none of them"]
_BICUBIC, _BILINEAR = Image.Resampling.BICUBIC, Image.Resampling.BILINEAR


def spread(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Draw weights that make answers differ from picture to picture."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_var"):
                value.copy_(torch.rand(value.shape, generator=random) + 0.5)
            elif value.is_floating_point():
                fan = max(1, value.numel() // max(1, value.shape[0])) if value.ndim > 1 else 100
                value.copy_(torch.randn(value.shape, generator=random) * (2 / fan) ** 0.5 + (value.ndim == 1))
    return model.eval()


def picture(width: int, height: int, seed: int) -> Image.Image:
    """Blocks of colour with noise on them."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 200, (1 + height // 16, 1 + width // 16, 3)).repeat(16, 0).repeat(16, 1)
    noise = random.integers(0, 56, (height, width, 3))
    return Image.fromarray((blocks[:height, :width] + noise).astype(np.uint8))


def make_vit(folder: Path) -> list[list[dict[str, object]]]:
    """Write a ViT, and return what transformers' own pipeline says."""
    torch.manual_seed(1)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    labels = dict(enumerate(CLASSES))
    config = ViTConfig(
        **small, image_size=48, patch_size=8, id2label=labels, label2id={v: k for k, v in labels.items()}
    )
    model = ViTForImageClassification(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    weights = load_file(folder / "model.safetensors") | {"teacher.weight": torch.ones(2)}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    processor = ViTImageProcessorPil(size={"height": 48, "width": 48})
    processor.save_pretrained(folder)
    ask = pipeline("image-classification", model=model, image_processor=processor, device="cpu")
    return [ask(str(folder.parent / name), top_k=len(CLASSES)) for name in PICTURES]


def make_owlvit(folder: Path) -> list[list[dict[str, object]]]:
    """Write an OWL-ViT with a tokenizer in parts, as older repositories have it; return what transformers finds."""
    words = tiny_owlvit.tokenizer()
    side = {"height": tiny_owlvit.SIDE_PX, "width": tiny_owlvit.SIDE_PX}
    processor = OwlViTProcessor(OwlViTImageProcessorPil(size=side, crop_size=side), words)
    model = tiny_owlvit.network(words)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    processor.image_processor.save_pretrained(folder)
    parts = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(parts["vocab"]))
    merges = "\n".join(" ".join(pair) for pair in parts["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    answers = []
    for name in PICTURES:
        image = Image.open(folder.parent / name)
        inputs = processor(text=[LOOKED_FOR], images=image, return_tensors="pt", truncation=True)
        with torch.no_grad():
            outputs = model(**inputs)
        [found] = processor.post_process_grounded_object_detection(
            outputs, threshold=THRESHOLD, target_sizes=[(image.height, image.width)], text_labels=[LOOKED_FOR]
        )
        rows = zip(found["text_labels"], found["scores"].tolist(), found["boxes"].tolist(), strict=True)
        answers.append([{"label": label, "score": score, "box": box} for label, score, box in rows])
    return answers


def prepared(image: Image.Image, resample: Image.Resampling) -> torch.Tensor:
    """What torchvision's preset makes of a picture: short side 256 px, middle 224 px, ImageNet's mean and deviation."""
    short = min(image.size)
    width, height = (256 if side == short else int(256 * side / short) for side in image.size)
    image = image.resize((width, height), resample)
    left, top = round((width - 224) / 2.0), round((height - 224) / 2.0)
    pixels = torch.from_numpy(np.asarray(image.crop((left, top, left + 224, top + 224)))).permute(2, 0, 1) / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return ((pixels - mean[:, None, None]) / std[:, None, None])[None]


def make_lone(folder: Path, name: str) -> list[list[float]]:
    """Write a state dict of torchvision's, and return what its network says of each class."""
    stem, _, suffix = name.partition(".")
    model = spread(BLUEPRINTS[stem].make(len(CLASSES)), seed=len(stem))
    resample = _BICUBIC if stem.startswith("efficientnet") else _BILINEAR
    pixels = [prepared(Image.open(folder / picture), resample) for picture in PICTURES]
    with torch.no_grad():
        largest = max(float(model(each).abs().max()) for each in pixels)
        for parameter in list(model.parameters())[-2:]:  # the last layer, so that no score is all but 1
            parameter.mul_(3 / largest)
        found = [model(each) for each in pixels]
    state = LONE[name]({key: value.clone() for key, value in model.state_dict().items()})
    save_file(state, folder / name) if suffix == "safetensors" else torch.save(state, folder / name)
    return [logits.softmax(1)[0].tolist() for logits in found]


def make_hub(folder: Path, source: Path) -> None:
    """Lay a folder out as the hub's cache does: blobs, and a commit of links to them."""
    home = folder / "models--org--tiny-vit"
    snapshot = home / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (home / "blobs").mkdir()
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    for number, path in enumerate(sorted(source.iterdir())):
        blob = home / "blobs" / f"{number:064x}"
        shutil.copyfile(path, blob)
        (snapshot / path.name).symlink_to(Path("../../blobs") / blob.name)


def main() -> None:
    """Write everything into the folder that is named."""
    folder = Path(sys.argv[1])
    warnings.simplefilter("ignore")
    for seed, (name, size) in enumerate(PICTURES.items()):
        picture(*size, seed).save(folder / name)
    answers: dict[str, object] = {
        "tiny-vit": make_vit(folder / "tiny-vit"),
        "tiny-owlvit": make_owlvit(folder / "tiny-owlvit"),
        **{name.partition(".")[0]: make_lone(folder, name) for name in LONE},
    }
    make_hub(folder / "hub", folder / "tiny-vit")
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
