"""Linear layers as fast as a CPU allows, and convolutions that are safe there."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Linear(nn.Linear):
    """A linear layer that asks oneDNN at inference on a CPU: PyTorch's choice takes up to twice as long.

    The same product, up to the order of its sums (benchmarks/predict.py); everywhere else PyTorch's.
    """

    def forward(self, x: Float[Tensor, "*b n"]) -> Float[Tensor, "*b m"]:
        """Multiply, and add the bias."""
        plain = x.device.type == "cpu" and x.dtype == self.weight.dtype == torch.float32
        if plain and not (torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or _is_traced()):
            product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
            return product
        return super().forward(x)


class Picking(nn.Conv2d):
    """A 1x1 convolution with strides that picks its pixels first.

    The same result. PyTorch 2.14's own, on a CPU, writes beyond its memory in the backward pass where
    channels come last and are few, as the colours are that some encoders begin with (FastViT).
    """

    def forward(self, x: Float[Tensor, "b c _h _w"]) -> Float[Tensor, "b c2 _h2 _w2"]:
        """Convolve every pixel that a stride lands on."""
        rows, columns = self.stride
        return F.conv2d(x[..., ::rows, ::columns], self.weight, self.bias)


def accelerate(module: nn.Module) -> None:
    """Make the linear layers of `module` ours, and the convolutions of few channels that need it.

    Parameters and their names stay.
    """
    for layer in module.modules():
        if type(layer) is nn.Linear and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            layer.__class__ = Linear
        elif type(layer) is nn.Conv2d and _picks(layer):
            layer.__class__ = Picking


def _picks(layer: nn.Conv2d) -> bool:
    """Whether it is a 1x1 convolution with strides of few channels; from 16 on, PyTorch's is sound."""
    plain = layer.kernel_size == (1, 1) and layer.padding == (0, 0) and layer.groups == 1
    return plain and layer.stride != (1, 1) and layer.in_channels < 16


def _is_traced() -> bool:
    """Whether a graph is being recorded, which others will run."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
