"""The three stages as nested calls, far too small to learn anything: python examples/pipeline.py FOLDER"""

import sys
from dataclasses import replace
from pathlib import Path

from leadline.data.transforms import Crop
from leadline.presets import depth_anything_v2, tiny
from leadline.stages.pseudo_label import PseudoLabelConfig, pseudo_label
from leadline.stages.render import RenderConfig, render
from leadline.stages.student import train_student
from leadline.stages.teacher import train_teacher


def main(out: Path) -> Path:
    teacher, student = tiny.teacher(depth_anything_v2.TEACHER), tiny.student(depth_anything_v2.STUDENT)
    small = {"optim": replace(teacher.optim, steps=2, warmup=0), "crop": Crop(size=64), "batch": 2}

    renders = render(RenderConfig(scenes=2, out=out / "renders"))
    weights = train_teacher(replace(teacher, labelled=(str(renders),), out=out / "teacher", **small))  # type: ignore[arg-type]
    labels = pseudo_label(
        PseudoLabelConfig(teacher=(weights,), pictures=(str(renders),), short_side=(64,), out=out / "labels")
    )
    return train_student(replace(student, pseudo=(str(labels),), out=out / "student", **small))  # type: ignore[arg-type]


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
