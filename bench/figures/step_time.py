#!/usr/bin/env python3
"""Measures the training step against latents, batch, dimensions and k, and draws step_time.svg beside this file.

Each panel changes one number and keeps the others at d 768, n 24576, B 4096, k 32. Points are the fastest of
three short runs that take turns; the thin lines are the floor that polysem-microbench computes on the same
machine: the product that finds the latents, and reading and writing weights and moments once.
Needs matplotlib (Debian: python3-matplotlib).
"""

import argparse
import json
import pathlib
import subprocess

BASE = {"d": 768, "n": 24576, "batch": 4096, "k": 32}
PANELS = {
    "n": ("latents n", [6144, 12288, 24576, 49152]),
    "batch": ("batch B", [1024, 2048, 4096, 8192]),
    "d": ("dimensions d", [192, 384, 768, 1536]),
    "k": ("active latents k", [8, 16, 32, 64, 128]),
}
# Okabe and Ito's colours, which the colour-blind can tell apart.
COLOURS = {"f32": "#0072B2", "bf16": "#D55E00"}


def measure(microbench, precision, size):
    name = "train_step/topk/{}/onednn/{d}/{n}/{batch}/{k}".format(precision, **size)
    done = subprocess.run(
        [microbench, f"--benchmark_filter=^{name}/", "--benchmark_format=json", "--benchmark_min_time=0.3",
         *(f"--{key}={value}" for key, value in size.items())],
        check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout)["benchmarks"][0]
    return {"seconds": result["fastest_seconds"], "floor": result["floor_seconds"]}


def collect(microbench, rounds):
    sizes = {tuple(BASE.values()): BASE}
    for axis, (_, values) in PANELS.items():
        for value in values:
            size = {**BASE, axis: value}
            sizes.setdefault(tuple(size.values()), size)
    found = {}
    for number in range(rounds):
        for key, size in sizes.items():
            for precision in COLOURS:
                point = measure(microbench, precision, size)
                best = found.get((precision, *key))
                if best is None or point["seconds"] < best["seconds"]:
                    found[(precision, *key)] = point
        print(f"round {number + 1} of {rounds} done", flush=True)
    return found


def draw(found, path, title):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "polysem", "font.family": "sans-serif",
                                "font.size": 9})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 4, figsize=(10, 2.9), sharey=True)
    for panel, (axis, (label, values)) in zip(axes, PANELS.items()):
        for precision, colour in COLOURS.items():
            points = [found[(precision, *{**BASE, axis: value}.values())] for value in values]
            panel.plot(values, [p["seconds"] for p in points], "o-", color=colour, markersize=4, label=precision)
            if precision == "bf16" or axis != "k":
                panel.plot(values, [p["floor"] for p in points], ":", color=colour, linewidth=1,
                           label=f"floor, {precision}")
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.set_xticks(values, [str(v) for v in values])
        panel.set_xlabel(label)
        panel.grid(True, which="major", alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("seconds a step")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=4, frameon=False)
    figure.suptitle(title, fontsize=9)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(path, metadata={"Date": None})


def main():
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--microbench", default="build/release/bin/polysem-microbench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--title", default="One TopK training step (d 768, n 24576, B 4096, k 32 but for the axis)")
    parser.add_argument("--out", default=here / "step_time.svg", help="default: step_time.svg beside this file")
    a = parser.parse_args()
    found = collect(a.microbench, a.rounds)
    for (precision, *size), point in sorted(found.items()):
        print(f"{precision:5} d n B k = {size}: {point['seconds']:.3f} s, {point['seconds'] / point['floor']:.2f} times "
              "the floor")
    draw(found, a.out, a.title)


if __name__ == "__main__":
    main()
