//! Latency tables as commands have them: built by measuring models of a space, evaluated, and asked about any ONNX model.
//!
//! What a table is, and how it is fitted, is the latency crate's; here models are drawn, measured on a device and added. A search
//! fills its table by the same `sampling` and `measuring`.

mod build;
mod coverage;
mod drawing;
mod evaluate;
mod forecast;
mod fresh;
mod isolated;
pub(crate) mod measuring;
mod predict;
pub(crate) mod sampling;
mod shapes;
mod space;
mod stacks;
mod tabulated;

pub use build::{BuildPlan, Built, build};
pub use coverage::Coverage;
pub use drawing::Origin;
pub use evaluate::{Evaluation, Figures, TestedModel};
pub use forecast::Forecast;
pub use fresh::{FreshPlan, Tested, evaluate_fresh};
pub use predict::{KernelPart, ModelPrediction, predict};
pub use space::SpaceSpec;
pub use tabulated::{TabulatedPlan, evaluate_tabulated};
