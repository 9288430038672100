"""What transformers' preprocessing changes of the map: python benchmarks/parity.py

On photographs that scikit-image ships, with Depth Anything V2 S of random weights: the size at which the
network looks, and how far the map is from that of the authors' preprocessing, as a share of its range.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from skimage import data
from torch import Tensor
from transformers import DPTImageProcessor

from leadline.models.foreign import save_foreign
from leadline.models.network import Network
from leadline.predict.predictor import Predictor, View
from leadline.types import Size


def main() -> None:
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    predictor = Predictor(Network("depth-anything-v2-small"), device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        save_foreign(Path(folder) / "twin", predictor.network, layout="transformers")
        processor = DPTImageProcessor.from_pretrained(Path(folder) / "twin")
    print(f"{'picture':12} {'size':>9} {'authors':>9} {'transformers':>13} {'largest':>9} {'mean':>8}")
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        image: np.ndarray = getattr(data, name)()
        size = Size(*image.shape[:2])
        ours = predictor.network.normalise(torch.from_numpy(predictor.prepare(image)).permute(2, 0, 1)[None])
        theirs: Tensor = processor(images=image, return_tensors="pt")["pixel_values"]
        maps = [
            predictor.restore(View(predictor.network(picture)), size).values for picture in (ours, theirs)
        ]
        apart = np.abs(maps[0] - maps[1]) / np.ptp(maps[0])
        looked = [str(Size(*picture.shape[-2:])) for picture in (ours, theirs)]
        print(f"{name:12} {size!s:>9} {looked[0]:>9} {looked[1]:>13} {apart.max():9.2%} {apart.mean():8.2%}")


if __name__ == "__main__":
    main()
