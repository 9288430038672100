"""Weights in half the bytes: which tensors bear float16, and which do not."""

from collections.abc import Mapping

import torch
from torch import Tensor

_UNIT = 2.0**-11
"""Largest relative error of a number rounded to float16, between 6.1e-5 and 65504."""


def rounded(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights with large tensors rounded to float16; what would suffer stays as it is.

    Vectors stay: statistics, scales and biases are a fiftieth of a small network, of any magnitude, and an
    error in one of them moves a whole channel. So does what `bears_half` refuses.
    """
    return {name: tensor.half() if bears_half(tensor) else tensor for name, tensor in weights.items()}


def bears_half(tensor: Tensor) -> bool:
    """Whether float16 keeps a tensor of two or more dimensions as well as it keeps ordinary numbers.

    It does where the root mean square of the error is within float16's unit of that of the numbers, in the
    whole. Numbers beyond 65504 become infinite and fail; small ones lose digits and fail only where they are
    what the tensor is made of.
    """
    if tensor.dtype != torch.float32 or tensor.ndim < 2 or not tensor.any():
        return False
    error = torch.linalg.vector_norm((tensor.half().float() - tensor).double())
    return bool(error <= _UNIT * torch.linalg.vector_norm(tensor.double()))
