"""LSUN, scenes and objects, in the LMDB folders of their release."""

from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset

DATASET = Dataset(
    name="lsun",
    title="LSUN",
    roles="unlabelled in V1 and V2 (9.8M)",
    licence="not stated (unverified)",
    home="https://github.com/fyu/lsun",
    size="9.8M pictures of ten scenes, short side 256",
    rules="{category}_train_lmdb, the unzipped LMDB whose values are encoded pictures, or what data.py "
    "export makes of it.",
    splits={
        "train": (
            Layout({"picture": "{category}_train_lmdb!{key:deep}"}),
            Layout({"picture": "{category}_train/{key:deep}.webp"}),
        )
    },
    train="train",
)
