"""ApolloScape stereo: streets scanned by LiDAR, with models of moving cars."""

from leadline.data.files import read_map, read_mask
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import affine
from leadline.types import Label

_LAYOUT = Layout(
    {
        "picture": "{part}/camera_5/{frame}.jpg",
        "label": "{part}/disparity/{frame}.png",
        "foreground": "{part}/fg_mask/{frame}.png",
        "background": "{part}/bg_mask/{frame}.png",
    },
    listed="label",
)


def _label(frame: Frame) -> Label:
    disparity = read_map(frame.file("label"))
    seen = read_mask(frame.file("foreground")) | read_mask(frame.file("background"))
    return affine(disparity, valid=seen & (disparity > 0))


DATASET = Dataset(
    name="apolloscape",
    title="ApolloScape stereo",
    roles="labelled in MiDaS 3.1",
    licence="research, not commercial (unverified)",
    home="http://apolloscape.auto/stereo.html",
    size="4,156 pictures of 3130x960 in stereo_train_001 to _003 (unverified)",
    rules="PNG disparity, counted where the foreground or the background mask is set (stereo/eval_stereo.py "
    "of dataset-api), which leaves sky out. Unit and baseline are disputed (dataset-api issues 25, 81, 121), "
    "so it is affine disparity.",
    splits={"all": (_LAYOUT,)},
    train="all",
    label=_label,
)
