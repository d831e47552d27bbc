//! Drawings of numbers as SVG, made without knowing what the numbers mean. Colors and line styles are in the page's style sheet.

mod frame;
mod marker;
mod scale;

pub(crate) use frame::{Axis, Frame, points, px};
pub(crate) use marker::{Marker, legend};
pub(crate) use scale::Scale;
