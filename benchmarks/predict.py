"""Depth Anything V2 against transformers' model with the same weights: python benchmarks/predict.py [ROUNDS]

Size S at 518x686, one picture at a time, float32 and bfloat16, the two alternating in one process with the
same threads. Weights are random; speed does not depend on them.
"""

import sys
import tempfile
from pathlib import Path

import torch
from machine import describe, ratio
from torch import nn
from transformers import DepthAnythingForDepthEstimation

from leadline.models.foreign import load_foreign, save_foreign
from leadline.models.network import Network

SIZE = 518, 686


def compare(title: str, theirs: nn.Module, ours: nn.Module, picture: torch.Tensor, *, rounds: int) -> None:
    def bare() -> torch.Tensor:
        found: torch.Tensor = theirs(picture).predicted_depth
        return found

    def whole() -> torch.Tensor:
        found: torch.Tensor = ours(picture)[:, 0]
        return found

    expected, found = bare().float(), whole().float()
    difference = ((found - expected).abs().max() / expected.abs().max()).item()
    b, w, r = ratio(bare, whole, rounds=rounds)
    print(
        f"{title}: transformers {b:.3f} s, leadline {w:.3f} s, {r:.2f} times as fast; "
        f"largest difference {difference:.1e} of the largest value",
        flush=True,
    )


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(describe())
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    network = Network("depth-anything-v2-small").eval()
    with tempfile.TemporaryDirectory() as folder:
        save_foreign(Path(folder) / "twin", network, layout="transformers")
        twin = DepthAnythingForDepthEstimation.from_pretrained(Path(folder) / "twin").eval()
        network = load_foreign(Path(folder) / "twin")  # which stretches position embeddings as transformers
    network.to(memory_format=torch.channels_last)
    picture = torch.randn(1, 3, *SIZE).to(memory_format=torch.channels_last)
    compare("float32", twin, network, picture, rounds=rounds)
    half = twin.to(torch.bfloat16), network.to(torch.bfloat16)
    compare("bfloat16", *half, picture.to(torch.bfloat16), rounds=rounds)


if __name__ == "__main__":
    main()
