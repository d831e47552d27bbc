//! A stage of space `mbconv` relaxed: blocks that are every inverted residual at once, and every depth at once.

use edgefit_graph::GraphError;
use edgefit_graph::op::Activation;

use super::choices::Choice;
use super::layers::{InvertedResidual, Layers};
use super::mbconv::SQUEEZES;
use super::relaxation::{Group, Mix, Mixer, Way, fixed};
use super::settings::SpaceSettings;

/// What a relaxed stage chooses among.
pub(super) struct MixedStage {
    number: usize,
    /// Kernel, expansion and squeeze of each operation, as positions among the options and as values.
    operations: Vec<([usize; 3], InvertedResidual)>,
    depths: Vec<usize>,
    block: usize,
    depth: usize,
}

impl MixedStage {
    /// The stage of this number, from 1, whose choices are these: kernel, expansion, width, depth and squeeze.
    pub(super) fn new(
        mixer: &mut Mixer,
        number: usize,
        choices: &[Choice],
        settings: &SpaceSettings,
        activation: Activation,
    ) -> Self {
        let (kernels, expansions) = (settings.kernels(), settings.expansions());
        let width = settings.widths(number - 1)[0];
        let mut operations = Vec::new();
        for (k, kernel) in kernels.iter().enumerate() {
            for (e, expansion) in expansions.iter().enumerate() {
                for (s, squeeze) in SQUEEZES.iter().enumerate() {
                    let (kernel, expansion, squeeze) = (*kernel, *expansion, *squeeze);
                    let block = InvertedResidual { kernel, expansion, width, stride: 1, squeeze, activation };
                    operations.push(([k, e, s], block));
                }
            }
        }
        let label = |[k, e, s]: [usize; 3]| {
            let parts = [choices[0].label(k as u8), choices[1].label(e as u8), choices[4].label(s as u8)];
            parts.join("-")
        };
        let mut mix = |name: &str, options: Vec<String>| {
            mixer.mix(Mix { name: format!("stage{number}.{name}"), options, skip: None, cell: 0 })
        };
        let block = mix("block", operations.iter().map(|(positions, _)| label(*positions)).collect());
        let depth = mix("depth", (0..choices[3].count()).map(|at| choices[3].label(at as u8).to_owned()).collect());
        Self { number, operations, depths: settings.depths().to_vec(), block, depth }
    }

    /// Its blocks, one behind the other, and the sum of what the depths give.
    pub(super) fn add(&self, layers: &mut Layers, mixer: &mut Mixer) -> Result<(), GraphError> {
        let mut of_depths = None;
        for number in 1..=self.depths.iter().copied().max().unwrap_or(1) {
            let (name, from) = (format!("stage{}.block{number}", self.number), layers.at());
            let stride = if self.number > 1 && number == 1 { 2 } else { 1 };
            let mut sum = None;
            for (option, ([k, e, s], block)) in self.operations.iter().enumerate() {
                layers.go_to(from);
                let operation = format!("{name}.{k}-{e}-{s}");
                layers.inverted_residual(&operation, InvertedResidual { stride, ..*block })?;
                mixer.gate(layers, &operation, (self.block, option), sum)?;
                sum = Some(layers.at());
            }
            let block = layers.at();
            if let Some(option) = self.depths.iter().position(|depth| *depth == number) {
                mixer.gate(layers, &format!("{name}.depth"), (self.depth, option), of_depths)?;
                of_depths = Some(layers.go_to(block));
            }
        }
        of_depths.into_iter().for_each(|sum| _ = layers.go_to(sum));
        Ok(())
    }

    /// The values of its genes.
    pub(super) fn group(&self, choices: &[Choice]) -> Group {
        let (widths, mut ways) = (choices[2].count(), Vec::new());
        for (option, ([k, e, s], _)) in self.operations.iter().enumerate() {
            for (width, depth) in (0..widths).flat_map(|width| (0..self.depths.len()).map(move |depth| (width, depth)))
            {
                let genes = [*k, *e, width, depth, *s].map(|gene| gene as u8).to_vec();
                let taken = vec![(self.block, option), (self.depth, depth)];
                ways.push(Way { genes, taken, weight: fixed(width, widths) });
            }
        }
        Group(ways)
    }
}
