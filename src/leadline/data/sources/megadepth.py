"""MegaDepth: landmarks reconstructed from photographs of the web."""

import numpy as np

from leadline.data.decoders import read_hdf5
from leadline.data.layout import Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.labels import up_to_scale
from leadline.types import Label

_LAYOUT = Layout(
    {
        "picture": "{scene}/{dense}/imgs/{frame}.*",
        "label": "{scene}/{dense}/depths/{frame}.h5",
    },
    listed="label",
)


def _label(frame: Frame) -> Label:
    depth = read_hdf5(frame.file("label"), "depth")
    return up_to_scale(depth, valid=np.full(depth.shape, depth.min(initial=0) >= 0))


DATASET = Dataset(
    name="megadepth",
    title="MegaDepth v1",
    roles="labelled in MiDaS 3.1 and V1 (128K)",
    licence="CC BY 4.0; photographs under their own terms (unverified)",
    home="https://www.cs.cornell.edu/projects/megadepth",
    size="130K pictures, 199 GB",
    rules="HDF5 'depth' in an unknown unit of each reconstruction, so affine disparity 1 / depth; 0 is "
    "invalid, sky included; a map with negative numbers holds ordinal labels and no depth, so nothing of it "
    "is valid (MegaDepth's data/image_folder.py, which MiDaS follows: isl-org/MiDaS issue 16).",
    splits={"all": (_LAYOUT,)},
    train="all",
    label=_label,
)
