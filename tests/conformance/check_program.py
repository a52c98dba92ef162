"""What polysem-backend-test says beside its tests: usage, the line that runs a failed test again, support and rates.

Usage: check_program.py PROGRAM FOLDER [DEVICE]; FOLDER is for its files. DEVICE is a Vulkan device that lacks barriers
where it is told to: with it a failure is made, and the line that the program prints for it is run.
"""

import json
import os
import subprocess
import sys

program, folder = sys.argv[1:3]
os.makedirs(folder, exist_ok=True)
failures = []


def run(arguments, **environment):
    done = subprocess.run(arguments, shell=isinstance(arguments, str), capture_output=True, text=True,
                          env={**os.environ, **environment}, timeout=300)
    return done.returncode, done.stdout + done.stderr


def expect(condition, what):
    if not condition:
        failures.append(what)


def expect_code(code, part, *arguments):
    found, text = run([program, *arguments])
    expect(found == code and part in text, f"{arguments}: expected exit code {code} and {part!r}, found {found}:\n{text}")


expect_code(0, "--mode", "--help")
expect_code(2, "found 'race'", "--mode", "race")
expect_code(2, "--fast", "--fast")
expect_code(2, "needs a value", "--filter")
expect_code(2, "no test fits", "--filter", "no_such_test", "--device", "reference")
expect_code(4, "there is no backend 'abacus'", "--device", "abacus")
expect_code(0, "8 of   8 cases", "--device", "reference", "--mode", "support", "--filter", "random_fill",
            "--json", f"{folder}/support.json")
row = json.load(open(f"{folder}/support.json"))["backends"][0]["ops"][0]
expect(row["op"] == "random_fill" and row["supported"] == row["cases"] and row["types"] == {"f32": True}, str(row))
expect_code(0, "", "--mode", "support")  # no backend has only a part of an op
expect_code(0, "gemm                f32 bf16", "--device", "onednn", "--mode", "support", "--filter", "gemm")
expect_code(2, "no op fits", "--mode", "support", "--filter", "no_such_op", "--device", "reference")
expect_code(2, "no op that is timed fits", "--mode", "perf", "--filter", "no_such_op", "--device", "reference")
expect_code(1, "cannot write", "--mode", "perf", "--json", f"{folder}/missing/perf.json", "--device", "reference")
expect_code(0, "GFLOP/s", "--device", "reference", "--mode", "perf", "--filter", "firing_stats", "--json",
            f"{folder}/perf.json")
rates = json.load(open(f"{folder}/perf.json"))["backends"][0]
expect(rates["product_gflops_f32"] > 0 and rates["bandwidth_gbs"] > 0, str(rates))
expect([op["op"] for op in rates["ops"]] == ["firing_stats"] and rates["ops"][0]["seconds"] > 0, str(rates["ops"]))
expect_code(0, "Gradients", "--device", "reference", "--mode", "grad", "--filter", "Gradients")

if len(sys.argv) > 3 and sys.argv[3]:
    code, text = run([program, "--device", sys.argv[3], "--filter", "Matches*gemm_1x1x1_nn"],
                     POLYSEM_VK_DROP_BARRIER="0", POLYSEM_VK_VALIDATE="1")
    expect(code == 1 and "SYNC-HAZARD" in text, f"a dropped barrier: exit code {code}:\n{text}")
    lines = [line for line in text.splitlines() if line.startswith("  re-run: ")]
    expect(len(lines) == 1, f"expected one line to run again:\n{text}")
    code, text = run(lines[0].removeprefix("  re-run: "))
    expect(code == 1 and "SYNC-HAZARD" in text and "1 test from 1 test suite ran" in text,
           f"{lines[0]}: exit code {code}:\n{text}")

print("\n".join(failures) or "all is well")
sys.exit(bool(failures))
