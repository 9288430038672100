"""What keeping freed memory and compiled convolutions is worth: bare training steps in fresh processes.

python benchmarks/memory.py [ROUNDS]: alternates without and with, for memory on pictures of one size, for
compiled convolutions on pictures of 25 sizes, and prints the median ratios.
"""

import os
import statistics
import subprocess
import sys
from itertools import product

from machine import describe, seconds

STEPS = 6
SIDES = range(128, 257, 32)
USUAL = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}


def child(keep: bool, varied: bool) -> None:
    import torch

    from leadline.memory import keep_memory
    from leadline.models.network import Network

    if keep:
        keep_memory()
    network = Network("small", pretrained=True).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    sizes = list(product(SIDES, SIDES)) if varied else [(224, 224)] * STEPS

    def steps() -> None:
        for h, w in sizes:
            picture = torch.zeros(8, 3, h, w, dtype=torch.uint8)
            network(network.normalise(picture)).mean().backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    steps()
    print(seconds(steps) / len(sizes))


def measured(*, keep: bool, varied: bool, usual: bool = False) -> float:
    command = [sys.executable, __file__, "child", str(int(keep)), str(int(varied))]
    environment = {**os.environ, **(USUAL if usual else {})}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        child(*(word == "1" for word in sys.argv[2:]))
        return
    print(describe())
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    memory, compiled = [], []
    for _ in range(rounds):
        memory.append([measured(keep=keep, varied=False) for keep in (False, True)])
        compiled.append([measured(keep=True, varied=True, usual=usual) for usual in (True, False)])
    for what, pairs in (
        ("pictures of one size, with memory kept", memory),
        ("25 sizes, with all compiled convolutions kept", compiled),
    ):
        without, kept = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{what}: a step takes {kept:.3f} s instead of {without:.3f} s, {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
