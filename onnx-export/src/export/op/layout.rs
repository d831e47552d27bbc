//! Operators that only move elements. Axes are one further in ONNX: the batch is axis 0.

use edgefit_graph::op::{Concat, Flatten, Reshape, Slice, Transpose};

use super::Emit;
use crate::export::proto::{int, ints};
use crate::export::writer::Site;

impl Emit for Concat {
    fn emit(&self, site: &mut Site<'_>) {
        let inputs = site.inputs();
        site.last("Concat", inputs, vec![int("axis", self.axis as i64 + 1)]);
    }
}

impl Emit for Slice {
    fn emit(&self, site: &mut Site<'_>) {
        let bound = |at: usize| [at as i64];
        let inputs = vec![
            site.input(),
            site.ints("starts", &bound(self.start)),
            site.ints("ends", &bound(self.end())),
            site.ints("axes", &bound(self.axis + 1)),
        ];
        site.last("Slice", inputs, Vec::new());
    }
}

impl Emit for Reshape {
    /// A leading 0 keeps the batch whatever it is.
    fn emit(&self, site: &mut Site<'_>) {
        let dims: Vec<i64> = std::iter::once(0).chain(self.shape.dims().iter().map(|&d| d as i64)).collect();
        let inputs = vec![site.input(), site.ints("shape", &dims)];
        site.last("Reshape", inputs, Vec::new());
    }
}

impl Emit for Flatten {
    fn emit(&self, site: &mut Site<'_>) {
        let inputs = site.inputs();
        site.last("Flatten", inputs, vec![int("axis", 1)]);
    }
}

impl Emit for Transpose {
    fn emit(&self, site: &mut Site<'_>) {
        let permutation = std::iter::once(0).chain(self.permutation.iter().map(|p| p + 1));
        let inputs = site.inputs();
        site.last("Transpose", inputs, vec![ints("perm", permutation)]);
    }
}
