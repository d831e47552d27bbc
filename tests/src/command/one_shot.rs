//! A search whose candidates share weights: trained once before it, kept through a kill, and told where they diverge.

use edgefit_search::{Metric, Trial};

use crate::harness::Outcome;

use super::resume::{course_of, trained};
use super::scene::{Scene, TINY, code, expect};

/// The smallest search, with shared weights of so many epochs and further lines of `[estimate]`.
fn search(epochs: usize, more: &str) -> String {
    let estimate = format!("[estimate]\nmethod = \"one-shot\"\nsupernet_epochs = {epochs}\n{more}");
    TINY.replace("[estimate]\nepochs = 1\n", &estimate)
}

/// Every candidate is judged by the weights that it inherits, the best is trained to the end as in any search, and a search that was
/// killed while the weights were trained goes the way of one that nobody killed.
pub(crate) fn candidates_inherit_shared_weights() -> Outcome {
    let (whole, killed) = (Scene::new(&search(8, ""))?, Scene::new(&search(8, ""))?);
    expect(&whole.search(&[])?, code::DONE, &["supernet: training the weights"])?;
    assert!(whole.path("run/winner.onnx").exists());
    let running = killed.start_search(&[])?;
    killed.wait_for("run/supernet.state")?;
    running.kill()?;
    assert!(trained(&killed, "run")?.is_empty(), "candidates were judged before the weights were trained");
    expect(&killed.search(&["--resume"])?, code::DONE, &["supernet: going on after"])?;
    let (whole, killed) = (trained(&whole, "run")?, trained(&killed, "run")?);
    let course = |trials: &[Trial]| trials.iter().map(course_of).collect::<Vec<_>>();
    assert_eq!(course(&killed), course(&whole), "the resumed search (left) came to other weights");
    assert_eq!(whole.len(), 6);
    for trial in &whole {
        let accuracy = trial.results.best(Metric::Accuracy).ok_or("a trial has no accuracy")?;
        let by = format!("{:?}", accuracy.origin);
        assert!(by.contains("weights shared by all, of 8 epochs"), "{by}");
    }
    let best =
        whole.iter().filter_map(|trial| trial.results.best(Metric::Accuracy)).map(|a| a.value).fold(0.0, f64::max);
    assert!(best > 0.3, "the best of ten classes is {best}: nothing was inherited");
    Ok(())
}

/// A space whose networks do not share weights is refused before anything is done.
pub(crate) fn other_spaces_are_refused() -> Outcome {
    let scene = Scene::new(&search(8, "").replace("\"chain\"", "\"transformer\""))?;
    expect(&scene.search(&[])?, code::USAGE, &["estimate.method", "transformer", "mbconv"])?;
    assert!(!scene.path("run").exists());
    Ok(())
}

/// A learning rate and a decay that are far too high end the search with what to do, before any candidate is judged.
pub(crate) fn shared_weights_that_diverge_are_told() -> Outcome {
    let rates = "optimizer = \"sgd\"\nlearning_rate = 10.0\nweight_decay = 1.0\nwarmup = 0.0\n";
    let scene = Scene::new(&search(20, rates))?;
    expect(&scene.search(&[])?, code::USAGE, &["shared weights", "diverged in epoch", "learning_rate"])?;
    assert!(trained(&scene, "run")?.is_empty());
    Ok(())
}
