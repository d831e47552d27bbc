//! The tree is as the documents say: dependencies, purity, first lines of modules, paths.
//!
//! These tests read sources and documents as text; none of them builds or runs anything of edgefit.

pub(crate) mod dependencies;
pub(crate) mod documents;
pub(crate) mod markdown;
pub(crate) mod purity;
pub(crate) mod sources;
pub(crate) mod tree;
