#!/usr/bin/env bash
# Makes the virtual environment in which the Python peers run: PyTorch, transformers (the same language model),
# SAELens and sparsify (sparse autoencoders). Everything comes from PyPI; nothing outside DIR is changed.
# PyPI's PyTorch for Linux is the CUDA build, so DIR takes about 6 GB although only the CPU is used here.
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  echo "usage: $0 [DIR]    (default: peers-venv beside the model, about 6 GB)"
  exit 0
fi
cache=${POLYSEM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/polysem}
dir=${1:-$cache/peers-venv}

echo "peers: making the virtual environment $dir"
python3 -m venv "$dir"
"$dir/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.15.0 transformers==5.23.0 gguf==0.19.0 safetensors==0.8.0 sae-lens==6.54.12 eai-sparsify==1.3.3 onnx==1.23.2 onnxruntime==1.32.0
"$dir/bin/python" -c 'import torch, transformers, sae_lens
print("peers: torch", torch.__version__, "transformers", transformers.__version__, "sae-lens", sae_lens.__version__)'
echo "peers: ready; for instance: $dir/bin/python $(dirname "$0")/capture.py --help"
