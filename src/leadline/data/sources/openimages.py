"""Open Images V7."""

from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset

DATASET = Dataset(
    name="openimages",
    title="Open Images V7",
    roles="unlabelled in V1 and V2 (7.8M)",
    licence="CC BY 2.0 as marked by the photographers (unverified)",
    home="https://storage.googleapis.com/openimages/web/download_v7.html",
    size="7.8M pictures of the training part, 512 GB (unverified)",
    rules="train_*.tar.gz decompressed to .tar, or unpacked.",
    splits={
        "train": (
            Layout({"picture": "train_{part}.tar!{path:deep}.jpg"}),
            Layout({"picture": "train/{path:deep}.jpg"}),
        )
    },
    train="train",
)
