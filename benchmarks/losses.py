"""What the losses of the student cost beside a step of ViT-S at 518x518, batch 4: python benchmarks/losses.py

The step is the encoder's forward and backward pass alone: with a decoder the share would be smaller.
"""

import timm
import torch
from machine import describe, seconds

from leadline.losses import feature_alignment, gradient_matching, ssi_mae

BATCH, SIDE, PATCH, WIDTH = 4, 518, 14, 384


def main() -> None:
    print(describe())
    torch.manual_seed(0)
    encoder = timm.create_model("vit_small_patch14_dinov2", pretrained=False, img_size=SIDE)
    picture = torch.rand(BATCH, 3, SIDE, SIDE)
    prediction = torch.rand(BATCH, 1, SIDE, SIDE, requires_grad=True)
    target, valid = torch.rand(BATCH, 1, SIDE, SIDE), torch.rand(BATCH, 1, SIDE, SIDE) > 0.1
    features = torch.randn(BATCH, WIDTH, SIDE // PATCH, SIDE // PATCH, requires_grad=True)
    frozen = torch.randn(BATCH, WIDTH, SIDE // PATCH, SIDE // PATCH)
    losses = {
        "ssi_mae, 10 % ignored": lambda: ssi_mae(prediction, target, valid, trim=0.1),
        "gradient_matching": lambda: gradient_matching(prediction, target, valid),
        "feature_alignment": lambda: feature_alignment(features, frozen),
    }
    rounds = []
    for _ in range(4):
        step = seconds(lambda: encoder.forward_features(picture).mean().backward())
        rounds.append([step, *(seconds(lambda loss=loss: loss().backward()) for loss in losses.values())])  # type: ignore[misc]
    step, *costs = torch.tensor(rounds[1:]).median(dim=0).values.tolist()
    print(f"ViT-S forward and backward: {step:.2f} s")
    for name, cost in zip(losses, costs, strict=True):
        print(f"{name}: {cost:.3f} s, {cost / (step + sum(costs)):.2%} of a step")
    print(f"together: {sum(costs) / (step + sum(costs)):.2%} of a step")


if __name__ == "__main__":
    main()
