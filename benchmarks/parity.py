"""How near we are to transformers: python benchmarks/parity.py [NETWORK ...]

First the networks at full width with the same random weights, square, portrait, landscape, smaller and larger
than they were trained at where transformers allows it: the largest difference of the maps as a share of the
largest value, and how much the map varies (or any two would agree). Then what transformers' preprocessing
changes of a map, on photographs that scikit-image ships, as a share of the map's range.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from machine import describe
from skimage import data
from torch import Tensor
from transformers import AutoModelForDepthEstimation, DPTImageProcessor

from leadline.models.foreign import load_foreign, save_foreign
from leadline.models.network import Network
from leadline.predict.predictor import Predictor, View
from leadline.types import Size

ANY = [(518, 518), (378, 252), (252, 378), (196, 294), (574, 532)]
SIZES = {
    "depth-anything-v2-small": ANY,
    "depth-anything-v2-metric-indoor-small": ANY[1:3],
    "depth-anything-v1-base": ANY[:3],
    "midas-dpt-large-384": [(384, 384), (256, 256)],  # of transformers' plain DPT only squares come out
    "midas-dpt-beit-large-512": [(512, 512), (256, 384), (384, 256)],
    "midas-dpt-swin2-tiny-256": [(256, 256)],
}


def vary(network: Network) -> None:
    """Draw weights that keep signals alive, and a head that its ReLU does not cut."""
    for name, tensor in network.named_parameters():
        noise = torch.randn_like(tensor)
        if tensor.ndim > 1:
            tensor.data = 0.9 / tensor[0].numel() ** 0.5 * noise
        else:
            tensor.data = 0.2 * noise + float(name.endswith(("weight", "gamma")))
    network.decoder.head.bias.data.fill_(1)  # type: ignore[union-attr]


def compare_networks(names: list[str]) -> None:
    print(f"{'network':40} {'size':>9} {'deviation / mean':>17} {'largest difference':>19}")
    for name in names:
        network = Network(name).eval()
        vary(network)
        with tempfile.TemporaryDirectory() as folder:
            save_foreign(Path(folder) / "twin", network, layout="transformers")
            twin = AutoModelForDepthEstimation.from_pretrained(Path(folder) / "twin").eval()
            network = load_foreign(Path(folder) / "twin")
        for size in SIZES[name]:
            picture = torch.randn(1, 3, *size)
            expected: Tensor = twin(picture).predicted_depth
            found = network(picture)[:, 0]
            apart = (found - expected).abs().max() / expected.abs().max()
            varies = expected.std() / expected.mean().abs()
            print(f"{name:40} {Size(*size)!s:>9} {varies:17.2f} {apart:19.1e}", flush=True)


def compare_preprocessing() -> None:
    predictor = Predictor(Network("depth-anything-v2-small"), device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        save_foreign(Path(folder) / "twin", predictor.network, layout="transformers")
        processor = DPTImageProcessor.from_pretrained(Path(folder) / "twin")
    print(f"\n{'picture':12} {'size':>9} {'authors':>9} {'transformers':>13} {'largest':>9} {'mean':>8}")
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        image: np.ndarray = getattr(data, name)()
        size = Size(*image.shape[:2])
        ours = predictor.network.normalise(torch.from_numpy(predictor.prepare(image)).permute(2, 0, 1)[None])
        theirs: Tensor = processor(images=image, return_tensors="pt")["pixel_values"]
        views = [View(predictor.network(picture)) for picture in (ours, theirs)]
        maps = [predictor.restore(view, size).values for view in views]
        apart = np.abs(maps[0] - maps[1]) / np.ptp(maps[0])
        looked = [str(Size(*picture.shape[-2:])) for picture in (ours, theirs)]
        print(f"{name:12} {size!s:>9} {looked[0]:>9} {looked[1]:>13} {apart.max():9.2%} {apart.mean():8.2%}")


def main() -> None:
    print(describe())
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    compare_networks(sys.argv[1:] or list(SIZES))
    compare_preprocessing()


if __name__ == "__main__":
    main()
