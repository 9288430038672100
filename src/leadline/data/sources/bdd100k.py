"""BDD100K, drives in American cities."""

from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset

DATASET = Dataset(
    name="bdd100k",
    title="BDD100K",
    roles="unlabelled in V1 and V2 (8.2M, frames of the videos)",
    licence="BSD 3-Clause (unverified)",
    home="https://bdd-data.berkeley.edu",
    size="100K key frames of 1280x720 (5.3 GB); the videos 1.8 TB (unverified)",
    rules="images/100k, or frames that you cut out of the videos into frames/<video>. Maps of labels are no "
    "pictures and are left out.",
    splits={
        "train": (Layout({"picture": "images/100k/train/{frame}.jpg"}),),
        "frames": (Layout({"picture": "frames/{video}/{frame}.jpg"}),),
    },
    train="train",
)
