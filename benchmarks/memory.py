"""What keeping freed memory is worth: bare training steps in fresh processes, by default and with it.

python benchmarks/memory.py [ROUNDS]: alternates the two and prints the median ratio.
"""

import statistics
import subprocess
import sys

from machine import describe, seconds

STEPS = 6


def child(keep: bool) -> None:
    import torch

    from leadline.memory import keep_memory
    from leadline.models.network import Network

    if keep:
        keep_memory()
    network = Network("tiny", pretrained=True).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    picture = torch.zeros(8, 3, 224, 224, dtype=torch.uint8)

    def step() -> None:
        network(network.normalise(picture)).mean().backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    def steps() -> None:
        for _ in range(STEPS):
            step()

    step()
    print(seconds(steps) / STEPS)


def measured(keep: bool) -> float:
    command = [sys.executable, __file__, "child", str(int(keep))]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2] == "1")
        return
    print(describe())
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    pairs = [(measured(False), measured(True)) for _ in range(rounds)]
    default, kept = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"a step takes {default:.3f} s by default, {kept:.3f} s with memory kept: {ratio:.2f} times as fast"
    )


if __name__ == "__main__":
    main()
