//! Pooling: maximum or mean over a window, and the mean over all positions.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;
use crate::window::Window;

/// Maximum over a window; padding never wins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MaxPool {
    /// Kernel, stride, padding and dilation.
    pub window: Window,
}

/// Mean over a window.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AvgPool {
    /// Kernel, stride and padding; the dilation must be 1.
    pub window: Window,
    /// Whether padding counts in the divisor.
    pub count_include_pad: bool,
}

/// Mean over all positions, `[C, spatial...] -> [C, 1...]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GlobalAvgPool;

fn pooled(window: &Window, input: &Shape) -> Result<Shape, String> {
    let padding = window.padding_begin.iter().chain(&window.padding_end);
    let kernel = window.kernel.iter().chain(&window.kernel);
    if padding.zip(kernel).any(|(pad, kernel)| pad >= kernel) {
        return Err("padding must be smaller than the kernel, or a window would see only padding".into());
    }
    let mut dims = vec![input.channels()];
    dims.extend(window.output(input)?);
    Ok(Shape::new(dims))
}

impl Operator for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        pooled(&self.window, inputs[0])
    }

    fn attributes(&self) -> String {
        self.window.attributes()
    }
}

impl Operator for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        if self.window.dilation.iter().any(|&d| d != 1) {
            return Err("average pooling takes dilation 1 only".into());
        }
        pooled(&self.window, inputs[0])
    }

    fn attributes(&self) -> String {
        format!("{} count_include_pad={}", self.window.attributes(), self.count_include_pad)
    }
}

impl Operator for GlobalAvgPool {
    fn name(&self) -> &'static str {
        "global_avg_pool"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let input = inputs[0];
        if !(2..=3).contains(&input.rank()) {
            return Err(format!("needs channels and one or two spatial axes, not {input}"));
        }
        let mut dims = vec![1; input.rank()];
        dims[0] = input.channels();
        Ok(Shape::new(dims))
    }
}
