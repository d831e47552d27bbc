//! A product of several nodes, seen as its factors and one number.

use edgefit_graph::op::Op;

use crate::import::draft::{Draft, Kind};

/// Deepest tree of products that is looked into.
const MAX_DEPTH: usize = 4;

/// What is multiplied.
pub(super) struct Product {
    /// The computed factors.
    pub(super) factors: Vec<usize>,
    /// The product of all constant factors.
    pub(super) number: f32,
}

/// The factors of the draft at `position`, through inner products that nothing else uses.
pub(super) fn product(drafts: &[Draft], position: usize, uses: &[usize]) -> Product {
    let mut product = Product { factors: Vec::new(), number: 1.0 };
    collect(drafts, position, uses, 0, &mut product);
    product
}

fn collect(drafts: &[Draft], at: usize, uses: &[usize], depth: usize, product: &mut Product) {
    let opens = depth == 0 || (depth < MAX_DEPTH && uses[at] == 1);
    match &drafts[at].kind {
        Kind::Op(Op::Mul(_)) if opens => {
            drafts[at].inputs.iter().for_each(|&input| collect(drafts, input, uses, depth + 1, product));
        }
        Kind::Scale(along) if opens && along.scalar().is_some() => {
            product.number *= along.scalar().unwrap_or(1.0);
            collect(drafts, drafts[at].inputs[0], uses, depth + 1, product);
        }
        _ => product.factors.push(at),
    }
}
