//! What is written comes back.

use std::collections::BTreeMap;

use edgefit_graph::Digest;
use edgefit_graph::testing::{every_operator, random_graph, random_weights};
use proptest::prelude::{ProptestConfig, any, proptest};

use super::{assert_same_function, choices};
use crate::{ExportOptions, Lowered, export, import};

#[test]
fn every_operator_comes_back() {
    for (name, graph) in every_operator() {
        let weights = random_weights(&graph, &mut choices(0));
        let file = export(&graph, &weights, &ExportOptions::default()).unwrap();
        let read = import(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let lowered = Lowered::of(&graph, None).unwrap();
        assert_eq!(Digest::of(&read.graph), Digest::of(lowered.graph()), "{name}:\n{graph}\nbecame\n{}", read.graph);
        assert_eq!(read.weights.mismatch(&read.graph), None, "{name}");
        assert_same_function(&name, (&graph, &weights), (&read.graph, &read.weights));
        let again = export(&read.graph, &read.weights, &ExportOptions::default()).unwrap();
        assert!(again == file, "{name} is written differently after it was read");
    }
}

#[test]
fn names_and_metadata_come_back() {
    let (_, graph) = every_operator().remove(0);
    let weights = random_weights(&graph, &mut choices(0));
    let metadata = BTreeMap::from([("labels".to_owned(), "[\"a\"]".to_owned()), ("k".to_owned(), String::new())]);
    let options = ExportOptions {
        input_names: vec!["image".to_owned()],
        output_names: vec!["scores".to_owned()],
        metadata: metadata.clone(),
        ..ExportOptions::default()
    };
    let read = import(&export(&graph, &weights, &options).unwrap()).unwrap();
    let input = read.graph.inputs().next().unwrap();
    assert_eq!(read.graph.node(input).name, "image");
    assert_eq!(read.output_names, ["scores"]);
    assert_eq!(read.metadata, metadata);
    assert_eq!(read.opset, crate::OPSET);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A product of a value and its sigmoid comes back as silu, so the first reading may differ; the second may not.
    #[test]
    fn random_networks_come_back(seed in any::<u64>()) {
        let mut choose = choices(seed);
        let graph = random_graph(&mut choose);
        let weights = random_weights(&graph, &mut choose);
        let options = ExportOptions::default();
        let file = export(&graph, &weights, &options).unwrap();
        assert!(export(&graph, &weights, &options).unwrap() == file, "the same network gives the same bytes");
        let once = import(&file).unwrap();
        assert_same_function("read once", (&graph, &weights), (&once.graph, &once.weights));
        let file = export(&once.graph, &once.weights, &options).unwrap();
        let twice = import(&file).unwrap();
        assert_eq!(Lowered::of(&once.graph, None).unwrap().graph().to_string(), twice.graph.to_string());
        assert!(export(&twice.graph, &twice.weights, &options).unwrap() == file, "stable after one reading\n{graph}");
    }
}
