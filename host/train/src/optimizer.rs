//! Optimizers over the blocks of a network, with one operation a block on Flex.

use burn::tensor::Tensor;

use crate::backend;
use crate::kernel::update::{AdamStep, SgdStep};
use crate::network::{Block, Operations};
use crate::recipe::{Optimizer, Recipe};

pub(crate) const MOMENTUM: f64 = 0.9;
pub(crate) const BETAS: [f64; 2] = [0.9, 0.999];
const ADAM_EPSILON: f64 = 1e-8;

/// What an optimizer remembers of a block.
enum Memory {
    Sgd(Box<Tensor<1>>),
    Adam(Box<[Tensor<1>; 2]>),
}

/// The state of an optimizer.
pub(crate) struct Optimization {
    memories: Vec<Memory>,
    operations: Operations,
    decay: f64,
    clip_norm: Option<f64>,
    steps: i32,
}

impl Optimization {
    /// Begins with no memory.
    pub(crate) fn new(recipe: &Recipe, parameters: &[Tensor<1>], operations: Operations) -> Self {
        let memory = |p: &Tensor<1>| match recipe.optimizer {
            Optimizer::Sgd => Memory::Sgd(Box::new(p.zeros_like())),
            Optimizer::Adamw => Memory::Adam(Box::new([p.zeros_like(), p.zeros_like()])),
        };
        Self {
            memories: parameters.iter().map(memory).collect(),
            operations,
            decay: recipe.weight_decay,
            clip_norm: recipe.clip_norm,
            steps: 0,
        }
    }

    /// Steps that were made, and all that it remembers, block by block.
    pub(crate) fn state(&self) -> (i32, Vec<Tensor<1>>) {
        let of = |memory: &Memory| match memory {
            Memory::Sgd(velocity) => vec![velocity.as_ref().clone()],
            Memory::Adam(moments) => moments.to_vec(),
        };
        (self.steps, self.memories.iter().flat_map(of).collect())
    }

    /// Goes on from a state: takes what it remembers from the front of the blocks, which are as many as there were.
    pub(crate) fn restore(&mut self, steps: i32, blocks: &mut impl Iterator<Item = Tensor<1>>) {
        self.steps = steps;
        for memory in &mut self.memories {
            match memory {
                Memory::Sgd(velocity) => blocks.by_ref().take(1).for_each(|block| **velocity = block),
                Memory::Adam(moments) => moments.iter_mut().zip(blocks.by_ref()).for_each(|(old, block)| *old = block),
            }
        }
    }

    /// Moves the parameters against their gradients. A block without a gradient stays.
    pub(crate) fn step(
        &mut self,
        rate: f64,
        blocks: &[Block],
        parameters: &mut [Tensor<1>],
        gradients: Vec<Option<Tensor<1>>>,
    ) {
        self.steps = self.steps.saturating_add(1);
        let clip = self.clip_norm.map_or(1.0, |most| clip_factor(&gradients, most));
        let numbers = Numbers { rate, decay: self.decay, clip, steps: self.steps, operations: self.operations };
        let memories = self.memories.iter_mut().zip(parameters);
        for (((memory, parameters), gradient), block) in memories.zip(gradients).zip(blocks) {
            if let Some(gradient) = gradient {
                numbers.apply(memory, parameters, gradient, block.decayed);
            }
        }
    }
}

/// What shortens the gradient of all blocks to a norm of at most `most`.
fn clip_factor(gradients: &[Option<Tensor<1>>], most: f64) -> f64 {
    let squares = |g: &Tensor<1>| f64::from((g.clone() * g.clone()).sum().into_scalar::<f32>());
    let norm = gradients.iter().flatten().map(squares).sum::<f64>().sqrt();
    if norm > most { most / norm } else { 1.0 }
}

/// The numbers of one step.
struct Numbers {
    rate: f64,
    decay: f64,
    clip: f64,
    steps: i32,
    operations: Operations,
}

impl Numbers {
    fn apply(&self, memory: &mut Memory, parameters: &mut Tensor<1>, gradient: Tensor<1>, decayed: usize) {
        match (memory, self.operations) {
            (Memory::Sgd(velocity), Operations::Kernels) => {
                backend::sgd_step(parameters, gradient, velocity, self.sgd(), decayed);
            }
            (Memory::Adam(moments), Operations::Kernels) => {
                backend::adam_step(parameters, gradient, moments, self.adam(), decayed);
            }
            (Memory::Sgd(velocity), Operations::Burn) => self.sgd_composed(parameters, gradient, velocity, decayed),
            (Memory::Adam(moments), Operations::Burn) => self.adam_composed(parameters, gradient, moments, decayed),
        }
    }

    fn sgd(&self) -> SgdStep {
        SgdStep { rate: self.rate as f32, momentum: MOMENTUM as f32, decay: self.decay as f32, clip: self.clip as f32 }
    }

    fn corrections(&self) -> [f64; 2] {
        BETAS.map(|beta| 1.0 / (1.0 - beta.powi(self.steps)))
    }

    fn adam(&self) -> AdamStep {
        AdamStep {
            rate: self.rate as f32,
            betas: BETAS.map(|b| b as f32),
            corrections: self.corrections().map(|c| c as f32),
            decay: self.decay as f32,
            clip: self.clip as f32,
        }
    }

    /// The weights under decay, zero elsewhere.
    fn decayed(parameters: &Tensor<1>, decayed: usize) -> Tensor<1> {
        let len = parameters.dims()[0];
        let device = parameters.device();
        let weights = parameters.clone().narrow(0, 0, decayed);
        if decayed == len { weights } else { Tensor::cat(vec![weights, Tensor::zeros([len - decayed], &device)], 0) }
    }

    fn decay_term(&self, parameters: &Tensor<1>, decayed: usize) -> Tensor<1> {
        if decayed == 0 { parameters.zeros_like() } else { Self::decayed(parameters, decayed) * self.decay }
    }

    fn sgd_composed(&self, parameters: &mut Tensor<1>, gradient: Tensor<1>, velocity: &mut Tensor<1>, decayed: usize) {
        let gradient = gradient * self.clip + self.decay_term(parameters, decayed);
        *velocity = velocity.clone() * MOMENTUM + gradient.clone();
        *parameters = parameters.clone() - (gradient + velocity.clone() * MOMENTUM) * self.rate;
    }

    fn adam_composed(
        &self,
        parameters: &mut Tensor<1>,
        gradient: Tensor<1>,
        moments: &mut [Tensor<1>; 2],
        decayed: usize,
    ) {
        let gradient = gradient * self.clip;
        let [first, second] = moments;
        *first = first.clone() * BETAS[0] + gradient.clone() * (1.0 - BETAS[0]);
        *second = second.clone() * BETAS[1] + gradient.clone() * gradient * (1.0 - BETAS[1]);
        let [c1, c2] = self.corrections();
        let root = (second.clone() * c2).sqrt() + ADAM_EPSILON;
        let step = first.clone() * c1 / root + self.decay_term(parameters, decayed);
        *parameters = parameters.clone() - step * self.rate;
    }
}

/// Moves `average` toward `value` by `share` of the way.
pub(crate) fn blend(average: &mut Tensor<1>, value: &Tensor<1>, share: f64, operations: Operations) {
    match operations {
        Operations::Kernels => backend::blend(average, value.clone(), share as f32),
        Operations::Burn => *average = average.clone() * (1.0 - share) + value.clone() * share,
    }
}
