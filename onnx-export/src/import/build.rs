//! The drafts that outputs need, as a graph with weights.

use std::collections::BTreeMap;

use edgefit_graph::{Graph, GraphBuilder, NodeId, ParamId, Weights};

use super::ImportError;
use super::draft::{Draft, Kind, needed};

/// Builds the graph of fused drafts. Inputs stay, also unused ones; names that repeat get a number.
pub(super) fn build(drafts: Vec<Draft>, outputs: &[usize]) -> Result<(Graph, Weights), ImportError> {
    let needed = needed(&drafts, outputs);
    let mut building = Building { builder: GraphBuilder::new(), names: BTreeMap::new(), weights: Weights::new() };
    let mut ids: Vec<Option<NodeId>> = Vec::with_capacity(drafts.len());
    for (draft, needed) in drafts.into_iter().zip(needed) {
        ids.push(if needed { Some(building.add(draft, &ids)?) } else { None });
    }
    let outputs: Vec<NodeId> = outputs.iter().map(|&output| known(&ids, output)).collect();
    Ok((building.builder.finish(&outputs)?, building.weights))
}

fn known(ids: &[Option<NodeId>], draft: usize) -> NodeId {
    ids[draft].expect("what a needed draft takes is needed and comes before it")
}

struct Building {
    builder: GraphBuilder,
    /// How often each name was asked for or given.
    names: BTreeMap<String, usize>,
    weights: Weights,
}

impl Building {
    fn add(&mut self, draft: Draft, ids: &[Option<NodeId>]) -> Result<NodeId, ImportError> {
        let Kind::Op(op) = draft.kind else { unreachable!("fusing leaves operators only") };
        let inputs: Vec<NodeId> = draft.inputs.iter().map(|&input| known(ids, input)).collect();
        let name = self.unique(draft.name);
        let node = self.builder.add(name, op, &inputs)?;
        for (role, tensor) in draft.params {
            self.weights.insert(ParamId { node, role }, tensor);
        }
        Ok(node)
    }

    /// The name, or the name with the first number that is free.
    fn unique(&mut self, name: String) -> String {
        let mut unique = name.clone();
        while self.names.contains_key(&unique) {
            let count = self.names.entry(name.clone()).or_insert(1);
            *count += 1;
            unique = format!("{name}_{count}");
        }
        self.names.insert(unique.clone(), 1);
        unique
    }
}
