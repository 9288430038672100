"""Places365-Standard."""

from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset


def _layouts(folder: str, *archives: str) -> tuple[Layout, ...]:
    inside = f"{folder}/{{path:deep}}.jpg"
    return tuple(Layout({"picture": place + inside}) for place in (*(f"{name}!" for name in archives), ""))


DATASET = Dataset(
    name="places365",
    title="Places365",
    roles="unlabelled in V1 and V2 (6.5M)",
    licence="academic, not commercial (unverified)",
    home="http://places2.csail.mit.edu/download.html",
    size="1.8M pictures of the standard part (105 GB), 6.2M more of the challenge part",
    rules="The tar files of the release, or unpacked; standard is 'large' (short side 512), small its "
    "256x256.",
    splits={
        "all": _layouts(
            "data_large", "train_large_places365standard.tar", "train_large_places365challenge.tar"
        ),
        "small": _layouts("data_256", "train_256_places365standard.tar"),
    },
    train="all",
)
