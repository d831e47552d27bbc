//! The inverted residual block (Sandler et al. 2018), which several spaces are made of.

use edgefit_graph::GraphError;
use edgefit_graph::op::Activation;

use super::{Convolution, Layers};

/// What there is to choose in an inverted residual.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InvertedResidual {
    pub(crate) kernel: usize,
    /// By which factor it widens inside; 1 leaves the pointwise convolution out that would widen.
    pub(crate) expansion: usize,
    pub(crate) width: usize,
    pub(crate) stride: usize,
    /// By which factor squeeze-and-excitation narrows; 0 leaves it out.
    pub(crate) squeeze: usize,
    pub(crate) activation: Activation,
}

impl Layers {
    /// Widens by a pointwise convolution, sees its surroundings by a depthwise one, optionally gates its channels by
    /// squeeze-and-excitation, narrows again, and adds its input where the shapes allow.
    pub(crate) fn inverted_residual(&mut self, name: &str, block: InvertedResidual) -> Result<(), GraphError> {
        let (from, inner) = (self.at(), self.channels() * block.expansion);
        let part = |part: &str| format!("{name}.{part}");
        if block.expansion > 1 {
            self.conv(&part("expand"), Convolution::pointwise(inner))?;
            self.activation(&part("expand"), block.activation)?;
        }
        self.depthwise(&part("depthwise"), block.kernel, block.stride)?;
        self.activation(&part("depthwise"), block.activation)?;
        if let Some(squeezed) = inner.checked_div(block.squeeze) {
            self.squeeze_excitation(&part("se"), squeezed.max(1))?;
        }
        self.conv(&part("project"), Convolution::pointwise(block.width))?;
        self.skip(name, from)
    }
}
