"""Linear layers as fast as a CPU allows."""

import torch
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


def accelerate(module: nn.Module) -> None:
    """Make the linear layers of `module` ours; parameters and their names stay."""
    for layer in module.modules():
        if type(layer) is nn.Linear and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            layer.__class__ = Linear


def _is_traced() -> bool:
    """Whether a graph is being recorded, which others will run."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
