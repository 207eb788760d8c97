#!/bin/sh
# Makes bench/.venv with PyTorch, Keras and NumPy at the versions pinned in requirements.txt.
# Packages come from pip's configured index; PIP_INDEX_URL, PIP_EXTRA_INDEX_URL and PIP_FIND_LINKS override it.
# PYTHON chooses the interpreter (3.11 or newer).
set -eu
cd "$(dirname "$0")"

"${PYTHON:-python3}" -m venv .venv
.venv/bin/python -m pip install --quiet --requirement requirements.txt
.venv/bin/python - <<'END'
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy, torch
print(f"torch {torch.__version__}, keras {keras.__version__}, numpy {numpy.__version__}")
END
