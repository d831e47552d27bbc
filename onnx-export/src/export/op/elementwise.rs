//! Sum and product of tensors, the identity, and zeros.

use edgefit_graph::op::{Add, Identity, Mul, Zero};

use super::Emit;
use crate::export::writer::Site;

impl Emit for Add {
    fn emit(&self, site: &mut Site<'_>) {
        let inputs = site.inputs();
        site.last("Add", inputs, Vec::new());
    }
}

impl Emit for Mul {
    fn emit(&self, site: &mut Site<'_>) {
        let inputs = site.inputs();
        site.last("Mul", inputs, Vec::new());
    }
}

impl Emit for Identity {
    fn emit(&self, site: &mut Site<'_>) {
        let inputs = site.inputs();
        site.last("Identity", inputs, Vec::new());
    }
}

impl Emit for Zero {
    /// A product keeps the batch whatever it is; every runtime has it.
    fn emit(&self, site: &mut Site<'_>) {
        let inputs = vec![site.input(), site.scalar("zero", 0.0)];
        site.last("Mul", inputs, Vec::new());
    }
}
