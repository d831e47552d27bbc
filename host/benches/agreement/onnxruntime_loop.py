"""What a user writes to time a model with ONNX Runtime: one thread, half a second of warm-up, the median of the runs.

    python onnxruntime_loop.py MODEL SECONDS

Prints the median in nanoseconds. An open first axis is 1, all inputs are 0.5.
"""

import sys
import time

import numpy as np
import onnxruntime

model, seconds = sys.argv[1], float(sys.argv[2])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
feed = {
    i.name: np.full([d if isinstance(d, int) else 1 for d in i.shape], 0.5, dtype=np.float32) for i in session.get_inputs()
}

deadline = time.perf_counter() + 0.5
while time.perf_counter() < deadline:
    session.run(None, feed)

samples = []
deadline = time.perf_counter() + seconds
while len(samples) < 5 or time.perf_counter() < deadline:
    started = time.perf_counter_ns()
    session.run(None, feed)
    samples.append(time.perf_counter_ns() - started)
print(sorted(samples)[len(samples) // 2])
