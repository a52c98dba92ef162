#!/usr/bin/env python3
"""Times what `polysem capture` does in transformers on PyTorch: a llama GGUF over text, up to one block.

The GGUF's tensors are dequantised on loading and the forward pass ends behind the block (no logits).
Prints a table of tokens per second and, against f32, the median relative error of a row.
"""

import argparse
import copy
import json
import os
import pathlib
import time

import allocator


def parse_arguments():
    cache = os.environ.get("POLYSEM_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "polysem")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=f"{cache}/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--text", nargs="+", help="text files, or .jsonl with one {\"text\": ...} a line; "
                        "default: random token ids, which cost the same")
    parser.add_argument("--block", type=int, default=14, help="capture blocks.N.hook_resid_post (default 14)")
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16, help="contexts a forward pass (default 16)")
    parser.add_argument("--tokens", type=int, default=32768, help="tokens a timed repetition (default 32768)")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", nargs="+", choices=["f32", "bf16-autocast", "bf16"],
                        default=["f32", "bf16-autocast", "bf16"], help="bf16 = weights too")
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--out", help="write the last precision's activations [tokens, d] to this .npy")
    return parser.parse_args()


def read_texts(paths):
    for path in map(pathlib.Path, paths):
        if path.suffix == ".jsonl":
            with path.open(encoding="utf-8") as lines:
                yield from (json.loads(line)["text"] for line in lines)
        else:
            yield path.read_text(encoding="utf-8", errors="replace")


def contexts(torch, arguments, folder, name, vocabulary):
    """Token ids [contexts, context]; a document's short last context is left out."""
    wanted = max(1, arguments.tokens // arguments.context)
    if not arguments.text:
        return torch.randint(17, vocabulary, (wanted, arguments.context), generator=torch.Generator().manual_seed(0))
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    rows = []
    for text in read_texts(arguments.text):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        rows += [ids[i:i + arguments.context] for i in range(0, len(ids) - arguments.context + 1, arguments.context)]
        if len(rows) >= wanted:
            break
    if not rows:
        raise SystemExit(f"no text of {arguments.context} tokens in {arguments.text}")
    return torch.tensor(rows[:wanted])


def load(torch, folder, name, blocks):
    """The model's first blocks, without the final norm and the output matrix."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).model.eval()
    model.layers = model.layers[:blocks]
    model.norm = torch.nn.Identity()
    return model


def capture(torch, model, ids, batch, autocast):
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        return [model(part, use_cache=False).last_hidden_state for part in ids.split(batch)]


def main():
    arguments = parse_arguments()
    import torch

    torch.set_num_threads(arguments.threads)
    folder, name = os.path.split(os.path.abspath(arguments.model))
    model = load(torch, folder, name, arguments.block + 1)
    ids = contexts(torch, arguments, folder, name, model.config.vocab_size)

    results, reference = [], None
    print(f"torch {torch.__version__}, {arguments.threads} threads, {ids.numel()} tokens, context {arguments.context}")
    print(f"{'precision':15}{'tokens/s':>10}  {'of each repetition':28}{'median row error':>18}")
    for precision in arguments.precision:
        weights = copy.deepcopy(model).to(torch.bfloat16) if precision == "bf16" else model

        def run(part):
            return capture(torch, weights, part, arguments.batch, precision == "bf16-autocast")

        run(ids[:arguments.batch])
        rates = []
        for _ in range(arguments.repetitions):
            start = time.perf_counter()
            parts = run(ids)
            rates.append(ids.numel() / (time.perf_counter() - start))
        rows = torch.cat([part.float().flatten(0, 1) for part in parts])
        if precision == "f32":
            reference = rows
        error = None if reference is None else ((rows - reference).norm(dim=1) / reference.norm(dim=1)).median().item()
        median = sorted(rates)[len(rates) // 2]
        print(f"{precision:15}{median:10.0f}  {' '.join(f'{rate:.0f}' for rate in rates):28}"
              + ("" if error is None else f"{error:18.2%}"), flush=True)
        results.append({"precision": precision, "tokens_per_second": rates, "median_row_error": error})

    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(
            {"torch": torch.__version__, "threads": arguments.threads, "tokens": ids.numel(),
             "context": arguments.context, "batch": arguments.batch, "results": results}, indent=1) + "\n")
    if arguments.out:
        import numpy

        numpy.save(arguments.out, rows.numpy())


if __name__ == "__main__":
    allocator.tune()
    main()
