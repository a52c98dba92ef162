#!/usr/bin/env python3
"""Times one thread that encodes activations with a sparse coder: PyTorch, ONNX Runtime, and polysem::core beside them.

Latents are active above a threshold (JumpReLU); "top-k" picks the 32 largest; "batch" is 256 positions at once. Single
positions take turns at copies of the weights that no cache holds, as in a host whose own layers run in between. int8 is
what each offers for linear layers: weights with a scale per latent; PyTorch and ONNX Runtime round activations, too,
polysem does not.

    core_encode.py --microbench build/release/bin/polysem-microbench
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import warnings

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy
import torch

BEYOND_CACHES = 256 << 20
BATCH, K = 256, 32


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--microbench", default="build/release/bin/polysem-microbench")
    parser.add_argument("--rounds", type=int, default=5, help="of all programs in turn (default 5)")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each figure of a round (default 0.5)")
    parser.add_argument("--json", help="write the figures here")
    return parser.parse_args()


def weights(d, n):
    generator = torch.Generator().manual_seed(0)
    w = torch.rand(n, d, generator=generator) * 2 - 1
    return w, torch.full((n,), 2.3 * (d / 9) ** 0.5)


class TorchCoder(torch.nn.Module):
    def __init__(self, w, threshold):
        super().__init__()
        self.linear = torch.nn.Linear(w.shape[1], w.shape[0])
        self.linear.weight.data.copy_(w)
        self.linear.bias.data.zero_()
        self.register_buffer("threshold", threshold.clone())

    def forward(self, x):
        h = self.linear(x)
        return torch.where(h > self.threshold, h, 0.0)

    def topk(self, x):
        return torch.topk(self.linear(x), K)


def torch_coders(dtype, w, threshold, copies):
    for _ in range(copies):
        coder = TorchCoder(w, threshold).eval()
        if dtype == "int8":
            per_latent = torch.ao.quantization.per_channel_dynamic_qconfig
            coder = torch.ao.quantization.quantize_dynamic(coder, {torch.nn.Linear: per_latent}, dtype=torch.qint8)
        yield coder


def onnx_file(folder, dtype, w, threshold, topk):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    d, n = w.shape[1], w.shape[0]
    constants = [numpy_helper.from_array(numpy.ascontiguousarray(w.numpy().T), "w"),
                 numpy_helper.from_array(threshold.numpy(), "threshold"),
                 numpy_helper.from_array(numpy.zeros((), numpy.float32), "zero"),
                 numpy_helper.from_array(numpy.array([K], numpy.int64), "k")]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"])]
    if topk:
        nodes.append(helper.make_node("TopK", ["h", "k"], ["values", "latents"]))
        outputs = [helper.make_tensor_value_info("values", TensorProto.FLOAT, [None, K]),
                   helper.make_tensor_value_info("latents", TensorProto.INT64, [None, K])]
        constants = [constants[0], constants[3]]
    else:
        nodes += [helper.make_node("Greater", ["h", "threshold"], ["on"]),
                  helper.make_node("Where", ["on", "h", "zero"], ["f"])]
        outputs = [helper.make_tensor_value_info("f", TensorProto.FLOAT, [None, n])]
        constants = constants[:3]
    graph = helper.make_graph(nodes, "coder", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, d])],
                              outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = os.path.join(folder, f"{dtype}-{topk}.onnx")
    onnx.save(model, path)
    if dtype == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic
        plain, path = path, path + ".int8"
        quantize_dynamic(plain, path, per_channel=True, weight_type=QuantType.QInt8)
    return path


def onnx_sessions(path, copies):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return [onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]) for _ in range(copies)]


def median_time(call, seconds):
    """Median seconds of a call; call(i) gets the number of the repetition."""
    times = []
    call(0)
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(times) < 5:
        start = time.perf_counter()
        call(len(times))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peer_cases(d, n, folder):
    """[(case, program, call)]"""
    w, threshold = weights(d, n)
    x, batch = torch.rand(1, d) * 2 - 1, torch.rand(BATCH, d) * 2 - 1
    cases = []
    for dtype, size in (("f32", 4), ("int8", 1)):
        copies = -(-BEYOND_CACHES // (n * d * size))
        coders = list(torch_coders(dtype, w, threshold, copies))
        cases += [(f"encode {dtype}", "PyTorch", lambda i, c=coders: c[i % len(c)](x)),
                  (f"top-k {dtype}", "PyTorch", lambda i, c=coders: (c[i % len(c)].topk(x)))]
        for what, topk in (("encode", False), ("top-k", True)):
            sessions = onnx_sessions(onnx_file(folder, dtype, w, threshold, topk), copies)
            cases.append((f"{what} {dtype}", "ONNX Runtime",
                          lambda i, s=sessions: s[i % len(s)].run(None, {"x": x.numpy()})))
            if not topk:
                cases.append((f"batch {dtype}", "ONNX Runtime", lambda i, s=sessions: s[0].run(None, {"x": batch.numpy()})))
        cases.append((f"batch {dtype}", "PyTorch", lambda i, c=coders: c[0](batch)))
    return cases


def polysem_times(arguments, d, n):
    """{case: median seconds of a call in one run of the benchmark}"""
    names = {f"core/{what}/{dtype}/{d}/{n}{end}": f"{case} {dtype}"
             for dtype in ("f32", "int8")
             for what, case, end in (("encode", "encode", ""), ("encode_topk", "top-k", ""),
                                     ("encode_batch", "batch", f"/{BATCH}"))}
    listing = subprocess.run(
        [arguments.microbench, "--threads=1", "--benchmark_format=json", f"--benchmark_min_time={arguments.seconds}",
         "--benchmark_filter=^(" + "|".join(names) + ")/manual_time$"], check=True, capture_output=True, text=True).stdout
    return {names[run["name"].removesuffix("/manual_time")]: run["median_seconds"]
            for run in json.loads(listing)["benchmarks"]}


def main():
    arguments = parse_arguments()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    d, n = 576, 8192
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        cases = peer_cases(d, n, folder)
        for _ in range(arguments.rounds):
            for case, program, call in cases:
                times.setdefault((case, program), []).append(median_time(call, arguments.seconds))
            for case, seconds in polysem_times(arguments, d, n).items():
                times.setdefault((case, "polysem"), []).append(seconds)
    figures = {f"{case}, {program}": statistics.median(values) for (case, program), values in times.items()}
    print(f"d {d}, n {n}, one thread, median of {arguments.rounds} rounds in turn, milliseconds")
    programs = ("polysem", "PyTorch", "ONNX Runtime")
    print(f"{'':14}" + "".join(f"{program:>16}" for program in programs))
    for case in sorted({case for case, _ in times}):
        print(f"{case:14}" + "".join(f"{1e3 * figures[f'{case}, {program}']:16.3f}" for program in programs))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"d": d, "latents": n, "batch": BATCH, "k": K, "seconds": figures,
                       "torch": torch.__version__}, file, indent=2)


if __name__ == "__main__":
    main()
