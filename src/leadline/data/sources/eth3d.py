"""ETH3D, high-resolution multi-view: laser scans of rooms and grounds."""

from leadline.data.decoders import read_raw
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import metres
from leadline.types import Label

_LAYOUT = Layout(
    {
        "picture": "{scene}/images/dslr_images/{frame}.JPG",
        "label": "{scene}/ground_truth_depth/dslr_images/{frame}.JPG",
    },
    listed="label",
)


def _label(frame: Frame) -> Label:
    return metres(read_raw(frame.file("label"), frame.size))


DATASET = Dataset(
    name="eth3d",
    title="ETH3D (high-resolution multi-view, training)",
    roles="benchmark of MiDaS, V1 and V2",
    licence="CC BY-NC-SA 4.0 (unverified)",
    home="https://www.eth3d.net/datasets (_dslr_jpg and _dslr_depth)",
    size="454 pictures of about 6048x4032",
    rules="float32 rows in metres without a header, though the name ends in .JPG, at the size of the "
    "distorted picture; infinite is not measured (eth3d.net/documentation, as Marigold's eth3d_dataset.py "
    "reads it), so is sky.",
    splits={"all": (_LAYOUT,)},
    test="all",
    label=_label,
)
