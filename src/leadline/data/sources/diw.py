"""DIW, Depth in the Wild: photographs with one pair of points each."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from leadline.data.layout import Fields, Layout
from leadline.data.sources.dataset import Dataset, Frame
from leadline.data.sources.points import read_csv
from leadline.types import PointPair


def _listed(root: Path, *, table: str) -> Iterator[Fields]:
    file = root / table
    return ((name.removesuffix(".thumb"),) for name in (read_csv(file) if file.exists() else ()))


def _layout(split: str, pictures: str) -> Layout:
    table = f"DIW_Annotations/DIW_{split}.csv"
    files = {"picture": f"{pictures}/{{frame}}.thumb", "pairs": table}
    return Layout(files, entries=partial(_listed, table=table))


def _pairs(frame: Frame) -> tuple[PointPair, ...]:
    return read_csv(frame.file("pairs"))[f"{frame['frame']}.thumb"]


DATASET = Dataset(
    name="diw",
    title="DIW (Depth in the Wild)",
    roles="benchmark of MiDaS (WHDR): which of two points is closer",
    licence="not stated (unverified)",
    home="http://www-personal.umich.edu/~wfchen/depth-in-the-wild",
    size="74,441 pictures to measure with, 421K others",
    rules="The table holds by turns a picture and yA,xA,yB,xB,relation,width,height; coordinates count from "
    "1 (test_model_on_DIW.lua of princeton-vl/relative_depth, which calls '>' 'z_A > z_B'; that z is depth, "
    "so B is the closer one, is our reading of it). Pictures are JPEG named .thumb.",
    splits={
        "test": (_layout("test", "DIW_test"),),
        "train": (_layout("train_val", "DIW_train_val"),),
    },
    test="test",
    pairs=_pairs,
)
