"""Stage 1: labelled sources -> a teacher."""

from dataclasses import dataclass
from pathlib import Path

from leadline.data.loader import Stream
from leadline.engine.fit import fit
from leadline.engine.run import Run
from leadline.stages.sources import open_sources


@dataclass(frozen=True, kw_only=True)
class TeacherConfig(Run):
    """Train a teacher on labelled pictures."""

    labelled: tuple[str, ...] = ()
    """Labelled sources, one after another: PATH[?key=value&...], see the documentation of sources."""
    batch: int
    """Pictures a step, over all processes."""
    out: Path = Path("runs/teacher")
    """Folder of the run: weights.safetensors, log.jsonl, and the state it goes on from after a kill."""

    def __post_init__(self) -> None:
        """Refuse what cannot be learnt from."""
        super().__post_init__()
        if self.batch < 1:
            raise ValueError(f"batch: at least 1 picture a step, got {self.batch}")
        if self.perturb.cutmix:
            raise ValueError(
                f"perturb.cutmix: is for pseudo-labels, 0 for a teacher, got {self.perturb.cutmix}"
            )


def train_teacher(config: TeacherConfig) -> Path:
    """Train the teacher, or go on with it, and return the path of its weights."""
    source = open_sources(config.labelled, role="labelled")
    stream = Stream(source=source, batch=config.batch, perturb=config.perturb, pseudo=False)
    return fit(config, [stream], config.out, origin={"stage": "teacher", "data": source.provenance()})
