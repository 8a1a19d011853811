"""torchvision's classifiers in plain torch: a state dict goes in, the network that it belongs to comes out.

Read are the families of the models that torchvision publishes for ResNet, ResNeXt, wide ResNet, EfficientNet,
MobileNet V3 and SqueezeNet, with any number of classes. Needs torch, and torchvision not at all.
"""

from saccade.conversion.torchvision.presets import Preset
from saccade.conversion.torchvision.recognition import Architecture, recognise

__all__ = ["Architecture", "Preset", "recognise"]
