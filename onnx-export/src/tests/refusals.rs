//! What cannot be read is refused with an error that names it.

use rten_onnx::onnx::{DataLocation, DataType};

use super::foreign::{Foreign, float, int, ints, text};
use crate::limits::MAX_CONSTANT_RANK;

/// Checks the message of the error.
#[track_caller]
fn check(foreign: Foreign, expected: &str) {
    let error = foreign.import("y").expect_err("it is refused").to_string();
    assert!(error.contains(expected), "{error:?} does not say {expected:?}");
}

fn image() -> Foreign {
    Foreign::new(13).input("x", &[-1, 3, 8, 8])
}

#[test]
fn operators() {
    check(image().node("Resize", &["x"], "y", vec![]), "node `y`: operator Resize is not supported");
    check(image().node("", &["x"], "y", vec![]), "node `y`: operator  is not supported");
    check(image().node("Relu", &["z"], "y", vec![]), "node `y` takes `z`, which no node before it yields");
    check(image().node("Relu", &[], "y", vec![]), "node `y` (Relu): input 0 is missing");
    check(image().node("Relu", &["x"], "x", vec![]), "two nodes yield `x`");
    check(image().node("Relu", &["x"], "z", vec![]), "takes `y`, which no node before it yields");
    check(image().shape("y", &[1]), "output `y` does not depend on the input");
}

#[test]
fn forms_of_operators() {
    let relu = |attribute| image().node("Relu", &["x"], "y", vec![attribute]);
    check(relu(int("leak", 1)), "node `y` (Relu): attribute leak is not understood");
    check(image().node("Softmax", &["x"], "y", vec![float("axis", 1.0)]), "attribute axis has another type");
    check(image().node("Softmax", &["x"], "y", vec![int("axis", 0)]), "works along the batch");
    check(image().node("Softmax", &["x"], "y", vec![int("axis", 4)]), "axis 4 is not one of 4");
    check(image().node("Transpose", &["x"], "y", vec![]), "moves the batch");
    check(image().node("Transpose", &["x"], "y", vec![ints("perm", &[0, 0, 1, 2])]), "not a permutation");
    check(image().node("Flatten", &["x"], "y", vec![int("axis", 2)]), "mixes the batch");
    check(image().node("HardSigmoid", &["x"], "y", vec![]), "slope 0.2 and offset 0.5; only 1/6 and 0.5");
    check(image().node("Clip", &["x"], "y", vec![float("min", -1.0), float("max", 1.0)]), "clips to -1..1");
    check(image().node("Gelu", &["x"], "y", vec![text("approximate", "tanh")]), "not approximated");
    check(image().node("Erf", &["x"], "y", vec![]), "error function is supported inside of gelu only");
    check(image().node("Cast", &["x"], "y", vec![int("to", 10)]), "a cast to type FLOAT16");
    let bn = vec![int("training_mode", 1)];
    check(image().node("BatchNormalization", &["x", "x", "x", "x", "x"], "y", bn), "only inference");
    let old = Foreign::new(11).input("x", &[-1, 3, 8]).node("Softmax", &["x"], "y", vec![]);
    check(old, "softmax over several dimensions");
}

#[test]
fn constants_that_do_not_fit() {
    let add = |dims: &[i64]| image().floats("c", dims, |_| 1.0).node("Add", &["x", "c"], "y", vec![]);
    check(add(&[1, 1, 1, 8]), "constants along an axis that is not the channel are not supported");
    check(add(&[1, 3, 8, 8]), "a constant of [1, 3, 8, 8] with a sample of 3x8x8");
    check(add(&[2, 1, 1, 1]), "a constant of [2, 1, 1, 1]");
    check(add(&[1, 1, 3, 1, 1]), "a constant of [1, 1, 3, 1, 1]");
    let divided = image().floats("c", &[], |_| 0.0).node("Div", &["x", "c"], "y", vec![]);
    check(divided, "divides by zero");
    let subtracted = image().floats("c", &[], |_| 1.0).node("Sub", &["c", "x"], "y", vec![]);
    check(subtracted, "only a constant can be subtracted");
}

#[test]
fn windows() {
    let conv = |dims: &[i64], attributes| image().floats("w", dims, |_| 1.0).node("Conv", &["x", "w"], "y", attributes);
    check(conv(&[2, 3, 3], vec![]), "a window over 1 axes on a sample of 3x8x8");
    check(conv(&[2, 4, 3, 3], vec![]), "needs weight 2x3x3x3 and has weight 2x4x3x3");
    check(conv(&[2, 3, 3, 3], vec![int("group", 0)]), "0 groups do not divide");
    check(conv(&[2, 3, 3, 3], vec![int("group", -1)]), "-1 groups");
    check(conv(&[2, 3, 3, 3], vec![ints("strides", &[0, 1])]), "must be 1 to");
    check(conv(&[2, 3, 3, 3], vec![ints("strides", &[1])]), "strides needs 2 entries");
    check(conv(&[2, 3, 3, 3], vec![ints("pads", &[1, 1])]), "pads needs 4 entries");
    check(conv(&[2, 3, 3, 3], vec![ints("pads", &[1, 1, 1, -1])]), "attribute pads has -1");
    check(conv(&[2, 3, 3, 3], vec![ints("kernel_shape", &[5, 5])]), "kernel_shape does not fit the weight");
    check(conv(&[2, 3, 9, 9], vec![]), "the window spans 9 but axis 0 has only 8");
    check(conv(&[2, 3, 3, 3], vec![text("auto_pad", "SOME")]), "auto_pad SOME is not known");
    let huge = vec![ints("kernel_shape", &[i64::MAX, 1])];
    check(image().node("MaxPool", &["x"], "y", huge), "must be 1 to");
    check(image().node("MaxPool", &["x"], "y", vec![]), "kernel_shape is missing");
}

#[test]
fn inputs() {
    let relu = |dims: &[i64]| Foreign::new(13).input("x", dims).node("Relu", &["x"], "y", vec![]);
    check(relu(&[-1]), "input `x`: has 1 dimensions");
    check(relu(&[1, 3, -1]), "dimension 2 (`N`) is not fixed");
    check(relu(&[1, 3, 0]), "dimension 2 is not fixed");
    check(relu(&[1, 1 << 20, 1 << 20]), "one sample 1048576x1048576 is larger");
    check(relu(&[1, 1, 1, 1, 1, 1, 1]), "one sample has 6 dimensions");
    check(relu(&[2, 3]).input("z", &[3, 3]), "batch 3 where another input has 2");
}

#[test]
fn constants() {
    let conv = || image().floats("w", &[2, 3, 1, 1], |_| 1.0);
    let check = |change: fn(&mut rten_onnx::onnx::TensorProto), expected: &str| {
        check(conv().tensor(change).node("Conv", &["x", "w"], "y", vec![]), expected);
    };
    check(|t| t.data_location = Some(DataLocation::EXTERNAL), "constant `w` is stored outside of the file");
    check(|t| t.data_type = Some(DataType::FLOAT16), "constant `w` has type FLOAT16");
    check(|t| t.dims = vec![2, 3, 1, 2], "constant `w`: has 6 elements for dimensions [2, 3, 1, 2]");
    check(|t| t.dims = vec![i64::MAX; 4], "constant `w`: has 6 elements");
    check(|t| t.dims = vec![-1], "constant `w`: has dimension -1");
    check(|t| t.dims = vec![1; MAX_CONSTANT_RANK + 1], "constant `w`: has 9 dimensions; at most 8");
    check(|t| t.raw_data = Some(std::cell::RefCell::new(vec![0; 5])), "constant `w`: ends within an element");
}

#[test]
fn models() {
    let opset = |opset| Foreign::new(opset).input("x", &[1, 2]).node("Relu", &["x"], "y", vec![]);
    check(opset(8), "the model uses opset 8; opsets 9 to 25 are read");
    check(opset(99), "the model uses opset 99");
    check(Foreign::new(13).floats("y", &[1], |_| 0.0), "output `y` does not depend on the input");
    let two = "two nodes yield `w`";
    check(Foreign::new(13).floats("w", &[1], |_| 0.0).floats("w", &[1], |_| 0.0), two);
}
