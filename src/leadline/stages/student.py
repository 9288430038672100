"""Stage 3: the teacher's labels -> a student, which starts afresh and never sees the teacher's weights."""

from dataclasses import dataclass
from pathlib import Path

from leadline.data.loader import Stream
from leadline.data.perturb import NONE
from leadline.engine.fit import fit
from leadline.engine.run import Run
from leadline.stages.sources import open_sources


@dataclass(frozen=True, kw_only=True)
class StudentConfig(Run):
    """Train a student on pseudo-labelled pictures, with or without labelled ones beside them."""

    pseudo: tuple[str, ...] = ()
    """Stores of pseudo-labels."""
    batch: int
    """Pseudo-labelled pictures a step, over all processes."""
    labelled: tuple[str, ...] = ()
    """Labelled sources, for recipes that mix them in."""
    labelled_batch: int = 0
    """Labelled pictures a step; they are cropped and mirrored, never perturbed."""
    out: Path = Path("runs/student")
    """Folder of the run: weights.safetensors, log.jsonl, and the state it goes on from after a kill."""

    def __post_init__(self) -> None:
        """Refuse what cannot be learnt from, and labelled pictures that would be forgotten silently."""
        super().__post_init__()
        if self.batch < 1 or self.labelled_batch < 0:
            raise ValueError(
                "batch and labelled_batch: at least 1 pseudo-labelled picture a step and 0 labelled ones, "
                f"got {self.batch}, {self.labelled_batch}"
            )
        if self.labelled and not self.labelled_batch:
            raise ValueError(
                "this recipe mixes no labelled pictures in: leave --labelled away, or set --labelled-batch"
            )


def train_student(config: StudentConfig) -> Path:
    """Train the student, or go on with it, and return the path of its weights.

    Raises:
        LeadlineError: where a source is missing that the recipe mixes in.
    """
    source = open_sources(config.pseudo, role="pseudo")
    streams = [Stream(source=source, batch=config.batch, perturb=config.perturb, pseudo=True)]
    data = {"pseudo": source.provenance()}
    if config.labelled_batch:
        labelled = open_sources(config.labelled, role="labelled")
        streams.append(Stream(source=labelled, batch=config.labelled_batch, perturb=NONE, pseudo=False))
        data["labelled"] = labelled.provenance()
    return fit(config, streams, config.out, origin={"stage": "student", "data": data})
