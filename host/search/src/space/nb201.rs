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
use super::relaxation::{Group, Mix, Mixer, Relaxation};
use super::scale::Scale;
use super::settings::{PerStage, SpaceSettings};
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;
use cell::{Cell, EDGES, ENDS, NODES, OPERATIONS, Operation, SKIP};

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
        self.network(take(&mut genes), |layers, name| add_cell(layers, &cell, name))
    }

    /// One mixed operation for each edge, which all cells share.
    fn relaxation(&self) -> Result<Option<Relaxation>, SpaceError> {
        let (mut mixer, mut groups) = (Mixer::default(), Vec::new());
        for choice in &self.frame.choices.list()[..EDGES] {
            let options = OPERATIONS.map(str::to_owned).to_vec();
            let mix = Mix { name: choice.name().to_owned(), options, skip: Some(SKIP), cell: 0 };
            groups.push(Group::of_mix(mixer.mix(mix), OPERATIONS.len()));
        }
        groups.extend(self.frame.choices.list()[EDGES..].iter().map(Group::fixed));
        let smallest = self.smallest();
        let mut skeleton = self.frame.choices.reader(&smallest).skip(EDGES);
        let graph = self.network(take(&mut skeleton), |layers, name| add_mixed_cell(layers, &mut mixer, name))?;
        Ok(Some(Relaxation::new(graph, mixer, groups)))
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
    /// The network of a width and a depth, whose cells a function adds under their names.
    fn network(
        &self,
        [width, depth]: [usize; 2],
        mut add_cell: impl FnMut(&mut Layers, &str) -> Result<(), SpaceError>,
    ) -> Result<Graph, SpaceError> {
        let mut layers = Layers::new(&self.frame.task)?;
        layers.conv("stem.conv", Convolution { width, kernel: 3, stride: 1 })?;
        for stage in 1..=self.stages {
            if stage > 1 {
                reduce(&mut layers, &format!("stage{stage}.reduce"))?;
            }
            for number in 1..=depth {
                add_cell(&mut layers, &format!("stage{stage}.cell{number}"))?;
            }
        }
        layers.norm("head.norm")?;
        layers.activation("head", Activation::Relu)?;
        Ok(layers.classify(self.frame.task.classes)?)
    }

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

/// A node of a cell as its edges take it.
#[derive(Clone, Copy)]
struct Source {
    value: NodeId,
    /// What the convolutions take, once there is one.
    activated: Option<NodeId>,
}

/// One cell of the width that is there.
fn add_cell(layers: &mut Layers, cell: &Cell, name: &str) -> Result<(), SpaceError> {
    if !cell.is_connected() {
        return Ok(layers.zero(&format!("{name}.zero"))?);
    }
    let mut nodes: [Option<Source>; NODES] = [None; NODES];
    nodes[0] = Some(Source { value: layers.at(), activated: None });
    for (from, to, operation) in cell.edges() {
        let edge = format!("{name}.edge{from}-{to}");
        let source = nodes[from].as_mut().expect("edges of a pruned cell come from nodes that have a value");
        add_operation(layers, operation, &edge, source, &format!("{name}.node{from}"))?;
        if let Some(sum) = nodes[to] {
            layers.add(&format!("{edge}.add"), sum.value)?;
        }
        nodes[to] = Some(Source { value: layers.at(), activated: None });
    }
    Ok(())
}

/// A cell whose edges have every operation but none, each behind its gate.
fn add_mixed_cell(layers: &mut Layers, mixer: &mut Mixer, name: &str) -> Result<(), SpaceError> {
    let mut nodes = vec![Source { value: layers.at(), activated: None }];
    for to in 1..NODES {
        let mut sum = None;
        for (mix, (from, _)) in ENDS.into_iter().enumerate().filter(|(_, ends)| ends.1 == to) {
            for (option, label) in OPERATIONS.into_iter().enumerate() {
                let Some(operation) = Operation::of(option) else { continue };
                let edge = format!("{name}.edge{from}-{to}.{label}");
                add_operation(layers, operation, &edge, &mut nodes[from], &format!("{name}.node{from}"))?;
                mixer.gate(layers, &edge, (mix, option), sum)?;
                sum = Some(layers.at());
            }
        }
        nodes.push(Source { value: layers.at(), activated: None });
    }
    Ok(())
}

/// What an edge does to a node. A convolution comes with an activation before, one for all edges from there, and a batch norm behind it.
fn add_operation(
    layers: &mut Layers,
    operation: Operation,
    name: &str,
    source: &mut Source,
    source_name: &str,
) -> Result<(), SpaceError> {
    layers.go_to(source.value);
    match operation {
        Operation::Skip => {}
        Operation::AveragePool => layers.average_pool(name, 3, 1)?,
        Operation::Convolution { kernel } => {
            match source.activated {
                Some(value) => _ = layers.go_to(value),
                None => layers.activation(source_name, Activation::Relu)?,
            }
            source.activated = Some(layers.at());
            layers.conv(name, Convolution { width: layers.channels(), kernel, stride: 1 })?;
        }
    }
    Ok(())
}
