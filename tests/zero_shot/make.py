"""Makes the tiny OWL-ViT package and the golden answers beside this file; run only when one of them must change.

The package has the architecture and the file layout of the real one, with random weights and a tokenizer of a few
words; the answers are those of transformers' own model and post-processing. It needs what the project itself does not:

    python3 -m venv .venv-golden && .venv-golden/bin/pip install torch==2.13.0 transformers onnx onnxscript pillow
    .venv-golden/bin/python tests/zero_shot/make.py
"""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import PIL
import tokenizers
import torch
import transformers
from golden import FOLDER, GOLDEN, picture
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer, OwlViTConfig, OwlViTForObjectDetection, OwlViTProcessor
from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil

SIDE_PX, PATCH_PX, WORDS = 64, 16, 16
#: What the tokenizer is trained on: enough for merges, too little for a language.
TEXTS = ["a photo of a coin", "coin", "coins on paper", "a cat", "cat", "two cats", "a photo of a well", "dark square"]
PICTURES = [(48, 80, 1), (64, 64, 2), (130, 40, 3)]
LABELS = [["coin"], ["coin", "a photo of a cat"], ["cat", "dark square", "Coin!", "zürich 42"]]
THRESHOLDS = [0.1, 0.5, 0.9]
TOKENISED = [
    "coin",
    "A Photo of  a COIN",
    "zürich",
    "猫 cat",
    "42 coins!",
    "",
    " ",
    "it's a cat",
    "coin " * 40,
    "<|endoftext|>",
]


def tokenizer() -> CLIPTokenizer:
    """CLIP's tokenizer with its ids in CLIP's order: bytes, bytes that end a word, merges, then the two marks."""
    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    trained.normalizer = normalizers.Lowercase()
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(vocab_size=400, end_of_word_suffix="</w>", show_progress=False, min_frequency=2)
    trained.train_from_iterator(TEXTS * 3, trainer)
    merges = [tuple(pair) for pair in json.loads(trained.to_str())["model"]["merges"]]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocab = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    assert vocab["!"] == 0
    return CLIPTokenizer(vocab=vocab, merges=merges, pad_token="!", model_max_length=WORDS)


def network(words: CLIPTokenizer) -> OwlViTForObjectDetection:
    """The real architecture, very small; scores are spread out so that thresholds mean something."""
    torch.manual_seed(7)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {
        **small,
        "num_hidden_layers": 1,
        "vocab_size": len(words),
        "max_position_embeddings": WORDS,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }
    vision = {**small, "image_size": SIDE_PX, "patch_size": PATCH_PX}
    config = OwlViTConfig(text_config=text, vision_config=vision, projection_dim=32, attn_implementation="eager")
    config.text_config._attn_implementation = config.vision_config._attn_implementation = "eager"
    model = OwlViTForObjectDetection(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.2)
        model.class_head.logit_scale.bias.fill_(3.0)
    return model


class Exported(torch.nn.Module):
    """The inputs and outputs of the graphs on the hub, in their order."""

    def __init__(self, model: OwlViTForObjectDetection) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids, pixel_values, attention_mask):
        found = self.model(input_ids=input_ids, pixel_values=pixel_values, attention_mask=attention_mask)
        return found.logits, found.pred_boxes, found.text_embeds, found.image_embeds


def export(model: OwlViTForObjectDetection, path: Path) -> None:
    """Write the graph as the hub's were: traced, with free numbers of labels and pictures."""
    path.parent.mkdir(parents=True)
    inputs = (
        torch.ones(4, WORDS, dtype=torch.int64),
        torch.zeros(2, 3, SIDE_PX, SIDE_PX),
        torch.ones(4, WORDS, dtype=torch.int64),
    )
    axes = {
        "input_ids": {0: "text_batch_size", 1: "sequence_length"},
        "pixel_values": {0: "batch_size"},
        "attention_mask": {0: "text_batch_size", 1: "sequence_length"},
        "logits": {0: "batch_size", 2: "num_queries"},
        "pred_boxes": {0: "batch_size"},
        "text_embeds": {0: "batch_size", 1: "num_queries"},
        "image_embeds": {0: "batch_size"},
    }
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Exported(model),
            inputs,
            path,
            input_names=list(axes)[:3],
            output_names=list(axes)[3:],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    onnx.checker.check_model(str(path))


def answers(model: OwlViTForObjectDetection, processor: OwlViTProcessor) -> list[dict[str, object]]:
    """What transformers says of every picture for every list of labels, with the raw outputs it was read from."""
    found = []
    for height, width, seed in PICTURES:
        image = Image.fromarray(picture(height, width, seed))
        for labels in LABELS:
            inputs = processor(text=[labels], images=image, return_tensors="pt", truncation=True)
            with torch.no_grad():
                outputs = model(**inputs)
            read = {}
            for threshold in THRESHOLDS:
                [result] = processor.post_process_grounded_object_detection(
                    outputs, threshold=threshold, target_sizes=[(height, width)], text_labels=[labels]
                )
                read[str(threshold)] = {
                    "scores": result["scores"].tolist(),
                    "boxes": result["boxes"].tolist(),
                    "labels": result["text_labels"],
                }
            raw = {"logits": outputs.logits[0].tolist(), "pred_boxes": outputs.pred_boxes[0].tolist()}
            found.append({"picture": [height, width, seed], "labels": labels, "raw": raw, "answers": read})
    return found


def main() -> None:
    """Write both anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    words = tokenizer()
    size = {"height": SIDE_PX, "width": SIDE_PX}
    processor = OwlViTProcessor(OwlViTImageProcessorPil(size=size, crop_size=size), words)
    model = network(words)
    export(model, FOLDER / "onnx" / "model.onnx")
    words.save_pretrained(FOLDER)
    model.config.save_pretrained(FOLDER)
    config = json.loads((FOLDER / "config.json").read_text())
    config["architectures"] = ["OwlViTForObjectDetection"]
    (FOLDER / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    preprocessor = {
        "image_processor_type": "OwlViTImageProcessor",
        "do_resize": True,
        "size": size,
        "resample": 3,
        "do_center_crop": False,
        "crop_size": size,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (FOLDER / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
    tokens = words(TOKENISED, padding="max_length", truncation=True, max_length=WORDS)
    made_with = (transformers, tokenizers, torch, onnx, PIL, np)
    golden = {
        "made_with": ", ".join(f"{library.__name__} {library.__version__}" for library in made_with),
        "tokens": [
            {"text": text, "input_ids": ids, "attention_mask": mask}
            for text, ids, mask in zip(TOKENISED, tokens["input_ids"], tokens["attention_mask"], strict=True)
        ],
        "answers": answers(model, processor),
    }
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in golden["tokens"])
    rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in golden["answers"])
    text = (
        f'{{\n  "made_with": "{golden["made_with"]}",\n  "tokens": [\n{lines}\n  ],\n  "answers": [\n{rows}\n  ]\n}}\n'
    )
    GOLDEN.write_text(text)


if __name__ == "__main__":
    main()
