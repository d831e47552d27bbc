//! The dense layer: `Gemm` for a feature vector, `MatMul` and `Add` for tokens.

use edgefit_graph::Role;
use edgefit_graph::op::Dense;

use super::Emit;
use crate::export::writer::Site;

impl Emit for Dense {
    fn emit(&self, site: &mut Site<'_>) {
        let mut inputs = vec![site.input(), site.param(Role::Weight)];
        if !self.bias {
            return site.last("MatMul", inputs, Vec::new());
        }
        let bias = site.param(Role::Bias);
        if site.input_shape().rank() == 1 {
            inputs.push(bias);
            return site.last("Gemm", inputs, Vec::new());
        }
        let product = site.part("matmul", "MatMul", inputs);
        site.last("Add", vec![product, bias], Vec::new());
    }
}
