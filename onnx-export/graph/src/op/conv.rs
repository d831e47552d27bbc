//! Convolution over one (series) or two (image) spatial axes, with groups.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;
use crate::weights::{ParamSpec, Role};
use crate::window::Window;

/// Convolution `[C, spatial...] -> [out_channels, spatial'...]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conv {
    /// Channels of the output; a multiple of `groups`.
    pub out_channels: usize,
    /// Kernel, stride, padding and dilation.
    pub window: Window,
    /// Number of groups; it divides the channels of input and output. Equal to both: a depthwise convolution.
    pub groups: usize,
    /// Whether a bias is added to each output channel.
    pub bias: bool,
}

impl Conv {
    /// Whether each output channel sees one input channel only.
    pub fn is_depthwise(&self, input: &Shape) -> bool {
        self.groups > 1 && self.groups == input.channels()
    }

    fn weight_dims(&self, input: &Shape) -> Vec<usize> {
        let mut dims = vec![self.out_channels, input.channels() / self.groups];
        dims.extend(&self.window.kernel);
        dims
    }
}

impl Operator for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let input = inputs[0];
        let (groups, channels) = (self.groups, input.channels());
        if groups == 0 || !channels.is_multiple_of(groups) || !self.out_channels.is_multiple_of(groups) {
            let out = self.out_channels;
            return Err(format!("{groups} groups do not divide {channels} input and {out} output channels"));
        }
        let mut dims = vec![self.out_channels];
        dims.extend(self.window.output(input)?);
        Ok(Shape::new(dims))
    }

    /// Output elements times taps times input channels of a group.
    fn macs(&self, inputs: &[&Shape], output: &Shape) -> u64 {
        let per_output = self.window.taps() * (inputs[0].channels() / self.groups) as u64;
        output.elements().saturating_mul(per_output)
    }

    fn params(&self, inputs: &[&Shape]) -> Vec<ParamSpec> {
        let weight = ParamSpec::new(Role::Weight, self.weight_dims(inputs[0]));
        let bias = self.bias.then(|| ParamSpec::new(Role::Bias, [self.out_channels]));
        std::iter::once(weight).chain(bias).collect()
    }

    fn attributes(&self) -> String {
        format!("out={} {} groups={} bias={}", self.out_channels, self.window.attributes(), self.groups, self.bias)
    }
}
