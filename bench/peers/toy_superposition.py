#!/usr/bin/env python3
"""Times the training of toy models of superposition in PyTorch and in polysem, turn and turn about.

The same work: instances of x' = ReLU(W^T W x + b) side by side, sparse features drawn at every step, AdamW with rate
1e-3, as in the notebook of Elhage et al. (2022): einsum over instances, autograd. `compiled` is the same step through
torch.compile, where it works. Prints the median of the rounds and how many times polysem's run that is.
"""

import argparse
import json
import os
import statistics
import subprocess
import time


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--microbench", default="build/release/bin/polysem-microbench",
                        help="polysem-microbench (default: that of the release build)")
    parser.add_argument("--instances", type=int, default=20)
    parser.add_argument("--features", type=int, default=5)
    parser.add_argument("--dims", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--density", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--share", type=float, default=0.1,
                        help="share of the steps that PyTorch runs; its time is scaled up")
    parser.add_argument("--compile", action="store_true", help="also time torch.compile")
    parser.add_argument("--json", help="write the figures here")
    return parser.parse_args()


def torch_run(torch, a, compiled):
    torch.manual_seed(0)
    w = torch.nn.Parameter(torch.nn.init.xavier_normal_(torch.empty(a.instances, a.dims, a.features)))
    b = torch.nn.Parameter(torch.zeros(a.instances, a.features))
    adam = torch.optim.AdamW([w, b], lr=1e-3)

    def loss_of(x):
        hidden = torch.einsum("bif,ihf->bih", x, w)
        out = torch.relu(torch.einsum("bih,ihf->bif", hidden, w) + b)
        return ((x - out) ** 2).mean(dim=(0, 2)).sum()

    loss = torch.compile(loss_of) if compiled else loss_of
    shape = (a.batch, a.instances, a.features)

    def step():
        x = torch.rand(shape)
        x = torch.where(torch.rand(shape) <= a.density, x, torch.zeros(()))
        adam.zero_grad(set_to_none=True)
        loss(x).backward()
        adam.step()

    for _ in range(20):
        step()
    steps = max(1, round(a.steps * a.share))
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - begin) * a.steps / steps


def polysem_run(a):
    name = f"toy/superposition/{a.instances}/{a.features}/{a.dims}/{a.steps}/{a.batch}/"
    done = subprocess.run([a.microbench, f"--threads={a.threads}", f"--benchmark_filter=^{name}",
                           "--benchmark_format=json"], check=True, capture_output=True, text=True)
    rows = json.loads(done.stdout)["benchmarks"]
    if not rows:
        raise SystemExit(f"polysem-microbench has no benchmark {name}")
    return rows[0]["real_time"] / 1000


def main():
    a = parse_arguments()
    import torch
    torch.set_num_threads(a.threads)
    runs = {"polysem": lambda: polysem_run(a), "torch": lambda: torch_run(torch, a, False)}
    if a.compile:
        runs["torch, compiled"] = lambda: torch_run(torch, a, True)
    seconds = {name: [] for name in runs}
    for _ in range(a.rounds):
        for name, run in runs.items():
            seconds[name].append(run())
    own = statistics.median(seconds["polysem"])
    print(f"{a.instances} instances, {a.features} features in {a.dims} dimensions, {a.steps} steps of {a.batch}, "
          f"{a.threads} threads, torch {torch.__version__}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"  {name:16} {median:8.2f} s   {median / own:6.1f} times polysem   "
              f"(from {min(values):.2f} to {max(values):.2f})")
    if a.json:
        with open(a.json, "w", encoding="utf-8") as file:
            json.dump({"arguments": vars(a), "torch": torch.__version__, "seconds": seconds}, file, indent=2)


if __name__ == "__main__":
    main()
