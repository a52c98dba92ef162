#!/usr/bin/env python3
"""Times one training step of a TopK coder in the Python peers and in polysem, turn and turn about.

The same work everywhere: forward, backward, one Adam step with b_dec and unit-norm (or norm-aware) decoder, on
normal random rows, no dead latents. `plain` is the dense coder that one writes in ten lines of PyTorch;
`sparsify` and `saelens` are the steps of those packages' trainers. bf16 is torch.autocast with f32 weights.
Prints a table with the median of the rounds and how many times polysem's step that is.
"""

import argparse
import json
import os
import statistics
import subprocess
import time

import allocator


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--microbench", default="build/release/bin/polysem-microbench",
                        help="polysem-microbench (default: that of the release build)")
    parser.add_argument("--d", type=int, default=768)
    parser.add_argument("--n", type=int, default=24576)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--peers", nargs="+", choices=["plain", "sparsify", "saelens"],
                        default=["plain", "sparsify", "saelens"])
    parser.add_argument("--precision", nargs="+", choices=["f32", "bf16"], default=["f32", "bf16"])
    parser.add_argument("--json", help="write the figures here")
    return parser.parse_args()


def plain_step(torch, a):
    """x - b_dec through W_enc, top k, scatter, W_dec: everything dense."""
    encoder = torch.nn.Linear(a.d, a.n)
    decoder = torch.nn.Parameter(torch.nn.functional.normalize(encoder.weight.detach().clone(), dim=1))
    bias = torch.nn.Parameter(torch.zeros(a.d))
    adam = torch.optim.Adam([*encoder.parameters(), decoder, bias], lr=1e-4, fused=True)

    def step(x, autocast):
        with autocast():
            values, ids = encoder(x - bias).topk(a.k, sorted=False)
            codes = torch.zeros(x.shape[0], a.n, dtype=values.dtype).scatter(1, ids, values.relu())
            error = codes @ decoder + bias - x
            loss = error.pow(2).sum(1).mean()
        loss.backward()
        with torch.no_grad():
            decoder.grad -= (decoder.grad * decoder).sum(1, keepdim=True) * decoder
        adam.step()
        adam.zero_grad()
        with torch.no_grad():
            decoder.data = torch.nn.functional.normalize(decoder.data, dim=1)

    return step


def sparsify_step(torch, a):
    """As sparsify/trainer.py does it, with torch.optim.Adam (its 8-bit Adam needs a GPU)."""
    os.environ["SPARSIFY_DISABLE_TRITON"] = "1"  # its kernels need a GPU
    from sparsify import SparseCoder, SparseCoderConfig

    coder = SparseCoder(a.d, SparseCoderConfig(num_latents=a.n, k=a.k))
    adam = torch.optim.Adam(coder.parameters(), lr=1e-4)

    def step(x, autocast):
        coder.set_decoder_norm_to_unit_norm()
        variance = (x - x.mean(0)).pow(2).sum()
        with autocast():
            loss = coder(x, total_variance=variance).fvu
        loss.backward()
        coder.remove_gradient_parallel_to_decoder_directions()
        adam.step()
        adam.zero_grad()

    return step


def saelens_step(torch, a):
    """As sae_lens/training/sae_trainer.py does it, without its logging."""
    from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.saes.sae import TrainStepInput

    coder = TopKTrainingSAE(TopKTrainingSAEConfig(d_in=a.d, d_sae=a.n, k=a.k, dtype="float32", device="cpu"))
    adam = torch.optim.Adam(coder.parameters(), lr=1e-4)
    since_fired = torch.zeros(a.n)
    fired = torch.zeros(a.n)

    def step(x, autocast):
        with autocast():
            out = coder.training_forward_pass(step_input=TrainStepInput(
                sae_in=x, coefficients={}, dead_neuron_mask=since_fired > 1000, n_training_steps=0,
                is_logging_step=False))
            with torch.no_grad():
                firing = out.feature_acts.bool().float()
                since_fired.add_(1)
                since_fired[firing.sum(-2).bool()] = 0
                fired.add_(firing.sum(0))
        out.loss.backward()
        torch.nn.utils.clip_grad_norm_(coder.parameters(), 1.0)
        adam.step()
        adam.zero_grad()

    return step


PEERS = {"plain": plain_step, "sparsify": sparsify_step, "saelens": saelens_step}


def polysem_seconds(a, precision):
    name = f"train_step/topk/{precision}/onednn/{a.d}/{a.n}/{a.batch}/{a.k}"
    done = subprocess.run(
        [a.microbench, f"--benchmark_filter=^{name}/", "--benchmark_format=json", "--benchmark_min_time=0.5",
         f"--d={a.d}", f"--n={a.n}", f"--batch={a.batch}", f"--k={a.k}", f"--threads={a.threads}"],
        check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout)["benchmarks"][0]
    return result["real_time"] * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}[result["time_unit"]]


def main():
    a = parse_arguments()
    import torch

    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    x = torch.randn(a.batch, a.d)

    def autocast_for(precision):
        return lambda: torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")

    steps = {(peer, p): PEERS[peer](torch, a) for p in a.precision for peer in a.peers}
    for (peer, precision), step in steps.items():  # first steps allocate
        step(x, autocast_for(precision))
    seconds = {}
    for number in range(a.rounds):
        for precision in a.precision:
            seconds.setdefault(("polysem", precision), []).append(polysem_seconds(a, precision))
            for peer in a.peers:
                start = time.perf_counter()
                steps[peer, precision](x, autocast_for(precision))
                seconds.setdefault((peer, precision), []).append(time.perf_counter() - start)
        print(f"round {number + 1} of {a.rounds} done", flush=True)

    print(f"\ntorch {torch.__version__}, {a.threads} threads, d {a.d}, n {a.n}, batch {a.batch}, k {a.k}")
    print(f"{'step':20}{'seconds':>10}{'least':>10}{'most':>10}{'times polysem':>16}")
    medians = {key: statistics.median(list_) for key, list_ in seconds.items()}
    for (who, precision), list_ in seconds.items():
        ratio = medians[who, precision] / medians["polysem", precision]
        print(f"{who + ' ' + precision:20}{medians[who, precision]:10.3f}{min(list_):10.3f}{max(list_):10.3f}{ratio:16.1f}")
    if a.json:
        with open(a.json, "w", encoding="utf-8") as file:
            json.dump({"torch": torch.__version__, "threads": a.threads, "d": a.d, "n": a.n, "batch": a.batch,
                       "k": a.k, "seconds": {f"{who} {p}": list_ for (who, p), list_ in seconds.items()}},
                      file, indent=1)


if __name__ == "__main__":
    allocator.tune()
    main()
