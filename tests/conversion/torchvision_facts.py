"""What torchvision's classifiers are: their keys and shapes, how pictures are prepared, and what they answer.

Run by an interpreter that has torch; prints JSON. The weights are made from the keys, so that anybody makes the same.

    python tests/conversion/torchvision_facts.py ours resnet18 squeezenet1_0

``original`` instead of ``ours`` asks torchvision itself, for everything that it publishes of the families; that is how
``torchvision.json`` was made.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib

import numpy as np
import torch
from PIL import Image

#: So many numbers are drawn for a tensor and repeated; a prime, so that no two filters are alike.
DRAWN = 4099
CLASSES = 5
PICTURE_PX = (411, 307)
FAMILIES = ("resnet", "resnext", "wide_resnet", "efficientnet", "mobilenet_v3", "squeezenet")


def numbers(name, shape):
    """Return float32 numbers from 0 to 1 that depend on nothing but the name and the shape."""
    drawn = np.random.default_rng(zlib.crc32(name.encode())).random(DRAWN, np.float32)
    return torch.from_numpy(np.resize(drawn, int(np.prod(shape))).reshape(shape).copy())


def weight(key, shape):
    """Return a weight as trainings begin with: signals keep their size on the way through a convolution."""
    values = numbers(key, shape)
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if key.endswith("bn3.weight"):  # where a long chain of bottlenecks adds up, rounding adds up
        return 0.2 + 0.2 * values
    if len(shape) == 1:
        return 0.7 + 0.6 * values if key.endswith(("weight", "running_var")) else 0.4 * (values - 0.5)
    return 2 * (values - 0.5) * (6 / np.prod(shape[1:])) ** 0.5


def inputs(pictures):
    """Return the pixels of small pictures."""
    return 2 * numbers("pixels", (pictures, 3, 64, 64)) - 1


def settled(network):
    """Return the network with our weights, its norms set to what passes through them, as after a training.

    With any other norms signals die out or blow up in the deep networks, and rounding decides what they answer.
    """
    network.load_state_dict({key: weight(key, tensor.shape) for key, tensor in network.state_dict().items()})
    network.eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train()
            module.momentum = 1.0
    with torch.inference_mode():
        network(inputs(6))
    return network.eval()


def picture():
    """Return a picture with edges and slopes, which filters and crops treat differently."""
    width, height = PICTURE_PX
    y, x = np.mgrid[:height, :width]
    channels = [(x * 5 + y * 3) % 256, (x // 9 + y // 7) % 2 * 255, (x * y) // 97 % 256]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def of_pixels(values):
    """Return the shape, the mean and a few values of a prepared picture."""
    values = np.asarray(values, np.float32)
    places = np.random.default_rng(3).integers(0, values.size, 12)
    told = [float(values.mean(dtype=np.float64)), *(float(value) for value in values.ravel()[places])]
    return {"shape": list(values.shape), "values": [round(value, 6) for value in told]}


def of_keys(make):
    """Return how many keys the network of a thousand classes has, and a digest of their names and shapes."""
    with torch.device("meta"):
        state = make(1000).state_dict()
    listing = "".join(f"{key} {'x'.join(map(str, tensor.shape))}\n" for key, tensor in sorted(state.items()))
    return {"keys": len(state), "sha256": hashlib.sha256(listing.encode()).hexdigest()}


def answers(network):
    """Return the logits of two small pictures."""
    with torch.inference_mode():
        return [[float(f"{logit:.6g}") for logit in row] for row in network(inputs(2)).tolist()]


def ours(name):
    """Return the facts as Saccade has them."""
    from saccade.conversion.torchvision import recognise
    from saccade.conversion.torchvision.families import BLUEPRINTS
    from saccade.models.preprocess.run import carry_out

    make = BLUEPRINTS[name].make
    found = recognise(settled(make(CLASSES)).state_dict())
    presets = [
        {
            "weights": preset.weights,
            "digest": preset.digest,
            "settings": preset.as_settings(),
            "pixels": of_pixels(carry_out(preset.plan(), np.asarray(picture())).pixels),
        }
        for preset in found.presets
    ]
    return of_keys(make) | {
        "name": found.name,
        "classes": found.classes,
        "logits": answers(found.build()),
        "presets": presets,
    }


def original(name):
    """Return the facts as torchvision has them."""
    from torchvision import models

    def make(classes):
        return models.get_model(name, weights=None, num_classes=classes)

    presets = []
    for published in models.get_model_weights(name):
        transform = published.transforms()
        settings = {
            "resize_px": transform.resize_size[0],
            "crop_px": transform.crop_size[0],
            "resample": transform.interpolation.value,
            "mean": list(transform.mean),
            "std": list(transform.std),
        }
        digest = published.url.rpartition("-")[2].removesuffix(".pth")
        presets.append(
            {
                "weights": published.name,
                "digest": digest,
                "settings": settings,
                "pixels": of_pixels(transform(picture())),
            }
        )
    logits = answers(settled(make(CLASSES)))
    return of_keys(make) | {"name": name, "classes": CLASSES, "logits": logits, "presets": presets}


def published_names():
    """Return the names of every classifier that torchvision publishes of the families."""
    from torchvision import models

    return [name for name in models.list_models(module=models) if name.startswith(FAMILIES)]


def main():
    """Print the facts of what the command line names, or of everything."""
    torch.set_num_threads(1)
    told, *names = sys.argv[1:]
    ask = {"ours": ours, "original": original}[told]
    json.dump({name: ask(name) for name in names or published_names()}, sys.stdout)


if __name__ == "__main__":
    main()
