//! Convolution as `Conv`.

use edgefit_graph::op::Conv;
use edgefit_graph::{Role, Window};
use rten_onnx::onnx::AttributeProto;

use super::Emit;
use crate::export::proto::{int, ints};
use crate::export::writer::Site;

impl Emit for Conv {
    fn emit(&self, site: &mut Site<'_>) {
        let mut inputs = vec![site.input(), site.param(Role::Weight)];
        if self.bias {
            inputs.push(site.param(Role::Bias));
        }
        let mut attributes = window_attributes(&self.window);
        attributes.push(ints("dilations", self.window.dilation.iter().copied()));
        attributes.push(int("group", self.groups as i64));
        site.last("Conv", inputs, attributes);
    }
}

/// Kernel, strides and pads, as convolution and pooling share them.
pub(super) fn window_attributes(window: &Window) -> Vec<AttributeProto> {
    let pads = window.padding_begin.iter().chain(&window.padding_end).copied();
    vec![
        ints("kernel_shape", window.kernel.iter().copied()),
        ints("strides", window.stride.iter().copied()),
        ints("pads", pads),
    ]
}
