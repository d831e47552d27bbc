//! The search: spaces of networks, strategies that propose from them, objectives and hard constraints, the Pareto front.
//!
//! Everything here is pure and seeded: no training, no device, no file, no clock. The host trains what a
//! [`SearchEngine`] hands out and tells it the results; with the same seed and the same results the trials are the same,
//! whatever the order in which the results came in, and also after an interruption.

pub mod curve;
pub mod draw;
mod engine;
pub mod explain;
mod genotype;
mod goal;
pub mod hypervolume;
mod metric;
pub mod pareto;
pub mod rank;
mod reading;
pub mod simulate;
pub mod space;
pub mod strategy;
pub mod surrogate;
pub mod synthetic;
mod transfer;
mod trial;

pub use engine::{EngineSettings, Finish, Next, SearchEngine, SearchError, Step, Tally};
pub use genotype::Genotype;
pub use goal::{Constraint, GoalError, Goals, Objective, Target};
pub use metric::{Direction, Metric, Stage, UnknownMetric};
pub use reading::{Origin, Readings, Value};
pub use space::{Space, SpaceError, SpaceSettings, Task};
pub use strategy::{Strategy, StrategySettings};
pub use transfer::transfer;
pub use trial::{Fidelity, Observation, Status, Trial};
