//! Pooling as `MaxPool`, `AveragePool` and `GlobalAveragePool`.

use edgefit_graph::op::{AvgPool, GlobalAvgPool, MaxPool};

use super::Emit;
use super::conv::window_attributes;
use crate::export::proto::{int, ints};
use crate::export::writer::Site;

impl Emit for MaxPool {
    fn emit(&self, site: &mut Site<'_>) {
        let mut attributes = window_attributes(&self.window);
        attributes.push(ints("dilations", self.window.dilation.iter().copied()));
        let inputs = site.inputs();
        site.last("MaxPool", inputs, attributes);
    }
}

impl Emit for AvgPool {
    fn emit(&self, site: &mut Site<'_>) {
        let mut attributes = window_attributes(&self.window);
        attributes.push(int("count_include_pad", i64::from(self.count_include_pad)));
        let inputs = site.inputs();
        site.last("AveragePool", inputs, attributes);
    }
}

impl Emit for GlobalAvgPool {
    fn emit(&self, site: &mut Site<'_>) {
        let inputs = site.inputs();
        site.last("GlobalAveragePool", inputs, Vec::new());
    }
}
