//! Space `nb201`: the cells of NAS-Bench-201 (Dong and Yang 2020), with their strings, in networks that may be small.
//!
//! A cell has an input and three nodes that sum what their edges bring from every earlier node; each of the six edges is
//! one of five operations. The network is theirs: a stem, stages of equal cells, and a residual block that doubles the width
//! and halves the resolution between stages. They use 3 stages of 5 cells from 16 channels on; here width and depth are
//! choices, and stating one of each leaves the 15,625 cells. Edges that cannot matter are not built.

mod cell;

use edgefit_graph::op::Activation;
use edgefit_graph::{Graph, NodeId};

use super::choices::{Choice, Choices, take};
use super::layers::{Convolution, Layers};
use super::scale::Scale;
use super::settings::{PerStage, SpaceSettings};
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;
use cell::{Cell, EDGES, NODES, OPERATIONS, Operation};

pub(super) const NAME: &str = "nb201";

/// Separates the cell from the skeleton's choices in the text form, which is there only if there is one to make.
const SKELETON: char = '@';

/// Cells a stage to choose from.
const DEPTHS: [usize; 2] = [1, 2];

struct Nb201 {
    frame: Frame,
    stages: usize,
    has_fixed_skeleton: bool,
}

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["stages", "widths", "depths"])?;
    let scale = Scale::of(task, NAME)?;
    let stages = settings.stages_or(scale.stages.min(3))?;
    let widths = settings.first_widths_or(vec![scale.base_width, 2 * scale.base_width])?;
    let depths = settings.depths_or(&DEPTHS)?;
    let settings = SpaceSettings {
        stages: Some(stages),
        widths: Some(PerStage::All(widths.clone())),
        depths: Some(depths.clone()),
        ..SpaceSettings::preset(NAME)
    };
    let mut choices = Choices::default();
    for node in 1..NODES {
        choices.group((0..node).map(|from| Choice::names(format!("edge{from}-{node}"), &OPERATIONS)));
    }
    choices.group([Choice::numbers("width", "w", &widths), Choice::numbers("depth", "d", &depths)]);
    let has_fixed_skeleton = widths.len() == 1 && depths.len() == 1;
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    Ok(Box::new(Nb201 { frame, stages, has_fixed_skeleton }))
}

impl Space for Nb201 {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn decode(&self, genotype: &Genotype) -> Result<Graph, SpaceError> {
        self.check(genotype)?;
        let mut genes = self.frame.choices.reader(genotype);
        let cell = Cell(take::<EDGES>(&mut genes)).pruned();
        let [width, depth] = take(&mut genes);
        let mut layers = Layers::new(&self.frame.task)?;
        layers.conv("stem.conv", Convolution { width, kernel: 3, stride: 1 })?;
        for stage in 1..=self.stages {
            if stage > 1 {
                reduce(&mut layers, &format!("stage{stage}.reduce"))?;
            }
            for number in 1..=depth {
                add_cell(&mut layers, &cell, &format!("stage{stage}.cell{number}"))?;
            }
        }
        layers.norm("head.norm")?;
        layers.activation("head", Activation::Relu)?;
        Ok(layers.classify(self.frame.task.classes)?)
    }

    /// The cell as a network sees it, the paths through it, and the skeleton's choices.
    fn encode(&self, genotype: &Genotype) -> Vec<f32> {
        let (cell, skeleton) = genotype.genes().split_at(EDGES);
        let mut features = Cell::of(cell).features();
        features.extend(self.frame.choices.encode_from(EDGES, skeleton));
        features
    }

    fn text(&self, genotype: &Genotype) -> String {
        let cell = Cell::of(&genotype.genes()[..EDGES]).text();
        if self.has_fixed_skeleton {
            return format!("{NAME}:{cell}");
        }
        let labels = (EDGES..EDGES + 2).map(|choice| self.frame.choices.list()[choice].label(genotype.genes()[choice]));
        format!("{NAME}:{cell}{SKELETON}{}", labels.collect::<Vec<_>>().join("-"))
    }

    /// Also takes the published string of a cell alone, without the name, where the skeleton leaves no choice.
    fn parse(&self, text: &str) -> Result<Genotype, SpaceError> {
        let fail = |reason| SpaceError::Text { text: text.to_owned(), reason };
        let rest = text.strip_prefix(NAME).and_then(|rest| rest.strip_prefix(':')).unwrap_or(text);
        let (cell, skeleton) = match rest.split_once(SKELETON) {
            Some((cell, skeleton)) => (cell, self.parse_skeleton(skeleton).map_err(fail)?),
            None if self.has_fixed_skeleton => (rest, [0, 0]),
            None => return Err(fail(format!("the width and depth are missing behind `{SKELETON}`"))),
        };
        let cell = Cell::parse(cell).map_err(fail)?;
        Ok(Genotype::new(cell.0.iter().map(|&gene| gene as u8).chain(skeleton).collect::<Vec<u8>>()))
    }
}

impl Nb201 {
    fn parse_skeleton(&self, text: &str) -> Result<[u8; 2], String> {
        let (width, depth) = text.split_once('-').ok_or_else(|| format!("`{text}` is not a width and a depth"))?;
        let option = |choice: usize, label| self.frame.choices.list()[choice].option(label);
        Ok([option(EDGES, width)?, option(EDGES + 1, depth)?])
    }
}

/// The residual block between stages: twice the width, half the resolution.
fn reduce(layers: &mut Layers, name: &str) -> Result<(), SpaceError> {
    let (from, width) = (layers.at(), 2 * layers.channels());
    let part = |part: &str| format!("{name}.{part}");
    layers.shrink(&part("pool"), 2)?;
    layers.conv(&part("shortcut"), Convolution::pointwise(width))?;
    let shortcut = layers.go_to(from);
    for (conv, stride) in [("conv1", 2), ("conv2", 1)] {
        layers.activation(&part(conv), Activation::Relu)?;
        layers.conv(&part(conv), Convolution { width, kernel: 3, stride })?;
    }
    Ok(layers.add(&part("add"), shortcut)?)
}

/// One cell of the width that is there. A convolution comes with an activation before and a batch norm behind it.
fn add_cell(layers: &mut Layers, cell: &Cell, name: &str) -> Result<(), SpaceError> {
    if !cell.is_connected() {
        return Ok(layers.zero(&format!("{name}.zero"))?);
    }
    let mut values: [Option<NodeId>; NODES] = [Some(layers.at()), None, None, None];
    let mut activated: [Option<NodeId>; NODES] = [None; NODES];
    for (from, to, operation) in cell.edges() {
        let edge = format!("{name}.edge{from}-{to}");
        let source = values[from].expect("edges of a pruned cell come from nodes that have a value");
        layers.go_to(source);
        match operation {
            Operation::Skip => {}
            Operation::AveragePool => layers.average_pool(&edge, 3, 1)?,
            Operation::Convolution { kernel } => {
                match activated[from] {
                    Some(value) => _ = layers.go_to(value),
                    None => layers.activation(&format!("{name}.node{from}"), Activation::Relu)?,
                }
                activated[from] = Some(layers.at());
                layers.conv(&edge, Convolution { width: layers.channels(), kernel, stride: 1 })?;
            }
        }
        if let Some(sum) = values[to] {
            layers.add(&format!("{edge}.add"), sum)?;
        }
        values[to] = Some(layers.at());
    }
    Ok(())
}
