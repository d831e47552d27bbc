"""Shows that the onnx checker of this environment accepts a right model and refuses a wrong one."""

import onnx
from onnx import TensorProto, checker, helper


def model(operator):
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"])], "g", [value("x")], [value("y")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


checker.check_model(model("Relu"), full_check=True)
try:
    checker.check_model(model("NoSuchOperator"), full_check=True)
except onnx.checker.ValidationError:
    pass
else:
    raise SystemExit("the checker accepted an operator that does not exist")
