"""Objects365."""

from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset

DATASET = Dataset(
    name="objects365",
    title="Objects365",
    roles="unlabelled in V1 and V2 (1.7M)",
    licence="CC BY 4.0 annotations; photographs under their own terms (unverified)",
    home="https://www.objects365.org",
    size="1.7M pictures of the training part, 340 GB (unverified)",
    rules="train/patch*.tar.gz decompressed to .tar, or unpacked.",
    splits={
        "train": (
            Layout({"picture": "train/patch{part:digits}.tar!{path:deep}.jpg"}),
            Layout({"picture": "train/{path:deep}.jpg"}),
        )
    },
    train="train",
)
