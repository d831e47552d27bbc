//! Convolution and pooling of the reference, over images; a series is an image of height 1.

use crate::op::Conv;
use crate::shape::Shape;
use crate::weights::Role;
use crate::window::Window;

use super::reference::{Step, Value};

/// A window over an image.
struct Window2 {
    kernel: [usize; 2],
    stride: [usize; 2],
    begin: [usize; 2],
    end: [usize; 2],
    dilation: [usize; 2],
}

impl Window2 {
    fn of(window: &Window) -> Self {
        let pair = |v: &[usize], none: usize| if v.len() == 2 { [v[0], v[1]] } else { [none, v[0]] };
        Self {
            kernel: pair(&window.kernel, 1),
            stride: pair(&window.stride, 1),
            begin: pair(&window.padding_begin, 0),
            end: pair(&window.padding_end, 0),
            dilation: pair(&window.dilation, 1),
        }
    }

    /// Number of the tap, and where the window at an output position takes it from, counted from the start of the padding.
    fn taps(&self, output: [usize; 2]) -> impl Iterator<Item = (usize, [usize; 2])> {
        let (stride, dilation, columns) = (self.stride, self.dilation, self.kernel[1]);
        (0..self.kernel[0] * columns).map(move |tap| {
            let at = [tap / columns, tap % columns];
            (tap, [0, 1].map(|axis| output[axis] * stride[axis] + at[axis] * dilation[axis]))
        })
    }

    /// The position in an image of this size, or `None` for padding.
    fn inside(&self, padded: [usize; 2], size: [usize; 2]) -> Option<usize> {
        let row = padded[0].checked_sub(self.begin[0]).filter(|&r| r < size[0])?;
        let column = padded[1].checked_sub(self.begin[1]).filter(|&c| c < size[1])?;
        Some(row * size[1] + column)
    }
}

/// Height and width.
fn size(shape: &Shape) -> [usize; 2] {
    match shape.spatial() {
        [width] => [1, *width],
        [height, width] => [*height, *width],
        other => panic!("{} spatial axes", other.len()),
    }
}

/// Channel and position of every output element.
fn positions(shape: &Shape) -> impl Iterator<Item = (usize, [usize; 2])> {
    let [height, width] = size(shape);
    (0..shape.elements() as usize).map(move |at| {
        let (channel, position) = (at / (height * width), at % (height * width));
        (channel, [position / width, position % width])
    })
}

pub(super) fn conv(step: &Step<'_>, op: &Conv) -> Vec<f64> {
    let (x, weight) = (step.input(0), step.param(Role::Weight).expect("weights fit the graph"));
    let bias = step.param(Role::Bias);
    let window = Window2::of(&op.window);
    let taps = op.window.taps() as usize;
    let per_group = [x.shape.channels() / op.groups, op.out_channels / op.groups];
    let element = |(out, position): (usize, [usize; 2])| {
        let first = out / per_group[1] * per_group[0];
        let channel = |within: usize| {
            let kernel = &weight.data[(out * per_group[0] + within) * taps..][..taps];
            dot(x, first + within, kernel, &window, position)
        };
        (0..per_group[0]).map(channel).sum::<f64>() + bias.as_ref().map_or(0.0, |b| b.data[out])
    };
    positions(step.output_shape()).map(element).collect()
}

fn dot(x: &Value, channel: usize, kernel: &[f64], window: &Window2, position: [usize; 2]) -> f64 {
    let size = size(&x.shape);
    let plane = &x.data[channel * size[0] * size[1]..][..size[0] * size[1]];
    let product = |(tap, at)| window.inside(at, size).map_or(0.0, |inside| plane[inside] * kernel[tap]);
    window.taps(position).map(product).sum()
}

/// The elements that a window sees, and the number of its positions that are padding (not those past all padding).
pub(super) struct Seen {
    values: Vec<f64>,
    padding: usize,
}

pub(super) fn maximum(seen: &Seen) -> f64 {
    seen.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

pub(super) fn mean(count_include_pad: bool) -> impl Fn(&Seen) -> f64 {
    move |seen| {
        let padding = if count_include_pad { seen.padding } else { 0 };
        seen.values.iter().sum::<f64>() / (seen.values.len() + padding) as f64
    }
}

pub(super) fn pool(step: &Step<'_>, window: &Window, reduce: impl Fn(&Seen) -> f64) -> Vec<f64> {
    let x = step.input(0);
    let (size, window) = (size(&x.shape), Window2::of(window));
    let element = |(channel, position)| {
        let plane = &x.data[channel * size[0] * size[1]..][..size[0] * size[1]];
        let mut seen = Seen { values: Vec::new(), padding: 0 };
        for (_, at) in window.taps(position) {
            debug_assert!((0..2).all(|a| at[a] < size[a] + window.begin[a] + window.end[a]));
            match window.inside(at, size) {
                Some(inside) => seen.values.push(plane[inside]),
                None => seen.padding += 1,
            }
        }
        reduce(&seen)
    };
    positions(step.output_shape()).map(element).collect()
}

#[cfg(test)]
mod tests {
    use crate::op::{AvgPool, Conv, MaxPool, Op};
    use crate::testing::run;
    use crate::{AutoPad, GraphBuilder, ParamId, Role, Shape, Tensor, Weights, Window};

    #[track_caller]
    fn check(op: Op, dims: &[usize], x: &[f32], weight: Option<&[f32]>, expected: &[f32]) {
        let mut b = GraphBuilder::new();
        let input = b.input("x", Shape::from(dims)).unwrap();
        let y = b.add("y", op, &[input]).unwrap();
        let graph = b.finish(&[y]).unwrap();
        let mut weights = Weights::new();
        for (id, spec) in graph.params() {
            let data = weight.expect("a weight for every parameter").to_vec();
            weights.insert(ParamId { node: id.node, role: Role::Weight }, Tensor { shape: spec.shape, data });
        }
        let x = Tensor { shape: Shape::from(dims), data: x.to_vec() };
        assert_eq!(run(&graph, &weights, &[x]).unwrap()[0].data, expected);
    }

    #[test]
    fn convolves() {
        let window = |pad| Window::new(1, 3, 1, pad);
        let conv = |window, groups, out_channels| Op::Conv(Conv { out_channels, window, groups, bias: false });
        check(conv(window(AutoPad::Valid), 1, 1), &[1, 4], &[1., 2., 3., 4.], Some(&[1., 10., 100.]), &[321., 432.]);
        let same = [210., 321., 432., 43.];
        check(conv(window(AutoPad::Same), 1, 1), &[1, 4], &[1., 2., 3., 4.], Some(&[1., 10., 100.]), &same);
        check(
            conv(Window::new(1, 1, 2, AutoPad::Valid), 2, 2),
            &[2, 3],
            &[1., 2., 3., 4., 5., 6.],
            Some(&[1., 10.]),
            &[1., 3., 40., 60.],
        );
        let dilated = Window::dilated(2, 2, 1, 2, AutoPad::Valid);
        let image: Vec<f32> = (1..=9).map(|x| x as f32).collect();
        check(conv(dilated, 1, 1), &[1, 3, 3], &image, Some(&[1., 10., 100., 1000.]), &[9731.]);
    }

    #[test]
    fn pools() {
        let window = Window::new(2, 3, 2, AutoPad::Same);
        let image: Vec<f32> = (1..=9).map(|x| -(x as f32)).collect();
        check(Op::MaxPool(MaxPool { window: window.clone() }), &[1, 3, 3], &image, None, &[-1., -2., -4., -5.]);
        let mean = |count_include_pad| Op::AvgPool(AvgPool { window: window.clone(), count_include_pad });
        check(mean(false), &[1, 3, 3], &image, None, &[-3., -4., -6., -7.]);
        check(mean(true), &[1, 3, 3], &image, None, &[-12. / 9., -16. / 9., -24. / 9., -28. / 9.]);
    }
}
