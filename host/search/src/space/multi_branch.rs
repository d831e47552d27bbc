//! Space `multi-branch`: modules whose branches see one input at several extents and are joined (Szegedy et al. 2015,
//! Inception), in stages that halve the resolution by a pooling.
//!
//! The branches of a module are a pointwise convolution, which is always there, one for each kernel, and a pooling. Each of
//! the others has a width, 0 of which leaves it out. A branch with a kernel narrows or widens by a pointwise
//! convolution first; its own is separable, dilated or standard. The modules of a stage share their choices.

use edgefit_graph::op::Activation;
use edgefit_graph::{Graph, NodeId};

use super::choices::{Choice, Choices, take};
use super::layers::{Convolution, Layers};
use super::scale::Scale;
use super::settings::SpaceSettings;
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;

pub(super) const NAME: &str = "multi-branch";

/// Kinds of convolution, from cheap to costly.
const KINDS: [&str; 3] = ["separable", "dilated", "standard"];
const SEPARABLE: usize = 0;
const DILATED: usize = 1;

const POOLINGS: [&str; 2] = ["max", "mean"];
const MAX: usize = 0;

struct MultiBranch {
    frame: Frame,
    stages: usize,
}

/// What the modules of a stage share.
struct Module {
    point_width: usize,
    /// Kernel, width and kind of each.
    windows: Vec<(usize, usize, usize)>,
    pool_width: usize,
    pooling: usize,
}

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["stages", "widths", "kernels", "depths"])?;
    let scale = Scale::of(task, NAME)?;
    let stages = settings.stages_or(scale.stages)?;
    let settings = SpaceSettings {
        stages: Some(stages),
        widths: Some(settings.all_widths_or(stages, |stage| scale.widths(stage))?),
        kernels: Some(settings.kernels_or(&[3, 5])?),
        depths: Some(settings.depths_or(&[1, 2])?),
        ..SpaceSettings::preset(NAME)
    };
    let mut choices = Choices::default();
    choices.group(scale.stem_choices(&scale.widths(0)));
    for stage in 0..stages {
        choices.group(stage_choices(&settings, stage));
    }
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    Ok(Box::new(MultiBranch { frame, stages }))
}

fn stage_choices(settings: &SpaceSettings, stage: usize) -> Vec<Choice> {
    let name = |choice: &str| format!("stage{}.{choice}", stage + 1);
    let widths = settings.widths(stage);
    let or_none: Vec<usize> = std::iter::once(0).chain(widths.iter().copied()).collect();
    let mut choices =
        vec![Choice::numbers(name("depth"), "d", settings.depths()), Choice::numbers(name("point.width"), "w", widths)];
    for kernel in settings.kernels() {
        choices.push(Choice::numbers(name(&format!("window{kernel}.width")), &format!("k{kernel}w"), &or_none));
        choices.push(Choice::names(name(&format!("window{kernel}.kind")), &KINDS));
    }
    choices.push(Choice::numbers(name("pool.width"), "p", &or_none));
    choices.push(Choice::names(name("pool.kind"), &POOLINGS));
    choices
}

impl Space for MultiBranch {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn decode(&self, genotype: &Genotype) -> Result<Graph, SpaceError> {
        self.check(genotype)?;
        let mut genes = self.frame.choices.reader(genotype);
        let [width, stride] = take(&mut genes);
        let mut layers = Layers::new(&self.frame.task)?;
        layers.stem(width, stride, Activation::Relu)?;
        for stage in 1..=self.stages {
            let [depth, point_width] = take(&mut genes);
            let window = |kernel: &usize| {
                let [width, kind] = take(&mut genes);
                (*kernel, width, kind)
            };
            let windows = self.frame.settings.kernels().iter().map(window).collect();
            let [pool_width, pooling] = take(&mut genes);
            let module = Module { point_width, windows, pool_width, pooling };
            if stage > 1 {
                layers.max_pool(&format!("stage{stage}.pool"), 3, 2)?;
            }
            for number in 1..=depth {
                module.add(&mut layers, &format!("stage{stage}.module{number}"))?;
            }
        }
        Ok(layers.classify(self.frame.task.classes)?)
    }
}

impl Module {
    fn add(&self, layers: &mut Layers, name: &str) -> Result<(), SpaceError> {
        let from = layers.at();
        let mut branches: Vec<NodeId> = Vec::new();
        let point = format!("{name}.point");
        layers.conv(&point, Convolution::pointwise(self.point_width))?;
        layers.activation(&point, Activation::Relu)?;
        branches.push(layers.go_to(from));
        for (kernel, width, kind) in self.windows.iter().copied().filter(|(_, width, _)| *width > 0) {
            add_window(layers, &format!("{name}.window{kernel}"), Convolution { width, kernel, stride: 1 }, kind)?;
            branches.push(layers.go_to(from));
        }
        if self.pool_width > 0 {
            let pool = format!("{name}.pool");
            match self.pooling {
                MAX => layers.max_pool(&pool, 3, 1)?,
                _ => layers.average_pool(&pool, 3, 1)?,
            }
            layers.conv(&format!("{pool}.conv"), Convolution::pointwise(self.pool_width))?;
            layers.activation(&format!("{pool}.conv"), Activation::Relu)?;
            branches.push(layers.go_to(from));
        }
        Ok(layers.concat(&format!("{name}.join"), &branches)?)
    }
}

/// A pointwise convolution to the branch's width, then the one that sees the window.
fn add_window(layers: &mut Layers, name: &str, conv: Convolution, kind: usize) -> Result<(), SpaceError> {
    let reduce = format!("{name}.reduce");
    layers.conv(&reduce, Convolution::pointwise(conv.width))?;
    layers.activation(&reduce, Activation::Relu)?;
    match kind {
        SEPARABLE => layers.separable(name, conv, 1, None)?,
        DILATED => layers.dilated(name, conv, 2)?,
        _ => layers.conv(name, conv)?,
    }
    Ok(layers.activation(name, Activation::Relu)?)
}
