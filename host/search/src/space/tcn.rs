//! Space `tcn`: residual blocks of dilated convolutions over a series (Bai et al. 2018), in stages that halve its resolution.
//!
//! An image is read as a series along its width, each row of each channel being a channel, as TC-ResNet does with spectrograms
//! (Choi et al. 2019). A block is two convolutions, standard or separable, whose dilation may double from block to
//! block, and a shortcut. Padding is on both sides, since the whole series is there when it is classified.

use edgefit_graph::op::Activation;
use edgefit_graph::{GraphError, Shape};

use super::choices::{Choice, Choices};
use super::layers::{Convolution, Layers};
use super::scale::Scale;
use super::segments::{Segment, SegmentSpace, Segments};
use super::settings::SpaceSettings;
use super::{Frame, Space, SpaceError, Task};

pub(super) const NAME: &str = "tcn";

/// Kinds of convolution, from cheap to costly.
const KINDS: [&str; 2] = ["separable", "standard"];
const SEPARABLE: usize = 0;

/// By which factor the dilation grows from one block of a stage to the next.
const GROWTHS: [usize; 2] = [1, 2];

struct Tcn;

/// What the blocks of a stage share.
#[derive(Clone, Copy)]
struct Stage {
    kind: usize,
    kernel: usize,
    width: usize,
    activation: Activation,
}

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["stages", "widths", "kernels", "depths"])?;
    let scale = Scale::of(&Task { input: along_width(&task.input), ..task.clone() }, NAME)?;
    let stages = settings.stages_or(scale.stages)?;
    let settings = SpaceSettings {
        stages: Some(stages),
        widths: Some(settings.all_widths_or(stages, |stage| scale.widths(stage))?),
        kernels: Some(settings.kernels_or(&[3, 5, 9])?),
        depths: Some(settings.depths_or(&[1, 2, 3])?),
        ..SpaceSettings::preset(NAME)
    };
    let mut choices = Choices::default();
    choices.group(scale.stem_choices(&scale.widths(0)));
    for stage in 0..stages {
        let name = |choice: &str| format!("stage{}.{choice}", stage + 1);
        choices.group([
            Choice::names(name("kind"), &KINDS),
            Choice::numbers(name("kernel"), "k", settings.kernels()),
            Choice::numbers(name("width"), "w", settings.widths(stage)),
            Choice::numbers(name("depth"), "d", settings.depths()),
            Choice::numbers(name("growth"), "g", &GROWTHS),
        ]);
    }
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    Ok(Box::new(SegmentSpace { frame, segments: Tcn }))
}

/// A series of the length that a sample is read as, with the channels that it has itself.
fn along_width(input: &Shape) -> Shape {
    match *input.dims() {
        [channels, _, width] => Shape::new([channels, width]),
        _ => input.clone(),
    }
}

impl Segments for Tcn {
    /// The stem, then the stages.
    fn add(&self, mut segment: Segment<'_>, layers: &mut Layers) -> Result<(), GraphError> {
        let (number, activation) = (segment.position, segment.activation);
        if number == 0 {
            let [width, stride] = segment.take();
            layers.read_as_series()?;
            return layers.stem(width, stride, activation);
        }
        let [kind, kernel, width, depth, growth] = segment.take();
        let (stage, mut dilation) = (Stage { kind, kernel, width, activation }, 1);
        for block in 1..=depth {
            let stride = if number > 1 && block == 1 { 2 } else { 1 };
            stage.add_block(layers, &format!("stage{number}.block{block}"), stride, dilation)?;
            dilation *= growth;
        }
        Ok(())
    }
}

impl Stage {
    fn add_block(self, layers: &mut Layers, name: &str, stride: usize, dilation: usize) -> Result<(), GraphError> {
        let from = layers.at();
        let part = |part: &str| format!("{name}.{part}");
        self.add_conv(layers, &part("conv1"), stride, dilation)?;
        layers.activation(&part("conv1"), self.activation)?;
        self.add_conv(layers, &part("conv2"), 1, dilation)?;
        let sum = layers.go_to(from);
        if stride > 1 {
            layers.shortcut(&part("shortcut"), self.width)?;
        } else if layers.channels() != self.width {
            layers.conv(&part("shortcut"), Convolution::pointwise(self.width))?;
        }
        let shortcut = layers.go_to(sum);
        layers.add(&part("add"), shortcut)?;
        layers.activation(name, self.activation)
    }

    fn add_conv(self, layers: &mut Layers, name: &str, stride: usize, dilation: usize) -> Result<(), GraphError> {
        let conv = Convolution { width: self.width, kernel: self.kernel, stride };
        match self.kind {
            SEPARABLE => layers.separable(name, conv, dilation, None),
            _ => layers.dilated(name, conv, dilation),
        }
    }
}
