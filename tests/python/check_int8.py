"""Checks a model in 8 bits, runs it on one sample of raw values, and counts its weights by type as JSON."""

import json
import sys

import numpy
import onnx
import onnxruntime

model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
feeds = {value.name: numpy.ones([1, *value.shape[1:]], numpy.float32) for value in session.get_inputs()}
assert all(numpy.isfinite(output).all() for output in session.run(None, feeds)), "an output is not finite"
kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
makers = {output: node for node in model.graph.node for output in node.output}
counts = {"int8_weights": 0, "float_weights": 0}
for node in model.graph.node:
    if node.op_type in ("Conv", "Gemm"):
        maker = makers.get(node.input[1])
        is_int8 = maker is not None and kinds[maker.input[0]] == onnx.TensorProto.INT8
        counts["int8_weights" if is_int8 else "float_weights"] += 1
print(json.dumps(counts))
