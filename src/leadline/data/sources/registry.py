"""Every data set that the papers name, in one table."""

from difflib import get_close_matches

from leadline.data.sources import (
    apolloscape,
    bdd100k,
    blendedmvs,
    da2k,
    ddad,
    diml,
    diode,
    diw,
    eth3d,
    google_landmarks,
    hrwsi,
    hypersim,
    ibims,
    imagenet21k,
    irs,
    kitti,
    kitti_stereo,
    lsun,
    megadepth,
    middlebury,
    nyuv2,
    objects365,
    openimages,
    places365,
    redweb,
    sa1b,
    sintel,
    sunrgbd,
    tartanair,
    vkitti2,
    wsvd,
)
from leadline.data.sources.dataset import Dataset
from leadline.types import LeadlineError

_LABELLED = (
    blendedmvs,
    diml,
    hrwsi,
    irs,
    megadepth,
    tartanair,
    hypersim,
    vkitti2,
    redweb,
    nyuv2,
    kitti,
    kitti_stereo,
    apolloscape,
    wsvd,
)
_BENCHMARKS = (sintel, eth3d, diode, ddad, ibims, middlebury, sunrgbd, diw, da2k)
_UNLABELLED = (
    sa1b,
    openimages,
    objects365,
    places365,
    lsun,
    bdd100k,
    google_landmarks,
    imagenet21k,
)

DATASETS: dict[str, Dataset] = {
    module.DATASET.name: module.DATASET for module in (*_LABELLED, *_BENCHMARKS, *_UNLABELLED)
}
"""Name on the command line -> data set: the labelled, those that only measure, the unlabelled."""


def find_dataset(name: str) -> Dataset:
    """Return a data set by its name.

    Raises:
        LeadlineError: where there is none, with the nearest name or all.
    """
    if name not in DATASETS:
        near = get_close_matches(name, DATASETS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(DATASETS)}"
        raise LeadlineError(f"there is no data set {name!r}; {hint}")
    return DATASETS[name]
