//! From a program and the genes of one network to its graph.

use edgefit_graph::op::Activation;
use edgefit_graph::{Graph, NodeId};

use super::super::layers::{Attention, Convolution, Layers};
use super::super::{SpaceError, Task};
use super::kind::activation;
use super::operation::Operation;
use super::program::{Body, Cell, Layer, Program, Slot, Stage};

/// Kernel of a window where nothing says it.
const KERNEL: usize = 3;

/// Heads of attention where nothing says it.
const HEADS: usize = 2;

/// By how much an MLP widens and a squeeze narrows where nothing says it.
const RATIO: usize = 4;

/// A network while it is built.
pub(super) struct Build<'p> {
    program: &'p Program,
    genes: &'p [u8],
    layers: Layers,
    head_width: usize,
}

/// A layer with its values.
#[derive(Clone, Copy)]
struct Chosen {
    operation: Operation,
    kernel: usize,
    /// Channels of the output, where it can choose them.
    width: usize,
    stride: usize,
    dilation: usize,
    heads: usize,
    ratio: usize,
    activation: Option<Activation>,
}

impl<'p> Build<'p> {
    /// The network of these genes.
    pub(super) fn network(
        program: &'p Program,
        genes: &'p [u8],
        task: &Task,
        head_width: usize,
    ) -> Result<Graph, SpaceError> {
        let mut build = Self { program, genes, layers: Layers::new(task)?, head_width };
        if program.reads_series {
            build.layers.read_as_series()?;
        }
        for stage in program.stages.iter().filter(|stage| program.holds(&stage.when, genes)) {
            build.stage(stage)?;
        }
        Ok(build.layers.classify(task.classes)?)
    }

    fn number(&self, slot: Option<&Slot>, unless_stated: usize) -> usize {
        slot.map_or(unless_stated, |slot| self.program.number(slot, self.genes))
    }

    fn stage(&mut self, stage: &Stage) -> Result<(), SpaceError> {
        let Some(block) = stage.blocks.get(self.program.name(&stage.block, self.genes)) else { return Ok(()) };
        for repetition in 1..=self.number(Some(&stage.repeat), 1) {
            let stride = if repetition == 1 { self.number(Some(&stage.stride), 1) } else { 1 };
            let name = format!("{}.block{repetition}", stage.name);
            let from = match block.body.as_ref() {
                Body::Layers(layers) => self.add_layers(layers, &name, stage.width.as_ref(), stride)?,
                Body::Cell(cell) => self.add_cell(cell, &name, stage.width.as_ref(), stride)?,
            };
            if block.residual && from != self.layers.at() {
                self.layers.skip(&name, from)?;
            }
        }
        Ok(())
    }

    /// Adds the layers of a block; the node that a shortcut begins at.
    fn add_layers(
        &mut self,
        layers: &[Layer],
        name: &str,
        width: Option<&Slot>,
        stride: usize,
    ) -> Result<NodeId, SpaceError> {
        let input_channels = self.layers.channels();
        let is_there = |layer: &&Layer| self.program.holds(&layer.when, self.genes);
        let chosen = layers.iter().filter(is_there).map(|layer| self.chosen(layer, width, input_channels));
        let mut chosen: Vec<Chosen> = chosen.collect();
        let strided = chosen.iter_mut().find(|layer| layer.operation.can_stride() && layer.kernel > 1);
        match strided {
            Some(layer) => layer.stride = stride,
            None if stride > 1 => self.layers.shrink(&format!("{name}.shrink"), stride)?,
            None => {}
        }
        let from = self.layers.at();
        for (at, layer) in chosen.into_iter().enumerate() {
            self.add(layer, &format!("{name}.layer{}", at + 1))?;
        }
        Ok(from)
    }

    fn chosen(&self, layer: &Layer, stage_width: Option<&Slot>, input_channels: usize) -> Chosen {
        let named = Operation::parse(self.program.name(&layer.op, self.genes));
        let (operation, kernel) = named.unwrap_or((Operation::Identity, None));
        let width = match (&layer.width, &layer.expand) {
            (Some(width), _) => self.number(Some(width), 0),
            (None, Some(expand)) => input_channels * self.number(Some(expand), 1),
            (None, None) => self.number(stage_width, input_channels),
        };
        let stated = layer.activation.as_ref().map(|slot| activation(self.program.name(slot, self.genes)));
        let usual = operation.is_activated().then_some(Activation::Relu);
        Chosen {
            operation,
            kernel: kernel.unwrap_or_else(|| self.number(layer.kernel.as_ref(), KERNEL)),
            width,
            stride: 1,
            dilation: self.number(layer.dilation.as_ref(), 1),
            heads: self.number(layer.heads.as_ref(), HEADS),
            ratio: self.number(layer.ratio.as_ref(), RATIO),
            activation: if operation.is_activated() { stated.unwrap_or(usual) } else { None },
        }
    }

    fn add(&mut self, layer: Chosen, name: &str) -> Result<(), SpaceError> {
        let Chosen { kernel, width, stride, .. } = layer;
        let (conv, layers) = (Convolution { width, kernel, stride }, &mut self.layers);
        match layer.operation {
            Operation::Conv => layers.dilated(name, conv, layer.dilation)?,
            Operation::Dilated => layers.dilated(name, conv, 2)?,
            Operation::Separable => layers.separable(name, conv, layer.dilation, None)?,
            Operation::DilatedSeparable => layers.separable(name, conv, 2, None)?,
            Operation::Depthwise => layers.depthwise(name, kernel, stride)?,
            Operation::MaxPool => layers.max_pool(name, kernel, stride)?,
            Operation::MeanPool => layers.average_pool(name, kernel, stride)?,
            Operation::Patches => layers.patches(name, kernel, width)?,
            Operation::Attention => {
                layers.map_attention(name, Attention { heads: layer.heads, head_width: self.head_width })?;
            }
            Operation::Mlp => add_mlp(layers, name, layer.ratio.max(1))?,
            Operation::Squeeze => {
                if let Some(squeezed) = layers.channels().checked_div(layer.ratio) {
                    layers.squeeze_excitation(name, squeezed.max(1))?;
                }
            }
            Operation::Positions => layers.positions(name)?,
            Operation::Identity | Operation::None => {}
        }
        match layer.activation {
            Some(activation) => Ok(layers.activation(name, activation)?),
            None => Ok(()),
        }
    }

    /// Adds a cell; the node that a shortcut begins at.
    fn add_cell(&mut self, cell: &Cell, name: &str, width: Option<&Slot>, stride: usize) -> Result<NodeId, SpaceError> {
        let width = self.number(width, self.layers.channels());
        if stride > 1 {
            self.layers.shrink(&format!("{name}.shrink"), stride)?;
        }
        if self.layers.channels() != width {
            self.layers.conv(&format!("{name}.input"), Convolution::pointwise(width))?;
        }
        let input = self.layers.at();
        let mut values: Vec<Option<NodeId>> = vec![Some(input)];
        values.resize(cell.nodes + 1, None);
        for (from, to, operation) in self.edges(cell) {
            let Some(source) = values[from] else { continue };
            self.layers.go_to(source);
            let edge = format!("{name}.edge{from}_{to}");
            self.add(self.on_edge(operation, cell, width), &edge)?;
            if let Some(sum) = values[to] {
                self.layers.add(&format!("{edge}.add"), sum)?;
            }
            values[to] = Some(self.layers.at());
        }
        let outputs: Vec<NodeId> = match cell.joins {
            true => values[1..].iter().flatten().copied().collect(),
            false => values[cell.nodes].into_iter().collect(),
        };
        self.layers.go_to(input);
        match outputs.is_empty() {
            true => self.layers.zero(&format!("{name}.zero"))?,
            false => self.layers.concat(&format!("{name}.join"), &outputs)?,
        }
        Ok(input)
    }

    /// The edges that lead from the input to what the cell gives, by their operation and kernel.
    fn edges(&self, cell: &Cell) -> Vec<(usize, usize, (Operation, Option<usize>))> {
        let parsed = |slot| Operation::parse(self.program.name(slot, self.genes));
        let named = cell.edges.iter().filter_map(|(from, to, slot)| Some((*from, *to, parsed(slot)?)));
        let edges: Vec<_> = named.filter(|(_, _, (operation, _))| *operation != Operation::None).collect();
        let mut fed = vec![false; cell.nodes + 1];
        fed[0] = true;
        for (from, to, _) in &edges {
            fed[*to] |= fed[*from];
        }
        let mut taken: Vec<bool> = (0..=cell.nodes).map(|node| node == cell.nodes || cell.joins && node > 0).collect();
        for (from, to, _) in edges.iter().rev() {
            taken[*from] |= taken[*to];
        }
        edges.into_iter().filter(|(from, to, _)| fed[*from] && taken[*to]).collect()
    }

    fn on_edge(&self, (operation, kernel): (Operation, Option<usize>), cell: &Cell, width: usize) -> Chosen {
        let is_activated = operation.is_activated();
        Chosen {
            operation,
            kernel: kernel.unwrap_or(KERNEL),
            width,
            stride: 1,
            dilation: 1,
            heads: HEADS,
            ratio: RATIO,
            activation: activation(self.program.name(&cell.activation, self.genes)).filter(|_| is_activated),
        }
    }
}

/// Two pointwise convolutions that widen between them, added to their input.
fn add_mlp(layers: &mut Layers, name: &str, ratio: usize) -> Result<(), SpaceError> {
    let (from, width) = (layers.at(), layers.channels());
    let wide = format!("{name}.widen");
    layers.conv(&wide, Convolution::pointwise(width * ratio))?;
    layers.activation(&wide, Activation::Gelu)?;
    layers.conv(&format!("{name}.narrow"), Convolution::pointwise(width))?;
    Ok(layers.add(&format!("{name}.add"), from)?)
}
