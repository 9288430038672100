"""Which families of timm's encoders our decoder works on: the table of docs/encoders.md.

python benchmarks/encoders.py [FAMILY ...]: takes the smallest encoder of each family (each module of timm),
with random weights, forward and backward on a square and on a landscape picture, and requires a map that
varies and a gradient for every weight that takes part. A few minutes.
"""

import sys

import timm
import torch
from torch import Tensor

from leadline.geometry import fit_size
from leadline.models.network import Network
from leadline.models.variants import TIMM
from leadline.types import LeadlineError, Size

SMALL = [
    "atto",
    "femto",
    "pico",
    "nano",
    "xxs",
    "xx_s",
    "tiny",
    "xs",
    "mini",
    "small",
    "lite",
    "test",
    "18",
    "26",
    "34",
    "b0",
    "s0",
    "050",
    "_s",
]


def smallest(names: list[str]) -> str:
    """Return the encoder with the fewest weights among those that sound small, as far as timm builds them."""
    counts = {}
    some = [name for name in names if any(word in name for word in SMALL)] or sorted(names, key=len)
    with torch.device("meta"):
        for name in some[:14]:
            encoder = timm.create_model(name, num_classes=0)
            counts[name] = sum(weight.numel() for weight in encoder.parameters())
    return min(counts, key=lambda name: counts[name])


def try_out(name: str) -> str:
    """Return what the table says of an encoder that works."""
    torch.manual_seed(0)
    network = Network(f"{TIMM}{name}")
    variant = network.variant
    for wanted in (Size(224, 224), Size(224, 288)):
        size = fit_size(wanted, Size(224, 224), multiple=variant.multiple, bound="lower")
        coarse = torch.rand(2, 3, size.h // 8, size.w // 8)
        image = torch.nn.functional.interpolate(coarse, size=tuple(size))
        found: Tensor = network(network.normalise(255 * image))
        assert found.shape == (2, 1, *size)
        assert found.isfinite().all()
        assert found.std() > 1e-4, found.std()
        network.zero_grad()
        found.mean().backward()  # type: ignore[no-untyped-call]
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    with torch.inference_mode():
        shapes = [one.shape[-1] for one in network.encoder(network.normalise(255 * image))]
    strides = ", ".join(f"{size.w / width:g}" for width in shapes)
    return f"{strides} | {variant.multiple}"


def main() -> None:
    print("| family | tried | strides | multiple |\n|---|---|---|---|")
    refused = []
    for family in sys.argv[1:] or timm.list_modules():
        names = timm.list_models(module=family)
        if not names:
            continue
        name = smallest(names)
        try:
            print(f"| {family} | {name} | {try_out(name)} |", flush=True)
        except LeadlineError as error:
            reason = str(error).partition("here: ")[2].partition(". Choose")[0]
            refused.append(f"| {family} | {name} | {reason} |")
    print("\n| family | tried | why not |\n|---|---|---|")
    print("\n".join(refused))


if __name__ == "__main__":
    main()
