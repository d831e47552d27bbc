//! Space `custom`: what a user defines, as stages of blocks with choices, repeats and conditions.
//!
//! Genes are the lists of the definition, whether a condition makes them matter or not. What no definition can get wrong is
//! checked when the space is made, and the largest networks are built once, so that every genotype decodes.

mod build;
mod compile;
mod definition;
mod fault;
mod kind;
mod operation;
mod program;

use edgefit_graph::Graph;

pub use definition::Definition;
pub use fault::DefinitionFault;

use super::choices::Choices;
use super::scale::Scale;
use super::settings::SpaceSettings;
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;
use build::Build;
use compile::compile;
use program::Program;

pub(super) const NAME: &str = "custom";

struct Custom {
    frame: Frame,
    program: Program,
    head_width: usize,
    smallest: Genotype,
}

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["definition"])?;
    let Some(definition) = &settings.definition else {
        let reason =
            "a space of one's own needs one; write `file = \"my-space.toml\"` instead of the preset".to_owned();
        return Err(SpaceError::Setting { key: "preset", reason });
    };
    let head_width = Scale::of(task, NAME)?.base_width;
    let (choices, program) = compile(definition)?;
    let settings = SpaceSettings { definition: Some(definition.clone()), ..SpaceSettings::preset(NAME) };
    let smallest = choices.first_options();
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    let mut space = Custom { frame, program, head_width, smallest };
    space.check_extremes()?;
    space.smallest = space.least_costly()?;
    Ok(Box::new(space))
}

impl Space for Custom {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn decode(&self, genotype: &Genotype) -> Result<Graph, SpaceError> {
        self.check(genotype)?;
        let graph = Build::network(&self.program, genotype.genes(), &self.frame.task, self.head_width)?;
        // A residual block whose cell came out as nothing adds zeros.
        Ok(graph.simplified().0)
    }

    fn smallest(&self) -> Genotype {
        self.smallest.clone()
    }
}

impl Custom {
    fn choices(&self) -> &Choices {
        &self.frame.choices
    }

    /// Builds the networks of all first and of all last options, and those that differ from them in one choice.
    fn check_extremes(&self) -> Result<(), SpaceError> {
        let last = self.choices().list().iter().map(|choice| (choice.count() - 1) as u8);
        for extreme in [self.choices().first_options(), Genotype::new(last.collect::<Vec<u8>>())] {
            self.decode(&extreme)?;
            for neighbor in self.choices().neighbors(&extreme) {
                self.decode(&neighbor)?;
            }
        }
        Ok(())
    }

    /// From the first options on, the option of each choice that costs least, as long as that gains something.
    fn least_costly(&self) -> Result<Genotype, SpaceError> {
        let cost = |genotype: &Genotype| self.decode(genotype).map(|graph| (graph.cost().macs, graph.cost().params));
        let mut best = self.choices().first_options();
        let mut least = cost(&best)?;
        for _ in 0..self.choices().list().len() {
            let mut found = None;
            for neighbor in self.choices().neighbors(&best) {
                let costs = cost(&neighbor)?;
                if costs < least {
                    (least, found) = (costs, Some(neighbor));
                }
            }
            match found {
                Some(better) => best = better,
                None => break,
            }
        }
        Ok(best)
    }
}
