"""MiDaS (Ranftl et al., TPAMI 2022): a teacher on mixed labelled data, and nothing after it."""

from leadline.data.perturb import NONE
from leadline.data.transforms import Crop
from leadline.engine.objective import Term
from leadline.engine.optim import Optim
from leadline.stages.teacher import TeacherConfig

# Section 5: the trimmed loss is a sum over the 80 % smallest residuals divided by twice
# the number of pixels, a weight of 0.8 / 2 on the mean that `ssi_mae` takes; gradients weigh 0.5.
_OBJECTIVE = {
    "ssi": Term(loss="ssi_mae", weight=0.4, trim=0.2),
    "gradient": Term(loss="gradient_matching", weight=0.5),
}

TEACHER = TeacherConfig(
    recipe="midas",
    objective=_OBJECTIVE,
    perturb=NONE,  # section 6: flips and crops only
    crop=Crop(size=384),  # section 6
    batch=80,  # section 6: 8 of each dataset; ours: 10 datasets, drawn without balancing
    optim=Optim(
        steps=54_000,  # section 6: an epoch is 72,000 pictures; ours: 60 of them
        lr=1e-5,  # section 6: pretrained layers
        decoder_ratio=10,  # section 6: 1e-4 for the others
        betas=(0.9, 0.999),  # section 6
        weight_decay=0,  # section 6: Adam
        schedule="constant",  # ours: none is published
    ),
)
