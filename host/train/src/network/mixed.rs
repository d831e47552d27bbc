//! A network with gates: what some of its nodes give counts by a weight, and what counts nothing is not computed.

use burn::tensor::Tensor;
use edgefit_graph::{NodeId, Op, Role};

use super::plan::{Action, Step};
use super::value::{Layout, RANK, Value, padded};
use super::{Mode, Network, Operations};
use crate::backend;

/// The gates of a network and how far each is open.
pub(crate) struct Gating<'a> {
    /// For each node the position of its weight, if it is a gate.
    pub(crate) gates: &'a [Option<usize>],
    /// The weights, which autodiff may track.
    pub(crate) weights: Tensor<1>,
    /// Whether a weight lets nothing through.
    pub(crate) closed: &'a [bool],
}

impl Gating<'_> {
    fn weight_of(&self, id: NodeId) -> Option<usize> {
        self.gates[id.index()]
    }

    fn is_closed(&self, id: NodeId) -> bool {
        self.weight_of(id).is_some_and(|weight| self.closed[weight])
    }
}

/// The outputs of the nodes while the network runs; there is none of a closed gate and of what sums only such.
struct Outputs {
    values: Vec<Option<Value>>,
    uses: Vec<usize>,
}

impl Outputs {
    /// A node's output, moved out at its last use.
    fn take(&mut self, id: NodeId) -> Option<Value> {
        let at = id.index();
        self.uses[at] -= 1;
        if self.uses[at] == 0 { self.values[at].take() } else { self.values[at].clone() }
    }
}

impl Network {
    /// As [`Network::scores`] in training, with gates; the statistics of the batch are forgotten.
    pub(crate) fn mixed_scores(&self, input: Value, parameters: &[Tensor<1>], gating: &Gating<'_>) -> Tensor<2> {
        let (batch, output) = (input.batch(), self.plan.outputs[0]);
        let steps = self.open_steps(gating);
        let mut outputs = Outputs { values: vec![None; self.graph.nodes().len()], uses: self.uses_by(&steps) };
        outputs.values[self.plan.inputs[0].index()] = Some(input);
        let mut seen = vec![None; self.plan.blocks.len()];
        let mut mode = Mode::Train(&mut seen);
        for step in steps {
            let inputs: Vec<Option<Value>> = step.inputs.iter().map(|id| outputs.take(*id)).collect();
            outputs.values[step.output.index()] = match (gating.weight_of(step.output), &step.action) {
                (Some(_), _) if gating.is_closed(step.output) => None,
                (Some(weight), _) => inputs.into_iter().flatten().next().map(|x| self.weighed(x, gating, weight)),
                (None, Action::Add) if inputs.iter().any(Option::is_none) => inputs.into_iter().flatten().next(),
                _ => {
                    let zeros = |(value, id): (Option<Value>, &NodeId)| value.unwrap_or_else(|| self.zeros(*id, batch));
                    let inputs = inputs.into_iter().zip(&step.inputs).map(zeros).collect();
                    Some(self.run(step, inputs, parameters, &mut mode))
                }
            };
        }
        let scores = outputs.take(output).unwrap_or_else(|| self.zeros(output, batch));
        scores.tensor().reshape([batch, self.classes()])
    }

    /// The steps that something open depends on.
    fn open_steps(&self, gating: &Gating<'_>) -> Vec<&Step> {
        let mut needed = vec![false; self.graph.nodes().len()];
        self.plan.outputs.iter().for_each(|id| needed[id.index()] = true);
        for step in self.plan.steps.iter().rev() {
            if needed[step.output.index()] && !gating.is_closed(step.output) {
                step.inputs.iter().for_each(|id| needed[id.index()] = true);
            }
        }
        self.plan.steps.iter().filter(|step| needed[step.output.index()] && !gating.is_closed(step.output)).collect()
    }

    fn uses_by(&self, steps: &[&Step]) -> Vec<usize> {
        let mut uses = vec![0; self.graph.nodes().len()];
        steps.iter().flat_map(|step| &step.inputs).chain(&self.plan.outputs).for_each(|id| uses[id.index()] += 1);
        uses
    }

    fn weighed(&self, x: Value, gating: &Gating<'_>, weight: usize) -> Value {
        let shape = x.shape().clone();
        let weight = gating.weights.clone().narrow(0, weight, 1).reshape([1; RANK]);
        if self.operations == Operations::Burn {
            let layout = x.layout();
            return Value::new(x.tensor() * weight, &shape, layout);
        }
        let x = x.in_layout(Layout::Last);
        let mut dims = [1; RANK];
        (dims[0], dims[RANK - 1]) = (x.dims()[0], x.dims()[RANK - 1]);
        Value::new(backend::gate(x, weight.expand(dims)), &shape, Layout::Last)
    }

    fn zeros(&self, id: NodeId, batch: usize) -> Value {
        let shape = &self.graph.node(id).shape;
        Value::new(Tensor::zeros(padded(batch, shape.dims()), &self.device), shape, Layout::First)
    }

    /// For each block the numbers that would do what a gate is there for: scale and shift of a batch norm right
    /// before it that nothing else reads.
    pub(crate) fn scales_before(&self, gates: &[Option<usize>]) -> Vec<Vec<std::ops::Range<usize>>> {
        let (mut ranges, readers) = (vec![Vec::new(); self.plan.blocks.len()], self.graph.use_counts());
        for gate in self.plan.steps.iter().filter(|step| gates[step.output.index()].is_some()) {
            let before = self.plan.steps.iter().find(|step| step.output == gate.inputs[0]);
            let Some(Step { output, action: Action::Chain(chain), .. }) = before else { continue };
            if readers[output.index()] > 1 || !matches!(self.graph.node(*output).op, Op::BatchNorm(_)) {
                continue;
            }
            let parts = self.plan.blocks[chain.block].parts.iter();
            let is_scale = |role| matches!(role, Role::Scale | Role::Shift);
            let scales = parts.filter(|part| part.id.node == *output && is_scale(part.id.role));
            ranges[chain.block].extend(scales.map(|part| part.range.clone()));
        }
        ranges
    }
}
