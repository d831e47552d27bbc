//! The output of a node while a network runs: a burn tensor, and whether its channels are first or last.

use burn::tensor::Tensor;
use edgefit_graph::Shape;

/// Dimensions of every tensor here: the batch and up to five of a sample, with ones between the batch and a sample of fewer.
pub(crate) const RANK: usize = 6;

/// Where the channels of an image or a series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As in the graph, in front.
    First,
    /// Behind the spatial axes, as kernels want them.
    Last,
}

/// A batch of samples of one shape.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    tensor: Tensor<RANK>,
    shape: Shape,
    layout: Layout,
}

/// `shape` with the batch in front, padded to [`RANK`].
pub(crate) fn padded(batch: usize, dims: &[usize]) -> [usize; RANK] {
    let mut out = [1; RANK];
    out[0] = batch;
    out[RANK - dims.len()..].copy_from_slice(dims);
    out
}

/// The axis of the padded tensor that a sample's axis is.
pub(crate) fn padded_axis(shape: &Shape, axis: usize) -> usize {
    RANK - shape.rank() + axis
}

impl Value {
    /// Wraps a tensor whose dimensions are those of `shape` in this layout.
    pub(crate) fn new(tensor: Tensor<RANK>, shape: &Shape, layout: Layout) -> Self {
        Self { tensor, shape: shape.clone(), layout }
    }

    /// Shape of a sample in the graph's order.
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Where the channels are.
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// The tensor as it is.
    pub(crate) fn tensor(self) -> Tensor<RANK> {
        self.tensor
    }

    /// Samples.
    pub(crate) fn batch(&self) -> usize {
        self.tensor.dims()[0]
    }

    /// The tensor with the channels where they are wanted. A vector has only one order.
    pub(crate) fn in_layout(self, layout: Layout) -> Tensor<RANK> {
        if self.layout == layout || self.shape.rank() < 2 {
            return self.tensor;
        }
        let batch = self.batch();
        let mut dims = self.shape.dims().to_vec();
        if layout == Layout::Last {
            dims.rotate_left(1);
        }
        if self.shape.spatial().iter().all(|&d| d == 1) {
            return self.tensor.reshape(padded(batch, &dims));
        }
        let mut axes: [usize; RANK] = std::array::from_fn(|i| i);
        let sample = &mut axes[RANK - dims.len()..];
        match layout {
            Layout::Last => sample.rotate_left(1),
            Layout::First => sample.rotate_right(1),
        }
        self.tensor.permute(axes.map(|a| a as isize))
    }

    /// The tensor in the graph's order.
    pub(crate) fn in_order(self) -> Tensor<RANK> {
        self.in_layout(Layout::First)
    }
}
