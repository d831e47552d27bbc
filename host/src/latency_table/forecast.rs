//! The predicted latency of every network of a space from its genotype alone, by a table whose predictor is a sum over kernels.
//!
//! Kernels are never fused across two segments of a chain, so what a segment's kernels add up to is found once for each way through the
//! segment. A network is then a few lookups instead of a graph, its kernels and their times; the result is the same.

use edgefit_latency::predictor::Part;
use edgefit_latency::{Interval, Table};
use edgefit_search::Space;
use edgefit_search::space::{CostTable, Packed, SumTable};

/// Predicts networks of one space by one fit of a table.
#[derive(Debug)]
pub struct Forecast<'a> {
    table: &'a Table,
    genotypes: CostTable,
    sums: SumTable,
}

impl<'a> Forecast<'a> {
    /// `None` where the table is not fitted or its predictor is no sum over kernels, and for spaces that are no chain of segments. Takes up to some
    /// seconds.
    pub fn of(space: &dyn Space, table: &'a Table) -> Option<Self> {
        let is_additive = table.latency_of(&Part::default()).is_some();
        let of_segment = |graph: &edgefit_graph::Graph| {
            let part = table.part(graph).unwrap_or_default();
            [part.time_ns, part.doubt, part.kernels]
        };
        let sums = is_additive.then(|| space.sum_table(&of_segment))??;
        Some(Self { table, genotypes: space.cost_table()?, sums })
    }

    /// Packs and draws the genotypes that this predicts.
    pub fn genotypes(&self) -> &CostTable {
        &self.genotypes
    }

    /// Nanoseconds that the kernels of a network take, before what a network takes beside its kernels.
    ///
    /// # Panics
    /// If the genotype is of another space.
    pub fn kernels_ns(&self, packed: &Packed) -> f64 {
        self.sums.sums(packed)[0]
    }

    /// Predicted latency of a network in nanoseconds with its interval, as [`Table::predict`] gives it.
    ///
    /// # Panics
    /// If the genotype is of another space.
    pub fn latency_ns(&self, packed: &Packed) -> Interval {
        let [time_ns, doubt, kernels] = self.sums.sums(packed);
        let interval = self.table.latency_of(&Part { time_ns, doubt, kernels });
        interval.expect("what it was made of is fitted and a sum")
    }
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;
    use edgefit_latency::{Measured, NodeTime, Provenance, Table};
    use edgefit_search::{Space, SpaceSettings, Task, draw, space};

    use super::Forecast;

    /// A table of networks of the space whose nodes take times that follow from their costs.
    fn table(space: &dyn Space, runtime: &str) -> Table {
        let provenance = Provenance {
            device: "made up".into(),
            runtime: runtime.into(),
            runtime_version: "1".into(),
            threads: 1,
            agent_version: "1".into(),
            governor: None,
        };
        let mut table = Table::new(provenance).unwrap();
        for seed in 0..12 {
            let graph = space.decode(&space.sample(&mut draw::stream(3, seed))).unwrap();
            let time = |node| {
                500.0 + graph.node_cost(node).macs as f64 * 0.1 + graph.node_cost(node).output_bytes as f64 * 0.2
            };
            let nodes = graph.nodes().iter();
            let profile: Vec<NodeTime> = nodes
                .map(|node| NodeTime { name: node.name.clone(), op: String::new(), time_ns: time(node) })
                .collect();
            let latency_ns = vec![profile.iter().map(|node| node.time_ns).sum()];
            table.add(seed.to_string(), &graph, Measured { latency_ns, profile, ..Measured::default() }).unwrap();
        }
        table.fit().unwrap();
        table
    }

    #[test]
    fn genotypes_are_predicted_as_their_graphs_are() {
        for preset in ["mbconv", "chain", "ds-cnn", "tcn", "hybrid"] {
            let task = Task { input: Shape::new([3, 32, 32]), classes: 10 };
            let space = space::build(&SpaceSettings::preset(preset), &task).unwrap();
            for runtime in ["tract", "ort"] {
                let table = table(space.as_ref(), runtime);
                let guide = table.evaluation().unwrap().best().predictor;
                let forecast = Forecast::of(space.as_ref(), &table).unwrap_or_else(|| panic!("{preset}: {guide}"));
                for seed in 0..100 {
                    let genotype = space.sample(&mut draw::stream(4, seed));
                    let fast = forecast.latency_ns(&forecast.genotypes().pack(&genotype));
                    let slow = table.predict(&space.decode(&genotype).unwrap()).unwrap().latency_ns;
                    for (fast, slow) in [(fast.value, slow.value), (fast.lo, slow.lo), (fast.hi, slow.hi)] {
                        assert!((fast / slow - 1.0).abs() < 1e-12, "{preset} {runtime}: {fast} and {slow}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_space_that_is_no_chain_has_none() {
        let task = Task { input: Shape::new([3, 32, 32]), classes: 10 };
        let space = space::build(&SpaceSettings::preset("nb201"), &task).unwrap();
        assert!(Forecast::of(space.as_ref(), &table(space.as_ref(), "tract")).is_none());
    }
}
