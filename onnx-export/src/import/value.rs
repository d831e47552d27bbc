//! What a tensor name of a file stands for while it is read.

use std::rc::Rc;

use super::ImportError;
use super::constant::{Constant, Data};
use crate::limits::MAX_DIMS;

/// A tensor of the file.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Computed from the inputs, `[batch, shape...]`: the draft at this position.
    Feature(usize),
    /// Known from the file.
    Constant(Rc<Constant>),
    /// Dimensions of a computed tensor, of which one may be the batch.
    Dims(Dims),
    /// A constant that cannot be read; an error once something takes it.
    Unreadable(ImportError),
}

/// A list of dimensions, or one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dims {
    pub(super) dims: Vec<Dim>,
    /// Whether it is one number and not a list of one.
    pub(super) is_scalar: bool,
}

/// One dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dim {
    /// The batch, whatever it is.
    Batch,
    /// This number.
    Known(i64),
}

impl Dims {
    pub(super) fn list(dims: Vec<Dim>) -> Self {
        Self { dims, is_scalar: false }
    }

    /// Integers as dimensions; `None` for floats, tables and long lists.
    pub(super) fn of(constant: &Constant) -> Option<Self> {
        match &constant.data {
            Data::Ints(ints) if ints.len() <= MAX_DIMS && constant.dims.len() <= 1 => {
                let dims = ints.iter().map(|&i| Dim::Known(i)).collect();
                Some(Self { dims, is_scalar: constant.dims.is_empty() })
            }
            _ => None,
        }
    }

    /// The numbers, or `None` when one is the batch.
    pub(super) fn known(&self) -> Option<Vec<i64>> {
        let known = |dim: &Dim| match dim {
            Dim::Known(n) => Some(*n),
            Dim::Batch => None,
        };
        self.dims.iter().map(known).collect()
    }
}
