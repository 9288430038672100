"""What goes wrong slowly in a training: unreadable files, and an output that drifts off."""

from collections.abc import Mapping, Sequence

import torch
from lightning_fabric import Fabric

from leadline.console import console
from leadline.data.loader import Stream
from leadline.engine.run import Run
from leadline.types import Batch, LeadlineError


class Watch:
    """Counts the files of a run that cannot be read, and looks at the size of its output."""

    def __init__(self, run: Run, streams: Sequence[Stream]) -> None:
        self.limit = run.unreadable_limit * sum(len(stream.source) for stream in streams)
        self.unreadable: set[str] = set()
        self.warned = False

    def look(self, parts: Sequence[Batch]) -> None:
        """Count unreadable files, name new ones, and stop the run past its limit."""
        new = {which: why for batch in parts for which, why in batch.unreadable}
        for which in sorted(new.keys() - self.unreadable):
            console.print(f"left out: {new[which]}")
        self.unreadable |= new.keys()
        self._require_few()

    def share(self, fabric: Fabric) -> None:
        """Count what other processes could not read, so that all stop at the same step."""
        if fabric.world_size > 1:
            found: list[set[str]] = [set() for _ in range(fabric.world_size)]
            torch.distributed.all_gather_object(found, self.unreadable)
            self.unreadable.update(*found)
            self._require_few()

    def _require_few(self) -> None:
        if len(self.unreadable) > self.limit:
            raise LeadlineError(
                f"{len(self.unreadable)} files are unreadable, more than the limit of {self.limit:g} "
                "(unreadable_limit). Raise the limit to go on; with other files it is another run"
            )

    def drift(self, line: Mapping[str, float], *, first: Mapping[str, float], quiet: bool = False) -> None:
        """Warn once where the output has grown or shrunk a thousandfold since the `first` line."""
        deviation, before = line["output_deviation"], first.get("output_deviation")
        ratio = deviation / before if before else 0.0
        if not (quiet or self.warned) and not 1e-3 < ratio < 1e3:
            self.warned = True
            console.print(
                f"the output drifts: its mean deviation is {deviation:.3g}, "
                f"{ratio:.3g} times that at the start. Affine-invariant losses leave it free"
            )
