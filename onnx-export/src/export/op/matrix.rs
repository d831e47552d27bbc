//! Matrix product of computed tensors, and softmax.

use edgefit_graph::op::{MatMul, Softmax};

use super::Emit;
use crate::export::proto::int;
use crate::export::writer::Site;

impl Emit for MatMul {
    fn emit(&self, site: &mut Site<'_>) {
        let inputs = site.inputs();
        site.last("MatMul", inputs, Vec::new());
    }
}

impl Emit for Softmax {
    fn emit(&self, site: &mut Site<'_>) {
        let inputs = site.inputs();
        site.last("Softmax", inputs, vec![int("axis", self.axis as i64 + 1)]);
    }
}
