"""Depth Anything V1 (Yang et al., CVPR 2024): a student on labelled and pseudo-labelled pictures."""

from leadline.data.perturb import NONE, Perturbation
from leadline.data.transforms import Crop
from leadline.engine.objective import Term
from leadline.engine.optim import Optim
from leadline.stages.student import StudentConfig
from leadline.stages.teacher import TeacherConfig

_CROP = Crop(size=518)  # section 6: short side 518, aspect kept, random crop


def _optim(steps: int) -> Optim:
    return Optim(
        steps=steps,
        lr=5e-6,  # section 4.1
        decoder_ratio=10,  # section 4.1
        schedule="linear",  # section 4.1
        weight_decay=0.01,  # ours: AdamW is published, its decay is not
    )


TEACHER = TeacherConfig(
    recipe="depth-anything-v1",
    network="depth-anything-v1-large",  # section 4.1
    objective={"ssi": Term(loss="ssi_mae")},  # section 3.1
    perturb=NONE,  # section 3.2: labelled pictures are only mirrored
    crop=_CROP,
    batch=64,  # ours: not published
    optim=_optim(470_000),  # section 4.1: 20 epochs of 1.5 million pictures
)

STUDENT = StudentConfig(
    recipe="depth-anything-v1",
    network="depth-anything-v1-small",  # section 4.1: or base, large
    start="pretrained",  # V1, section 3.2: a fresh decoder, never the teacher's weights
    objective={  # section 3.3: the plain average of the three losses
        "labelled": Term(loss="ssi_mae", weight=1 / 3, on="labelled"),
        "pseudo": Term(loss="ssi_mae", weight=1 / 3, on="pseudo"),
        "features": Term(loss="feature_alignment", weight=1 / 3, on="pseudo", tolerance=0.85),
    },
    perturb=Perturbation(),  # section 3.2; strengths from UniMatch, see `leadline.data.perturb`
    crop=_CROP,
    batch=128,  # ours: not published
    labelled_batch=64,  # section 4.1: labelled to unlabelled 1:2
    optim=_optim(484_000),  # section 3.2: one pass over 62 million pictures
)
