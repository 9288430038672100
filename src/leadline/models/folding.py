"""Batch normalisation folded into the convolutions before it: the same map, sooner, for inference alone."""

import copy

from timm.layers import BatchNormAct2d
from timm.models._efficientnet_blocks import DepthwiseSeparableConv, InvertedResidual
from timm.models.efficientnet import EfficientNetFeatures
from torch import nn

from leadline.models.network import Network

_PAIRS: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    EfficientNetFeatures: (("conv_stem", "bn1"),),
    DepthwiseSeparableConv: (("conv_dw", "bn1"), ("conv_pw", "bn2")),
    InvertedResidual: (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")),
}
"""Block of timm -> its convolutions, each with what normalises its output."""


def folded(network: Network) -> Network:
    """Return a copy of `network` without the batch normalisations of `_PAIRS`; itself where it has none.

    Maps are the same up to rounding. The copy shares what is not folded, and does not follow in what is when
    the weights of `network` change.
    """
    if not any(type(module) in _PAIRS for module in network.modules()):
        return network
    kept = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    network = copy.deepcopy(network, kept)
    for block in list(network.modules()):
        for convolution, norm in _PAIRS.get(type(block), ()):
            before, after = block.get_submodule(convolution), block.get_submodule(norm)
            if isinstance(before, nn.Conv2d) and isinstance(after, BatchNormAct2d):
                setattr(block, convolution, nn.utils.fuse_conv_bn_eval(before, after))
                setattr(block, norm, after.act)
    return network
