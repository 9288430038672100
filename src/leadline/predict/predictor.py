"""From pictures to maps: one path for labels, evaluation and everyone else, so numbers agree."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32, UInt8
from torch import Tensor

from leadline.data.transforms import require_usable, resize_picture
from leadline.geometry import fit_size
from leadline.models.network import Network
from leadline.types import Prediction, Size

Picture = UInt8[np.ndarray, "_h _w 3"]


class Predictor:
    """Resizes a picture to its network, runs it, and brings the map back to the picture's size."""

    def __init__(
        self,
        network: Network,
        *,
        device: torch.device | str = "cpu",
        short_side: int | None = None,
        batch: int = 8,
    ) -> None:
        """Put `network` on `device` for pictures whose short side becomes at least `short_side` pixels."""
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network = network.eval()
        self.device = torch.device(device)
        self.short_side = short_side or network.variant.short_side
        self.batch = batch

    def prepare(self, image: Picture) -> Picture:
        """Resize a picture for the network: aspect kept, sides a multiple of what the encoder needs.

        Raises:
            UnreadableError: for a picture too long and narrow to be enlarged.
        """
        require_usable(Size(*image.shape[:2]))
        variant = self.network.variant
        lower = Size(self.short_side, self.short_side)
        size = fit_size(Size(*image.shape[:2]), lower, multiple=variant.multiple, bound="lower")
        return resize_picture(image, size, variant.interpolation)

    @torch.inference_mode()
    def maps(self, prepared: Sequence[Picture]) -> list[Float32[Tensor, "1 1 _h _w"]]:
        """Run the network on prepared pictures, those of one size together; maps come in their order."""
        by_size: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, image in enumerate(prepared):
            by_size[image.shape].append(number)
        maps: dict[int, Tensor] = {}
        for numbers in by_size.values():
            for some in (numbers[i : i + self.batch] for i in range(0, len(numbers), self.batch)):
                images = torch.from_numpy(np.stack([prepared[n] for n in some])).permute(0, 3, 1, 2)
                predicted = self.network(self.network.normalise(images.to(self.device))).float()
                maps.update(zip(some, predicted.split(1), strict=True))
        return [maps[number] for number in range(len(prepared))]

    def restore(self, map: Float32[Tensor, "1 1 _h _w"], size: Size) -> Prediction:
        """Bring a map to the picture's `size`."""
        full = F.interpolate(map, size=tuple(size), mode="bilinear", align_corners=True)
        return Prediction(values=full[0, 0].cpu().numpy(), space=self.network.space)

    def __call__(self, images: Iterable[Picture]) -> list[Prediction]:
        """Predict a map for each picture, at the picture's size."""
        images = list(images)
        maps = self.maps([self.prepare(image) for image in images])
        return [self.restore(m, Size(*i.shape[:2])) for m, i in zip(maps, images, strict=True)]
