//! Damaged and hostile bytes end in an error or in a network, never in a panic.

use edgefit_graph::testing::{every_operator, random_graph, random_weights};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

use super::choices;
use crate::{ExportOptions, ImportError, ModelSummary, export, import};

fn some_file(seed: u64) -> Vec<u8> {
    let mut choose = choices(seed);
    let graph = if seed.is_multiple_of(2) {
        let mut all = every_operator();
        let at = choose(all.len());
        all.swap_remove(at).1
    } else {
        random_graph(&mut choose)
    };
    let weights = random_weights(&graph, &mut choose);
    export(&graph, &weights, &ExportOptions::default()).unwrap()
}

/// Reads in every way; only the absence of a panic is checked, and that a network that is read can be written.
fn read(file: &[u8]) {
    let _ = ModelSummary::of(file);
    if let Ok(read) = import(file) {
        assert_eq!(read.weights.mismatch(&read.graph), None);
        let _ = (read.graph.cost(), edgefit_graph::peak_activation_bytes(&read.graph));
        export(&read.graph, &read.weights, &ExportOptions::default()).unwrap();
    }
}

#[test]
fn every_prefix_is_refused_or_read() {
    let file = some_file(2);
    for end in 0..file.len() {
        read(&file[..end]);
    }
    let error = import(&file[..file.len() - 1]).unwrap_err();
    assert!(matches!(error, ImportError::Truncated { .. }), "{error}");
    assert!(matches!(import(&[]), Err(ImportError::Malformed(_))));
    assert!(import(b"PK\x03\x04 this is no model").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn changed_bytes_do_not_panic(seed in 0u64..200, changes in vec((any::<u32>(), any::<u8>()), 1..12)) {
        let mut file = some_file(seed);
        for (at, byte) in changes {
            let at = at as usize % file.len();
            file[at] = byte;
        }
        read(&file);
    }

    #[test]
    fn moved_bytes_do_not_panic(seed in 0u64..200, from in any::<u32>(), to in any::<u32>(), length in 1usize..200) {
        let mut file = some_file(seed);
        let from = from as usize % file.len();
        let piece: Vec<u8> = file[from..].iter().copied().take(length).collect();
        let to = to as usize % file.len();
        file.splice(to..to, piece);
        read(&file);
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in vec(any::<u8>(), 0..300)) {
        read(&bytes);
    }
}
