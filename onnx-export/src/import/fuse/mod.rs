//! Operators that exporters compose of several nodes, put together again.
//!
//! A pattern is taken only when nothing else uses its inner nodes. What remains of the pieces is a scale and a shift of each
//! channel, which is a batch norm without epsilon; anything else is an error that names the node.

mod affine;
mod bias;
mod gated;
mod product;

use super::ImportError;
use super::draft::{Draft, use_counts};

/// A pass over one draft: the draft may be replaced, given how often each draft is used.
type Pass = fn(&mut [Draft], usize, &[usize]);

/// Nonlinearities first, whose constants are no biases; then biases, which are no shifts of channels.
const PASSES: [Pass; 4] = [gated::fuse, bias::fuse, affine::start, affine::merge];

/// Puts composed operators together; inner nodes stay behind unused.
pub(super) fn fuse(drafts: &mut [Draft], outputs: &[usize]) -> Result<(), ImportError> {
    for pass in PASSES {
        run(pass, drafts, outputs);
    }
    affine::finish(drafts, outputs)
}

/// The counts stay right during a pass: what is put together takes what its first inner node took.
fn run(pass: Pass, drafts: &mut [Draft], outputs: &[usize]) {
    let uses = use_counts(drafts, outputs);
    for position in 0..drafts.len() {
        pass(drafts, position, &uses);
    }
}
