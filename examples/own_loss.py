"""How a loss treats scale, shift and masks: python examples/own_loss.py"""

import torch

from leadline.losses import gradient_matching, ssi_mae


def main() -> None:
    torch.manual_seed(0)
    target = torch.rand(1, 1, 48, 64)
    valid = torch.ones_like(target, dtype=torch.bool)

    print("an affine map of the target costs", float(ssi_mae(3 * target + 7, target, valid)))
    print("an inverted one costs", float(ssi_mae(-target, target, valid)))

    broken = target.clone()
    broken[..., :8] = torch.nan
    valid[..., :8] = False
    print("invalid pixels cost", float(gradient_matching(broken, target, valid)))


if __name__ == "__main__":
    main()
