"""ImageNet-21K."""

from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset

DATASET = Dataset(
    name="imagenet21k",
    title="ImageNet-21K",
    roles="unlabelled in V1 and V2 (13.1M)",
    licence="research, not commercial (unverified)",
    home="https://www.image-net.org",
    size="13.1M pictures, about 1.1 TB (unverified)",
    rules="A tar file or a folder for each class, in winter21_whole or in the root.",
    splits={
        "all": tuple(
            Layout({"picture": f"{place}{kind}{{frame}}.JPEG"})
            for place in ("", "winter21_whole/")
            for kind in ("{synset}.tar!", "{synset}/")
        )
    },
    train="all",
)
