"""Encoders of torchvision in place of the project's own, for users who have the arithmetic for them."""

from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.models.feature_extraction import create_feature_extractor

from nii.errors import UsageError

BACKBONES = {"resnet18": (64, 128, 256, 512), "resnet34": (64, 128, 256, 512), "resnet50": (256, 512, 1024, 2048)}
"""Channels at 1/4, 1/8, 1/16 and 1/32 of the resolution."""

LAYERS = {"layer1": "1/4", "layer2": "1/8", "layer3": "1/16", "layer4": "1/32"}


class Backbone(nn.Module):
    """A torchvision encoder whose first convolution takes our planes; (B, inputs, H, W) -> four levels."""

    def __init__(self, name: str, inputs: int) -> None:
        super().__init__()
        if name not in BACKBONES:
            raise UsageError(f"backbone: expected one of {', '.join(BACKBONES)}, came {name}")
        self.name, self.widths = name, BACKBONES[name]
        self.levels = create_feature_extractor(_with_inputs(get_model(name, weights=None), inputs), LAYERS)

    def forward(self, planes: Tensor) -> list[Tensor]:
        return list(self.levels(planes).values())

    def load_imagenet(self) -> None:
        """Take over the ImageNet weights, from torch's cache or its download; colours become our planes' mean.

        Raises UsageError where they can't be had.
        """
        try:
            known = get_model(self.name, weights="DEFAULT")
        except (URLError, OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(
                f"backbone {self.name}: expected its ImageNet weights in torch's cache or a network to load them "
                f"from, came {reason}"
            ) from error
        inputs = self.levels.conv1.in_channels
        self.levels.load_state_dict(_with_inputs(known, inputs).state_dict(), strict=False)


def _with_inputs(model: nn.Module, inputs: int) -> nn.Module:
    """The model with a first convolution of `inputs` planes, each with the mean weights of the three colours."""
    first = model.conv1
    assert isinstance(first, nn.Conv2d)  # noqa: S101 - so in every ResNet
    changed = nn.Conv2d(inputs, first.out_channels, 7, stride=2, padding=3, bias=False)
    with torch.no_grad():
        changed.weight.copy_(first.weight.mean(dim=1, keepdim=True).expand_as(changed.weight) * 3 / inputs)
    model.conv1 = changed
    return model
