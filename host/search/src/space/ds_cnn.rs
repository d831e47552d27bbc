//! Space `ds-cnn`: depthwise separable convolutions in stages, as keyword spotting uses them (Zhang et al. 2017, Hello Edge).
//!
//! It takes a spectrogram as an image, or the sound itself as a series, whose first convolution then has a large stride. A
//! stage has a kernel, a width and a number of blocks; a block is a depthwise and a pointwise convolution, each with
//! its batch norm and nonlinearity. Unlike `mbconv`, nothing is widened inside or added.

use edgefit_graph::GraphError;

use super::choices::{Choice, Choices};
use super::layers::{Convolution, Layers};
use super::scale::Scale;
use super::segments::{Segment, SegmentSpace, Segments};
use super::settings::SpaceSettings;
use super::{Frame, Space, SpaceError, Task};

pub(super) const NAME: &str = "ds-cnn";

/// Extents of the first convolution to choose from; a larger stride makes it larger.
const STEM_KERNELS: [usize; 3] = [3, 5, 9];

struct DsCnn;

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["stages", "widths", "kernels", "depths"])?;
    let scale = Scale::of(task, NAME)?;
    let stages = settings.stages_or(scale.stages)?;
    let kernels = if scale.axes == 1 { [3, 5, 9].as_slice() } else { &[3, 5] };
    let settings = SpaceSettings {
        stages: Some(stages),
        widths: Some(settings.all_widths_or(stages, |stage| scale.wide_widths(stage))?),
        kernels: Some(settings.kernels_or(kernels)?),
        depths: Some(settings.depths_or(&[1, 2, 3, 4])?),
        ..SpaceSettings::preset(NAME)
    };
    let mut choices = Choices::default();
    choices.group([
        Choice::numbers("stem.kernel", "k", &STEM_KERNELS),
        Choice::numbers("stem.width", "w", &scale.widths(0)),
        Choice::numbers("stem.stride", "s", &scale.stem_strides),
    ]);
    for stage in 0..stages {
        let name = |choice: &str| format!("stage{}.{choice}", stage + 1);
        choices.group([
            Choice::numbers(name("kernel"), "k", settings.kernels()),
            Choice::numbers(name("width"), "w", settings.widths(stage)),
            Choice::numbers(name("depth"), "d", settings.depths()),
        ]);
    }
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    Ok(Box::new(SegmentSpace { frame, segments: DsCnn }))
}

impl Segments for DsCnn {
    /// The stem, then the stages.
    fn add(&self, mut segment: Segment<'_>, layers: &mut Layers) -> Result<(), GraphError> {
        let (stage, activation) = (segment.position, segment.activation);
        if stage == 0 {
            let [kernel, width, stride] = segment.take();
            layers.conv("stem.conv", Convolution { width, kernel: kernel.max(2 * stride - 1), stride })?;
            return layers.activation("stem.conv", activation);
        }
        let [kernel, width, depth] = segment.take();
        (1..=depth).try_for_each(|block| {
            let stride = if stage > 1 && block == 1 { 2 } else { 1 };
            let name = format!("stage{stage}.block{block}");
            layers.separable(&name, Convolution { width, kernel, stride }, 1, Some(activation))?;
            layers.activation(&name, activation)
        })
    }
}
