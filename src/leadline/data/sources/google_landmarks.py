"""Google Landmarks v2."""

from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset

DATASET = Dataset(
    name="google-landmarks",
    title="Google Landmarks v2",
    roles="unlabelled in V1 and V2 (4.1M)",
    licence="CC and public domain, listed per picture (unverified)",
    home="https://github.com/cvdfoundation/google-landmark",
    size="4.1M pictures of the training part, 500 GB (unverified)",
    rules="images_*.tar of the training part, whose members lie three folders deep by their first "
    "characters, or unpacked into train.",
    splits={
        "train": (
            Layout({"picture": "train/images_{part:digits}.tar!{a}/{b}/{c}/{frame}.jpg"}),
            Layout({"picture": "train/{a}/{b}/{c}/{frame}.jpg"}),
        )
    },
    train="train",
)
