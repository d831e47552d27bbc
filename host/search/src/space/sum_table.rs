//! What adds up over the parts of a network, for every network of a chain of segments and without building any: predicted times, for one.
//!
//! Other than what follows from shapes, a time depends on the nonlinearity that all segments share, so there is a table of the segments for each.
//! The values are the caller's: this crate predicts nothing.

use super::cost_table::{CostTable, Packed, Place};

/// Numbers that add up over the parts of a network; what they are is the caller's.
pub type Sums = [f64; 3];

/// The sums of every network of a space, a million of them a second and more.
#[derive(Debug, Clone)]
pub struct SumTable {
    /// Where the nonlinearity is found; `None` where there is one only.
    activation: Option<Place>,
    /// One for each nonlinearity.
    tables: Vec<CostTable<Sums>>,
}

impl SumTable {
    /// From a table for each option of the gene of the nonlinearity, or the only one; `None` if there is none.
    pub(super) fn new(activation_gene: Option<usize>, tables: Vec<CostTable<Sums>>) -> Option<Self> {
        let activation = activation_gene.and_then(|gene| tables.first()?.place(gene));
        (!tables.is_empty()).then_some(Self { activation, tables })
    }

    /// The sums of a network, of the genotype that the space's [`CostTable`] has packed.
    ///
    /// # Panics
    /// If the genotype is of another space.
    pub fn sums(&self, packed: &Packed) -> Sums {
        let table = &self.tables[self.activation.map_or(0, |place| place.option(packed))];
        table.fold(packed, Sums::default(), |sums, more| std::array::from_fn(|i| sums[i] + more[i]))
    }
}
