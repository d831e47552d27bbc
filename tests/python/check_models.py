"""Prints, as a JSON list of [number, reason], the models NUMBER.onnx of a folder that the onnx checker refuses."""

import json
import pathlib
import sys

import onnx

refused = []
for path in pathlib.Path(sys.argv[1]).glob("*.onnx"):
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:
        refused.append([int(path.stem), f"{type(error).__name__}: {error}"])
print(json.dumps(refused))
