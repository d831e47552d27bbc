//! The arithmetic of training on this processor: plain slices of floats, no burn.
//!
//! Activations have channels last. The backend extension in `backend` makes burn operations of these functions.

pub(crate) mod buffer;
pub(crate) mod chain;
pub(crate) mod channel;
pub(crate) mod convolution;
pub(crate) mod curve;
pub(crate) mod depthwise;
pub(crate) mod gate;
pub(crate) mod lanes;
pub(crate) mod loss;
pub(crate) mod matrix;
pub(crate) mod pool;
#[cfg(test)]
mod reference;
pub(crate) mod team;
pub(crate) mod update;
