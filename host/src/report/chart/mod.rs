//! Drawings of numbers as SVG, made without knowing what the numbers mean. Colors and line styles are in the page's style sheet.

mod frame;
mod marker;
mod scale;

pub(super) use frame::{Axis, Frame, points, px};
pub(super) use marker::{Marker, legend};
pub(super) use scale::Scale;
