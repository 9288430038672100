"""ReDWeb: relative depth from the flow of stereo pictures of the web."""

from leadline.data.files import read_map
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import affine
from leadline.types import Label

_LAYOUT = Layout({"picture": "Imgs/{frame}.jpg", "label": "RDs/{frame}.png"})


def _label(frame: Frame) -> Label:
    raw = read_map(frame.file("label"))
    return affine(-raw, valid=raw != 255)


DATASET = Dataset(
    name="redweb",
    title="ReDWeb V1",
    roles="labelled in MiDaS and MiDaS 3.1 (3.6K)",
    licence="research, not commercial (unverified)",
    home="https://sites.google.com/site/redwebcvpr18",
    size="3,600 pictures",
    rules="8-bit PNG, the nearest 0: read as negated disparity, 255 invalid, as the author of MiDaS does, "
    "who says that he is not wholly sure (isl-org/MiDaS issue 16). 255 seems to be sky and what is farthest, "
    "so sky is not learnt.",
    splits={"all": (_LAYOUT,)},
    train="all",
    label=_label,
)
