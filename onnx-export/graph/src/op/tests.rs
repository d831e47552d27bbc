//! Shape rule, cost and refusals of every operator, by tables computed by hand.

use super::{
    Activation, Add, AvgPool, BatchNorm, Concat, Conv, Dense, Flatten, GlobalAvgPool, Identity, Input, LayerNorm,
    MatMul, MaxPool, Mul, Op, Reshape, Slice, Softmax, Transpose, Zero,
};
use crate::shape::Shape;
use crate::window::{AutoPad, MAX_EXTENT, Window};

/// Checks the shape of the output, the multiply-accumulates and the number of parameters.
#[track_caller]
fn check(op: Op, inputs: &[&[usize]], output: &[usize], macs: u64, params: u64) {
    let inputs: Vec<Shape> = inputs.iter().map(|dims| Shape::from(*dims)).collect();
    let inputs: Vec<&Shape> = inputs.iter().collect();
    let shape = op.output_shape(&inputs).unwrap();
    assert_eq!(shape, Shape::from(output), "shape of {op:?}");
    assert_eq!(op.macs(&inputs, &shape), macs, "multiply-accumulates of {op:?}");
    let found: u64 = op.params(&inputs).iter().map(|spec| spec.shape.elements()).sum();
    assert_eq!(found, params, "parameters of {op:?}");
}

/// Checks that the operator says why it does not take these inputs.
#[track_caller]
fn refuses(op: Op, inputs: &[&[usize]], reason: &str) {
    let inputs: Vec<Shape> = inputs.iter().map(|dims| Shape::from(*dims)).collect();
    let said = op.output_shape(&inputs.iter().collect::<Vec<&Shape>>()).expect_err("it does not fit");
    assert!(said.contains(reason), "{said:?} does not say {reason:?}");
}

fn conv(out_channels: usize, window: Window, groups: usize, bias: bool) -> Op {
    Op::Conv(Conv { out_channels, window, groups, bias })
}

#[test]
fn convolution() {
    let same = |kernel, stride| Window::new(2, kernel, stride, AutoPad::Same);
    // 16 * 32 * 32 outputs of 3 * 3 * 3 taps each.
    check(conv(16, same(3, 1), 1, true), &[&[3, 32, 32]], &[16, 32, 32], 442_368, 448);
    check(conv(16, same(3, 2), 1, false), &[&[3, 32, 32]], &[16, 16, 16], 110_592, 432);
    check(conv(16, same(3, 2), 1, false), &[&[3, 33, 31]], &[16, 17, 16], 117_504, 432);
    check(conv(24, same(1, 1), 1, false), &[&[16, 8, 8]], &[24, 8, 8], 24_576, 384);
    check(conv(16, same(5, 1), 16, false), &[&[16, 8, 8]], &[16, 8, 8], 25_600, 400);
    check(conv(8, same(3, 1), 2, true), &[&[4, 8, 8]], &[8, 8, 8], 9_216, 152);
    let series = Window::dilated(1, 3, 1, 4, AutoPad::Valid);
    check(conv(6, series, 1, true), &[&[2, 20]], &[6, 12], 432, 42);
    let uneven = Window {
        kernel: vec![3, 2],
        stride: vec![2, 1],
        padding_begin: vec![1, 0],
        padding_end: vec![0, 3],
        dilation: vec![1, 2],
    };
    // (6 + 1 - 3) / 2 + 1 = 3 rows, 5 + 3 - 3 + 1 = 6 columns.
    check(conv(2, uneven, 1, false), &[&[1, 6, 5]], &[2, 3, 6], 216, 12);
}

#[test]
fn convolution_refuses() {
    let valid = |kernel| Window::new(2, kernel, 1, AutoPad::Valid);
    refuses(conv(4, valid(3), 1, true), &[&[3, 8]], "a window over 2 axes does not fit an input of shape 3x8");
    refuses(conv(4, valid(9), 1, true), &[&[3, 8, 8]], "the window spans 9 but axis 0 has only 8");
    refuses(conv(4, valid(0), 1, true), &[&[3, 8, 8]], "must be between 1 and");
    refuses(conv(4, valid(MAX_EXTENT + 1), 1, true), &[&[3, 8, 8]], "must be between 1 and");
    refuses(conv(4, valid(3), 2, true), &[&[3, 8, 8]], "2 groups do not divide 3 input and 4 output channels");
    refuses(conv(4, valid(3), 3, true), &[&[3, 8, 8]], "3 groups do not divide 3 input and 4 output channels");
    refuses(conv(4, valid(3), 0, true), &[&[3, 8, 8]], "0 groups");
    let short = Window { stride: vec![1], ..valid(3) };
    refuses(conv(4, short, 1, true), &[&[3, 8, 8]], "one entry an axis");
    let padded = Window { padding_end: vec![MAX_EXTENT + 1, 0], ..valid(3) };
    refuses(conv(4, padded, 1, true), &[&[3, 8, 8]], "padding must be at most");
}

#[test]
fn depthwise_is_told_from_grouped() {
    let depthwise = |groups, channels: usize| {
        let window = Window::new(2, 3, 1, AutoPad::Same);
        Conv { out_channels: 8, window, groups, bias: false }.is_depthwise(&Shape::new([channels, 4, 4]))
    };
    assert!(depthwise(4, 4) && depthwise(8, 8));
    assert!(!depthwise(4, 8) && !depthwise(1, 1) && !depthwise(1, 4));
}

#[test]
fn pooling() {
    let window = |kernel, stride, pad| Window::new(2, kernel, stride, pad);
    let max = |window| Op::MaxPool(MaxPool { window });
    let mean = |window| Op::AvgPool(AvgPool { window, count_include_pad: false });
    check(max(window(2, 2, AutoPad::Valid)), &[&[3, 9, 8]], &[3, 4, 4], 0, 0);
    check(max(window(3, 2, AutoPad::Same)), &[&[3, 9, 8]], &[3, 5, 4], 0, 0);
    check(max(Window::dilated(2, 3, 1, 2, AutoPad::Same)), &[&[3, 9, 8]], &[3, 9, 8], 0, 0);
    check(mean(window(3, 1, AutoPad::Same)), &[&[3, 9, 8]], &[3, 9, 8], 0, 0);
    check(mean(Window::new(1, 4, 4, AutoPad::Valid)), &[&[3, 9]], &[3, 2], 0, 0);
    refuses(mean(Window::dilated(2, 2, 1, 2, AutoPad::Valid)), &[&[3, 9, 8]], "dilation 1 only");
    let padding = Window { padding_begin: vec![2, 0], ..window(2, 1, AutoPad::Valid) };
    refuses(max(padding.clone()), &[&[3, 9, 8]], "padding must be smaller than the kernel");
    refuses(mean(padding), &[&[3, 9, 8]], "padding must be smaller than the kernel");
    let global = Op::GlobalAvgPool(GlobalAvgPool);
    check(global.clone(), &[&[5, 4, 3]], &[5, 1, 1], 0, 0);
    check(global.clone(), &[&[5, 7]], &[5, 1], 0, 0);
    refuses(global.clone(), &[&[5]], "needs channels and one or two spatial axes, not 5");
    refuses(global, &[&[5, 2, 2, 2]], "needs channels");
}

#[test]
fn products() {
    let dense = |out_features, bias| Op::Dense(Dense { out_features, bias });
    check(dense(10, true), &[&[64]], &[10], 640, 650);
    check(dense(10, false), &[&[64]], &[10], 640, 640);
    check(dense(6, true), &[&[5, 8]], &[5, 6], 240, 54);
    check(dense(6, true), &[&[2, 5, 8]], &[2, 5, 6], 480, 54);
    let matmul = Op::MatMul(MatMul);
    check(matmul.clone(), &[&[3, 4], &[4, 5]], &[3, 5], 60, 0);
    check(matmul.clone(), &[&[2, 3, 4], &[2, 4, 5]], &[2, 3, 5], 120, 0);
    refuses(matmul.clone(), &[&[3, 4], &[3, 4]], "3x4 x 3x4 is not a product of matrices");
    refuses(matmul.clone(), &[&[2, 3, 4], &[1, 4, 5]], "is not a product");
    refuses(matmul.clone(), &[&[2, 3, 4], &[4, 5]], "is not a product");
    refuses(matmul, &[&[4], &[4]], "is not a product");
}

#[test]
fn normalizations() {
    let image: &[usize] = &[6, 4, 4];
    check(Op::BatchNorm(BatchNorm::default()), &[image], image, 0, 24);
    check(Op::BatchNorm(BatchNorm::default()), &[&[6]], &[6], 0, 24);
    check(Op::LayerNorm(LayerNorm::default()), &[&[5, 8]], &[5, 8], 0, 16);
    check(Op::Softmax(Softmax { axis: 1 }), &[&[5, 8]], &[5, 8], 0, 0);
    refuses(Op::Softmax(Softmax { axis: 2 }), &[&[5, 8]], "axis 2 is not one of the 2 of 5x8");
    assert_eq!(BatchNorm::default().epsilon(), 1e-5);
    assert_eq!(LayerNorm { epsilon_millionths: 1 }.epsilon(), 1e-6);
}

#[test]
fn elementwise() {
    let image: &[usize] = &[3, 4, 5];
    for op in Activation::ALL.map(Op::Activation) {
        check(op, &[image], image, 0, 0);
    }
    for op in [Op::Add(Add), Op::Mul(Mul)] {
        check(op.clone(), &[image, image], image, 0, 0);
        check(op.clone(), &[image, &[3, 1, 1]], image, 0, 0);
        check(op.clone(), &[&[3, 1, 5], &[1, 4, 1]], image, 0, 0);
        refuses(op.clone(), &[image, &[3, 4]], "shapes 3x4x5 and 3x4 do not match");
        refuses(op, &[image, &[3, 2, 5]], "each dimension must be equal or 1");
    }
    check(Op::Identity(Identity), &[image], image, 0, 0);
    check(Op::Zero(Zero), &[image], image, 0, 0);
    check(Op::Input(Input { shape: Shape::from(image) }), &[], image, 0, 0);
}

#[test]
fn layouts() {
    let concat = |axis| Op::Concat(Concat { axis });
    check(concat(0), &[&[2, 4, 4], &[3, 4, 4], &[1, 4, 4]], &[6, 4, 4], 0, 0);
    check(concat(1), &[&[2, 3], &[2, 5]], &[2, 8], 0, 0);
    refuses(concat(0), &[&[2, 4, 4], &[3, 4, 5]], "shapes 2x4x4 and 3x4x5 differ outside axis 0");
    refuses(concat(0), &[&[2, 4], &[3, 4, 1]], "differ outside axis 0");
    refuses(concat(3), &[&[2, 4, 4], &[3, 4, 4]], "axis 3 is not one of the 3");
    let slice = |axis, start, length| Op::Slice(Slice { axis, start, length });
    check(slice(0, 2, 2), &[&[4, 3, 5]], &[2, 3, 5], 0, 0);
    check(slice(2, 0, 5), &[&[4, 3, 5]], &[4, 3, 5], 0, 0);
    refuses(slice(0, 3, 2), &[&[4, 3, 5]], "3 to 5 are not all among the 4 of axis 0");
    refuses(slice(1, usize::MAX, 2), &[&[4, 3, 5]], "are not all among the 3 of axis 1");
    refuses(slice(3, 0, 1), &[&[4, 3, 5]], "axis 3 is not one of the 3");
    let reshape = |dims: &[usize]| Op::Reshape(Reshape { shape: Shape::from(dims) });
    check(reshape(&[8, 3]), &[&[2, 3, 4]], &[8, 3], 0, 0);
    refuses(reshape(&[8, 4]), &[&[2, 3, 4]], "2x3x4 does not have as many elements as 8x4");
    refuses(reshape(&[usize::MAX, usize::MAX]), &[&[2, 3, 4]], "does not have as many elements");
    let transpose = |permutation: &[usize]| Op::Transpose(Transpose { permutation: permutation.to_vec() });
    check(transpose(&[2, 0, 1]), &[&[2, 3, 4]], &[4, 2, 3], 0, 0);
    refuses(transpose(&[0, 0, 1]), &[&[2, 3, 4]], "[0, 0, 1] is not a permutation of the dimensions of 2x3x4");
    refuses(transpose(&[1, 0]), &[&[2, 3, 4]], "is not a permutation");
    check(Op::Flatten(Flatten), &[&[2, 3, 4]], &[24], 0, 0);
}

#[test]
fn views_need_no_memory() {
    let views = [Op::Identity(Identity), Op::Flatten(Flatten), Op::Reshape(Reshape { shape: Shape::new([4]) })];
    assert!(views.iter().all(Op::is_view));
    let others = [Op::Zero(Zero), Op::Transpose(Transpose { permutation: vec![0] }), Op::Concat(Concat { axis: 0 })];
    assert!(!others.iter().any(Op::is_view));
}

#[test]
fn costs_of_extremes_stay_in_range() {
    let huge: &[usize] = &[1 << 28];
    let window = Window::new(2, MAX_EXTENT, 1, AutoPad::Same);
    let op = conv(1 << 28, window, 1, true);
    let input = Shape::new([1 << 28, 1, 1]);
    let spec = &op.params(&[&input])[0];
    assert_eq!(spec.shape.elements(), u64::MAX, "saturates");
    assert_eq!(spec.shape.bytes(), u64::MAX, "saturates");
    assert_eq!(op.macs(&[&input], &Shape::from(huge)), u64::MAX, "saturates");
    check(Op::Dense(Dense { out_features: 1 << 28, bias: false }), &[huge], huge, 1 << 56, 1 << 56);
}
