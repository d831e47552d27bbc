//! The weights that all candidates share: trained once before the search, kept in the run folder after each epoch.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use edgefit_graph::Graph;
use edgefit_search::{Space, SpaceError, space};
use edgefit_train::supernet::{Family, Lesson, Supernet};
use rand_chacha::ChaCha8Rng;

use super::Run;
use super::recipe;
use super::seed::derived;
use super::training::untrained;
use crate::config::{Method, SearchConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Event, Phase as Part};
use crate::run_folder::RunFile;
use crate::study::Phase;

/// The name of this phase in the study, and of its seeds.
const PHASE: &str = "supernet";

/// The spaces whose networks all find their weights in those of the largest ones.
const SPACES: [&str; 4] = ["mbconv", "chain", "ds-cnn", "nb201"];

/// Refuses where candidates are to share weights, but their space cannot, or what is tuned would change nothing.
pub(super) fn check(config: &SearchConfig) -> Result<()> {
    let space = config.space.preset.as_str();
    if config.estimate.method == Method::Training {
        return Ok(());
    }
    if !config.tune.is_empty() && config.estimate.epochs == 0 {
        let message = "[tune]: candidates that inherit their weights and are not trained on all come to the same under any \
                       settings; write `epochs` above 0 in [estimate], or remove [tune]";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    if SPACES.contains(&space) {
        return Ok(());
    }
    let message = format!(
        "estimate.method: networks of space `{space}` do not share weights, those of {} do; choose one of them, or write `method = \"training\"`",
        SPACES.join(", ")
    );
    Err(Error::new(ErrorKind::Usage, message))
}

impl Run<'_> {
    /// Trains the shared weights where candidates have such, from where an earlier process came to.
    pub(super) fn train_supernet(&mut self) -> Result<()> {
        let estimate = &self.config.estimate;
        let Some((epochs, sampling)) = estimate.supernet_epochs.zip(estimate.supernet_sampling) else { return Ok(()) };
        let begun = Instant::now();
        let seed = derived(self.config.seed, PHASE, 0);
        let mut supernet = Supernet::new(&covered(self.space.as_ref(), seed)?, estimate.compute, seed);
        if let Ok(bytes) = std::fs::read(self.folder.file(RunFile::Supernet)) {
            // What is damaged is trained again, which comes to the same.
            supernet.restore(&bytes).ok();
        }
        self.progress.emit(Event::Phase { phase: Part::Supernet, done: supernet.epochs() as u64 });
        let is_trained = supernet.epochs() >= epochs;
        let space = self.space.as_ref();
        let (largest, smallest) = (space.decode(&space.largest())?, space.decode(&space.smallest())?);
        let draw = |rng: &mut ChaCha8Rng| space.decode(&space.sample(rng)).expect("what a space draws is its own");
        let lesson = Lesson {
            family: Family { largest: &largest, smallest: &smallest, draw: &draw },
            sampling,
            data: &self.dataset,
            recipe: &recipe::supernet(self.config, epochs),
            seed,
        };
        while supernet.epochs() < epochs {
            let mut go_on = |_: &_| match self.interrupt.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            let trained = supernet.train_epoch(&lesson, &mut go_on);
            self.check_interrupted()?;
            let loss = trained.map_err(|error| untrained("the shared weights", error))?;
            self.folder.write(RunFile::Supernet, &supernet.to_bytes())?;
            self.progress.emit(Event::SupernetEpoch { loss });
        }
        if !is_trained {
            let seconds = begun.elapsed().as_secs_f64();
            self.study.finish_phase(&Phase { name: PHASE.to_owned(), seconds })?;
        }
        self.supernet = Some(Arc::new(supernet));
        Ok(())
    }
}

/// The networks whose weights the supernet is to hold.
fn covered(space: &dyn Space, seed: u64) -> std::result::Result<Vec<Graph>, SpaceError> {
    space::cover(space, seed).iter().map(|genotype| space.decode(genotype)).collect()
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;
    use edgefit_search::{SpaceSettings, Task, draw, space};
    use edgefit_train::Compute;
    use edgefit_train::supernet::Supernet;

    use super::{SPACES, covered};

    #[test]
    fn every_network_of_the_spaces_finds_its_weights() {
        for preset in SPACES {
            for input in [[1, 8, 8], [3, 32, 32], [1, 49, 40]] {
                let task = Task { input: Shape::new(input), classes: 10 };
                let space = space::build(&SpaceSettings::preset(preset), &task).unwrap();
                let supernet = Supernet::new(&covered(space.as_ref(), 1).unwrap(), Compute::Cpu, 1);
                let rng = &mut draw::stream(2, 0);
                for _ in 0..200 {
                    let genotype = space.sample(rng);
                    supernet.holds(&space.decode(&genotype).unwrap()).unwrap();
                }
            }
        }
    }
}
