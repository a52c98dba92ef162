#!/usr/bin/env python3
"""Times `polysem incidental collisions` against the same steps in PyTorch, turn and turn about, and extrapolates.

The same work: the identity through (W W^T), ReLU, squared errors and L1, one AdamW step; one instance. `plain` is
the ten lines that one writes, `fused` the same with AdamW(fused=True). polysem's seconds are those of a whole run of
the program, less those of a run of one step. Prints seconds a step, the median of the rounds.
"""

import argparse
import os
import statistics
import subprocess
import time


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--polysem", default="build/release/bin/polysem")
    parser.add_argument("--features", type=int, default=256)
    parser.add_argument("--neurons", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=300, help="that are timed")
    parser.add_argument("--total", type=int, default=7500, help="steps to extrapolate to")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def torch_seconds(torch, a, fused):
    w = torch.nn.Parameter(torch.randn(a.features, a.neurons) / a.neurons**0.5)
    identity = torch.eye(a.features)
    adam = torch.optim.AdamW([w], lr=1e-3, fused=fused)

    def step():
        loss = (torch.relu(w @ w.T) - identity).square().sum() + 1e-3 * w.abs().sum()
        adam.zero_grad()
        loss.backward()
        adam.step()

    for _ in range(10):
        step()
    start = time.perf_counter()
    for _ in range(a.steps):
        step()
    return (time.perf_counter() - start) / a.steps


def program_seconds(a, steps):
    start = time.perf_counter()
    subprocess.run([a.polysem, "incidental", "collisions", "--features", str(a.features), "--neurons", str(a.neurons),
                    "--instances", "1", "--steps", str(steps), "--threads", str(a.threads), "--quiet"],
                   check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def polysem_seconds(a):
    return (program_seconds(a, a.steps + 1) - program_seconds(a, 1)) / a.steps


def main():
    a = parse_arguments()
    import torch

    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    contestants = {
        "polysem": lambda: polysem_seconds(a),
        "PyTorch, plain": lambda: torch_seconds(torch, a, False),
        "PyTorch, fused": lambda: torch_seconds(torch, a, True),
    }
    found = {name: [] for name in contestants}
    for _ in range(a.rounds):
        for name, measure in contestants.items():
            found[name].append(measure())
    base = statistics.median(found["polysem"])
    print(f"n {a.features}, m {a.neurons}, {a.threads} threads, torch {torch.__version__}")
    for name, seconds in found.items():
        median = statistics.median(seconds)
        print(f"{name:15} {1e3 * median:8.2f} ms a step, {median * a.total:7.1f} s for {a.total} steps, "
              f"{median / base:5.2f} times polysem")


if __name__ == "__main__":
    main()
