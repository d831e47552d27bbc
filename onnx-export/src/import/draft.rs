//! The network while it is read: operators of the graph, and the pieces that compose some of them.

use edgefit_graph::op::{BatchNorm, Op};
use edgefit_graph::{Role, Shape, Tensor};

/// One node while the file is read.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// Name of the ONNX node that it comes from.
    pub(super) name: String,
    /// Operator of that node, for errors.
    pub(super) op_type: String,
    pub(super) kind: Kind,
    /// Positions of earlier drafts.
    pub(super) inputs: Vec<usize>,
    /// Per-sample shape of the output.
    pub(super) shape: Shape,
    pub(super) params: Vec<(Role, Tensor)>,
}

/// What a draft does.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// An operator of the graph.
    Op(Op),
    /// Times constants.
    Scale(Along),
    /// Plus constants.
    Shift(Along),
    /// `x * scale[c] + shift[c]` for each channel.
    Affine(Vec<f64>, Vec<f64>),
    /// The error function, a piece of gelu.
    Erf,
}

/// One number for all, or one for each index of an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Along {
    /// Axis of the sample; none for one number.
    pub(super) axis: Option<usize>,
    pub(super) values: Vec<f32>,
}

impl Along {
    /// The one number.
    pub(super) fn scalar(&self) -> Option<f32> {
        if self.axis.is_none() { self.values.first().copied() } else { None }
    }

    /// Whether this is one number, close to `value`.
    pub(super) fn is_about(&self, value: f32) -> bool {
        self.scalar().is_some_and(|x| (x - value).abs() <= 1e-5 * value.abs())
    }

    /// One value for each of the `size` indices of `axis`; `None` when it runs along another one.
    pub(super) fn along(&self, axis: usize, size: usize) -> Option<Vec<f32>> {
        match self.axis {
            None => Some(vec![*self.values.first()?; size]),
            Some(own) => (own == axis).then(|| self.values.clone()),
        }
    }

    pub(super) fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|x| *x = f(*x));
        self
    }
}

/// Whether each draft is an input or is needed by an output.
pub(super) fn needed(drafts: &[Draft], outputs: &[usize]) -> Vec<bool> {
    let mut needed: Vec<bool> = drafts.iter().map(|draft| matches!(draft.kind, Kind::Op(Op::Input(_)))).collect();
    outputs.iter().for_each(|&output| needed[output] = true);
    for (position, draft) in drafts.iter().enumerate().rev() {
        if needed[position] {
            draft.inputs.iter().for_each(|&input| needed[input] = true);
        }
    }
    needed
}

/// How many needed drafts and outputs take each draft.
pub(super) fn use_counts(drafts: &[Draft], outputs: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; drafts.len()];
    let needed = needed(drafts, outputs);
    let taking = drafts.iter().zip(needed).filter(|(_, needed)| *needed).flat_map(|(draft, _)| &draft.inputs);
    taking.chain(outputs).for_each(|&input| counts[input] += 1);
    counts
}

/// A batch norm without epsilon that scales and shifts each channel.
pub(super) fn affine_batch_norm(scale: &[f64], shift: &[f64]) -> (Op, Vec<(Role, Tensor)>) {
    let channels = scale.len();
    let tensor = |data: Vec<f32>| Tensor { shape: Shape::new([channels]), data };
    let narrow = |data: &[f64]| tensor(data.iter().map(|&x| x as f32).collect());
    let params = vec![
        (Role::Scale, narrow(scale)),
        (Role::Shift, narrow(shift)),
        (Role::RunningMean, tensor(vec![0.0; channels])),
        (Role::RunningVariance, tensor(vec![1.0; channels])),
    ];
    (Op::BatchNorm(BatchNorm { epsilon_millionths: 0 }), params)
}
