"""How many labelled pictures a second one process renders: python benchmarks/render.py"""

import time

from machine import describe

from leadline.render.source import ProceduralSource
from leadline.types import Size

PICTURES = 16


def main() -> None:
    print(f"{describe()}, one process")
    ProceduralSource(1)[0]  # loads Embree
    for size in (Size(192, 256), Size(288, 384), Size(480, 640)):
        source = ProceduralSource(PICTURES, size=size, seed=1)
        wall, work = time.perf_counter(), time.process_time()
        for index in range(PICTURES):
            source[index]
        wall, work = time.perf_counter() - wall, time.process_time() - work
        print(f"{size}: {PICTURES / wall:.2f} pictures a second ({work / PICTURES:.2f} s of processor each)")


if __name__ == "__main__":
    main()
