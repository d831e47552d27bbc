"""Checks a winner.onnx, runs it on two samples of raw pixels, and prints output shapes and labels as JSON."""

import json
import sys

import numpy
import onnx
import onnxruntime

model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
random = numpy.random.default_rng(0)
feeds = {
    value.name: random.integers(0, 256, [2, *value.shape[1:]]).astype(numpy.float32) for value in session.get_inputs()
}
outputs = session.run(None, feeds)
assert all(numpy.isfinite(output).all() for output in outputs), "an output is not finite"
properties = {entry.key: entry.value for entry in model.metadata_props}
print(json.dumps({"outputs": [output.shape for output in outputs], "labels": json.loads(properties["labels"])}))
