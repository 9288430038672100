"""What an evaluation pins, as data: which pixels count, in which limits, at which size.

All protocols fit scale and shift by least squares in disparity: it is the space that Depth Anything is
evaluated in (its author, LiheYoung/Depth-Anything issue 174) and that MoGe's harness aligns in.
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool

from leadline.types import LeadlineError, Size

Crop = Literal["none", "eigen", "garg"]
Convention = Literal["paper", "strict"]

_EIGEN_SIZE = Size(480, 640)
_EIGEN = (slice(45, 471), slice(41, 601))  # NYU Depth V2; ZoeDepth and BTS evaluate with these numbers
_GARG = ((0.40810811, 0.99189189), (0.03594771, 0.96405229))  # KITTI, shares of height and width


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Which pixels of a label count, and what is done to an aligned prediction before it is compared."""

    name: str
    """``strict``, or ``paper/`` and the benchmark."""
    caps: tuple[float, float] | None = None
    """Metres. Label pixels count strictly between them, aligned predictions are clipped to them."""
    crop: Crop = "none"
    """Part of the picture that counts."""
    clamp: bool = False
    """Aligned disparities are at least the smallest that counts, so none is farther than the farthest label.

    Where a label has no metres this is done in any case: a negative disparity has no logarithm.
    """
    outliers: float | None = None
    """Label pixels farther than this many times the label's 1 % quantile of depth do not count."""
    long_side: int | None = None
    """Larger pictures and labels are reduced to it before anything else; their own size where not given."""
    origin: str
    """Where the numbers come from, and whether published figures come out."""

    def __post_init__(self) -> None:
        """Refuse to let a disparity near zero count as any distance (ETH3D's AbsRel would be about 1200)."""
        if self.caps is None and not self.clamp:
            raise ValueError(f"the protocol {self.name} needs caps or clamp: aligned disparities may be 0")


STRICT = Protocol(
    name="strict",
    clamp=True,
    outliers=1000,
    long_side=2048,
    origin="MoGe's harness: clamp of moge/test/metrics.py, drop_max_depth of moge/test/dataloader.py, 2048 "
    "pixels for ETH3D, the largest, of configs/eval/all_benchmarks.json; its warp to a common field of "
    "view is left out",
)
"""The convention that papers since MoGe can be compared under; the same for every benchmark."""

PAPER = {
    "nyuv2": Protocol(
        name="paper/nyuv2",
        caps=(1e-3, 10),
        crop="eigen",
        origin="Eigen et al. 2014; raw depths of the 654 test pictures; V2-S/B/L come out within 7 % of the "
        "paper (kmatzen/plumbline, protocols/nyu_eigen_2014.yaml)",
    ),
    "kitti": Protocol(
        name="paper/kitti",
        caps=(1e-3, 80),
        crop="garg",
        origin="Garg et al. 2016; improved depths of the 652 Eigen test pictures; V2-S/B/L come out within "
        "5 % of the paper (kmatzen/plumbline, protocols/kitti_eigen_garg.yaml)",
    ),
    "sintel": Protocol(
        name="paper/sintel",
        caps=(1e-3, 70),
        origin="kmatzen/plumbline, protocols/sintel_dav2.yaml; V2's published figures do not come out",
    ),
    "eth3d": Protocol(
        name="paper/eth3d",
        caps=(1e-3, 80),
        long_side=2048,
        origin="kmatzen/plumbline, protocols/eth3d_dav2.yaml, but its rendering at 518 pixels; V2's "
        "published figures do not come out",
    ),
    "diode": Protocol(
        name="paper/diode",
        caps=(1e-3, 50),
        origin="kmatzen/plumbline, protocols/diode_dav2.yaml; V2's figures come out indoors, not outdoors",
    ),
    "ddad": Protocol(
        name="paper/ddad",
        caps=(1e-3, 80),
        crop="garg",
        origin="metric evaluation of Depth Anything V1 (zoedepth/utils/config.py); how its relative figures "
        "were made is not published",
    ),
    "ibims1": Protocol(
        name="paper/ibims1",
        caps=(1e-3, 10),
        crop="eigen",
        origin="metric evaluation of Depth Anything V1 (zoedepth/utils/config.py)",
    ),
}
"""What the papers' figures were made with, as far as it is known; every other source is measured strictly."""

PROTOCOLS = {rules.name: rules for rules in (STRICT, *PAPER.values())}

_ALIASES = {
    "nyu": "nyuv2",
    "nyudepthv2": "nyuv2",
    "nyueigen": "nyuv2",
    "kittieigen": "kitti",
    "ibims": "ibims1",
}


def find_protocol(convention: Convention, source: str) -> Protocol:
    """Look up how pictures of a source of that name are measured; capitals and dashes are free."""
    if convention == "strict":
        return STRICT
    name = re.sub(r"[^a-z0-9]", "", source.lower())
    return PAPER.get(_ALIASES.get(name, name), STRICT)


def inside_crop(crop: Crop, size: Size) -> Bool[np.ndarray, "h w"]:
    """Mark the pixels that a crop keeps.

    Raises:
        LeadlineError: where Eigen's crop, which is given in pixels of 480x640, meets another size.
    """
    kept = np.zeros(size, np.bool_)
    if crop == "none":
        kept[:] = True
    elif crop == "eigen":
        if size != _EIGEN_SIZE:
            raise LeadlineError(
                f"Eigen's crop is defined for pictures of {_EIGEN_SIZE}, this one is {size}: evaluate with "
                "--protocol strict, or give the source another ?name="
            )
        kept[_EIGEN] = True
    else:
        rows, columns = (
            slice(int(low * side), int(high * side)) for (low, high), side in zip(_GARG, size, strict=True)
        )
        kept[rows, columns] = True
    return kept
