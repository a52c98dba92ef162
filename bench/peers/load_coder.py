#!/usr/bin/env python3
"""Loads a coder folder in SAELens as it is and compares reconstructions with those of polysem.

    polysem encode CODER --data STORE --reconstruction R.npy
    load_coder.py CODER STORE R.npy

Prints the largest error of a row, |theirs - ours| / |theirs|; exit code 1 if it is above 1e-5 (or --tolerance).
Rows whose k-th and next pre-activation agree to the tolerance have no defined selection in f32: they are counted
and left out, and more than 1 % of them is a failure too.
"""

import argparse
import json
import pathlib
import sys

import numpy
import torch


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("coder", help="folder with cfg.json and sae_weights.safetensors")
    parser.add_argument("vectors", help="the input: an activation store or .npy [rows, d_in]")
    parser.add_argument("reconstruction", help="polysem's reconstruction .npy [rows, d_out]")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    parser.add_argument("--chunk", type=int, default=4096, help="rows at a time (default 4096)")
    return parser.parse_args()


def vector_chunks(path, chunk):
    """Yields f32 tensors [<= chunk, d_in] in the store's order."""
    path = pathlib.Path(path)
    if path.suffix == ".npy":
        parts = [numpy.load(path, mmap_mode="r")]
    else:
        from safetensors import safe_open

        names = [shard["file"] for shard in json.loads((path / "store.json").read_text())["shards"]]
        parts = (safe_open(path / name, "pt").get_tensor("x") for name in names)
    for part in parts:
        for start in range(0, len(part), chunk):
            yield torch.as_tensor(part[start:start + chunk] if torch.is_tensor(part)
                                  else numpy.array(part[start:start + chunk])).float()


def undecided(sae, x, tolerance):
    """Which rows of a TopK coder have a tie between the last selected latent and the first one left out."""
    k = getattr(sae.cfg, "k", None)
    if k is None or k >= sae.cfg.d_sae:
        return torch.zeros(len(x), dtype=torch.bool)
    centred = x - sae.b_dec if sae.cfg.apply_b_dec_to_input else x
    pre = centred @ sae.W_enc + sae.b_enc
    if getattr(sae.cfg, "rescale_acts_by_decoder_norm", False):
        pre = pre * sae.W_dec.norm(dim=1)
    top = pre.topk(k + 1, dim=1).values
    return top[:, k - 1] - top[:, k] <= tolerance * top[:, k - 1].abs()


def main():
    arguments = parse_arguments()
    from sae_lens import SAE

    sae = SAE.load_from_disk(arguments.coder, device="cpu")
    ours = numpy.load(arguments.reconstruction, mmap_mode="r")
    rows, ties, worst, where = 0, 0, 0.0, -1
    with torch.no_grad():
        for x in vector_chunks(arguments.vectors, arguments.chunk):
            theirs = sae(x)
            mine = torch.from_numpy(numpy.array(ours[rows:rows + len(x)])).float()
            if mine.shape != theirs.shape:
                sys.exit(f"{arguments.reconstruction}: {tuple(ours.shape)} does not fit the vectors, of which "
                         f"there are more than {rows} with {theirs.shape[1]} numbers each")
            error = (theirs - mine).norm(dim=1) / theirs.norm(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
            error = torch.nan_to_num(error, nan=torch.inf)
            tie = undecided(sae, x, arguments.tolerance)
            error[tie] = 0.0
            if error.max().item() > worst:
                worst, where = error.max().item(), rows + error.argmax().item()
            ties += int(tie.sum())
            rows += len(x)
    if rows == 0 or rows != len(ours):
        sys.exit(f"{arguments.reconstruction} has {len(ours)} rows, the vectors are {rows}")
    passed = worst <= arguments.tolerance and ties <= 0.01 * rows
    print(f"{type(sae).__name__} {sae.cfg.d_in} -> {sae.cfg.d_sae}, {rows} rows: largest row error {worst:.3g}"
          + (f" (row {where})" if where >= 0 else "") + f", {ties} rows undecided: {'agrees' if passed else 'DIFFERS'}")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
