"""SA-1B, the pictures of Segment Anything, in the tar files of their release."""

from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset

DATASET = Dataset(
    name="sa1b",
    title="SA-1B",
    roles="unlabelled in V1 and V2 (11.1M)",
    licence="SA-1B research licence (unverified)",
    home="https://ai.meta.com/datasets/segment-anything",
    size="11.1M pictures, about 11 TB",
    rules="sa_*.tar, in which masks lie beside the pictures, or unpacked.",
    splits={
        "all": (
            Layout({"picture": "sa_{part:digits}.tar!sa_{frame:digits}.jpg"}),
            Layout({"picture": "sa_{frame:digits}.jpg"}),
            Layout({"picture": "{folder}/sa_{frame:digits}.jpg"}),
        )
    },
    train="all",
)
