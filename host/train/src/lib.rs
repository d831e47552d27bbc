//! Training of network graphs with burn: data sets, the graph as a burn module, the training loop.
//!
//! [`train()`] takes a graph, a [`Dataset`] and a [`Recipe`] and gives weights; [`evaluate()`] says how well they classify. Trainings
//! side by side have a thread each; one that is alone takes the idle processors too, with the same numbers, bit for bit.
//!
//! The operations that training spends its time in are kernels of this crate (`kernel`), which burn knows through its backend
//! extension (`backend`); everything else is burn's. This crate does not measure time, does not choose networks and writes no
//! files but decoded data, where its caller says.

mod aims;
mod backend;
mod batch;
mod compute;
pub mod data;
pub mod differentiable;
mod error;
mod evaluate;
mod kernel;
mod loss;
mod metrics;
mod mixup;
mod network;
mod optimizer;
mod paused;
pub mod proxy;
mod recipe;
mod rewrite;
pub mod supernet;
mod train;
mod warp;

pub use aims::{Aim, MOST_SAMPLES, assess};
pub use compute::Compute;
pub use data::Dataset;
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate};
pub use metrics::Metrics;
pub use network::{Operations, initial_weights, run};
pub use recipe::{Optimizer, Recipe, Schedule};
pub use train::{Ends, EpochReport, Event, Observer, Stretch, TrainOutcome, train, train_stretch, train_with};
