//! What every space keeps: one suite over all of them, for the tasks that edgefit ships and some odd ones.

use std::collections::BTreeSet;

use edgefit_graph::op::{Activation, Op};
use edgefit_graph::{Graph, Shape};
use proptest::prelude::{ProptestConfig, any, proptest};

use super::{PerStage, Space, SpaceSettings, Task, build, names};
use crate::draw;
use crate::genotype::Genotype;

const INPUTS: [&[usize]; 9] =
    [&[1, 8, 8], &[1, 28, 28], &[3, 32, 32], &[1, 1, 1], &[2, 3, 7], &[1, 30, 49], &[3, 64, 64], &[1, 1000], &[6, 50]];

/// The definition that users begin with.
pub(super) fn own() -> SpaceSettings {
    SpaceSettings::custom(toml::from_str(include_str!("../../../examples/spaces/my-space.toml")).unwrap())
}

fn every_space() -> impl Iterator<Item = Box<dyn Space>> {
    let task = |input: &[usize]| Task { input: Shape::from(input), classes: 10 };
    let settings: Vec<SpaceSettings> = names().map(SpaceSettings::preset).chain([own()]).collect();
    let of = move |settings: &SpaceSettings, input: &[usize]| build(settings, &task(input)).unwrap();
    settings.into_iter().flat_map(move |settings| INPUTS.into_iter().map(move |input| of(&settings, input)))
}

fn check_network(space: &dyn Space, graph: &Graph) {
    let inputs: Vec<_> = graph.inputs().map(|id| graph.node(id).shape.clone()).collect();
    assert_eq!(inputs, [space.task().input.clone()]);
    let [output] = graph.outputs() else { panic!("{} outputs", graph.outputs().len()) };
    assert_eq!(graph.node(*output).shape, Shape::new([space.task().classes]));
    assert_eq!(graph.simplified().0.nodes().len(), graph.nodes().len(), "a node that does nothing");
    assert!(graph.use_counts().iter().all(|&uses| uses > 0), "a node that nothing takes");
}

fn check_genotype(space: &dyn Space, genotype: &Genotype, features: usize) {
    space.check(genotype).unwrap();
    check_network(space, &space.decode(genotype).unwrap());
    let text = space.text(genotype);
    assert_eq!(space.parse(&text).as_ref(), Ok(genotype), "{text}");
    let encoded = space.encode(genotype);
    assert_eq!(encoded.len(), features);
    assert!(encoded.iter().all(|x| (0.0..=1.0).contains(x)), "{encoded:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn every_genotype_is_a_network(seed in any::<u64>()) {
        for space in every_space() {
            let mut rng = draw::stream(seed, 0);
            let (a, b) = (space.sample(&mut rng), space.sample(&mut rng));
            let (mutant, child) = (space.mutate(&a, &mut rng), space.crossover(&a, &b, &mut rng));
            let features = space.encode(&a).len();
            [&a, &b, &mutant, &child].into_iter().for_each(|g| check_genotype(space.as_ref(), g, features));
            assert_ne!(mutant, a);
            assert_eq!(mutant.distance(&a), 1);
            assert!(child.distance(&a) + child.distance(&b) <= 2 * a.distance(&b));
        }
    }
}

/// The cell's edges into its last node are all `none`, so that the residual block would add zeros.
#[test]
fn a_residual_block_of_nothing_is_not_built() {
    let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
    let space = build(&own(), &task).unwrap();
    let cell =
        "cell-repeat1-width24-expansion4-with-kernel5-separable_5-identity-separable_3-separable_3-none-none-none";
    let genotype = space.parse(&format!("custom:hard_swish|width8|{cell}|repeat2-heads2-ratio1")).unwrap();
    check_network(space.as_ref(), &space.decode(&genotype).unwrap());
}

#[test]
fn neighbors_are_the_others_one_step_away() {
    for space in every_space() {
        let genotype = space.sample(&mut draw::stream(1, 0));
        let neighbors = space.neighbors(&genotype);
        let distinct: BTreeSet<&Genotype> = neighbors.iter().collect();
        assert_eq!(distinct.len(), neighbors.len());
        assert!(!distinct.contains(&genotype));
        neighbors.iter().for_each(|n| space.check(n).unwrap());
    }
}

#[test]
fn complete_settings_give_the_same_space() {
    for space in every_space() {
        let again = build(space.settings(), space.task()).unwrap();
        assert_eq!(again.choices(), space.choices(), "{}", space.name());
        assert_eq!(again.settings(), space.settings(), "{}", space.name());
    }
}

#[test]
fn the_smallest_costs_least() {
    for space in every_space() {
        let smallest = space.static_cost(&space.smallest()).unwrap();
        // Of a space that a user defines, no network one choice away costs less; nobody knows the order of its options.
        let others = match space.name() {
            "custom" => space.neighbors(&space.smallest()),
            _ => (0..200).map(|draw| space.sample(&mut draw::stream(2, draw))).collect(),
        };
        for other in others.iter().map(|other| space.static_cost(other).unwrap()) {
            // Larger patches are fewer, and cost more parameters.
            let has_patches = space.choices().list().iter().any(|choice| choice.name() == "patch");
            assert!(smallest.macs <= other.macs, "{}", space.describe());
            let is_cheaper = smallest.macs < other.macs && space.name() == "custom";
            assert!(smallest.params <= other.params || has_patches || is_cheaper, "{}", space.describe());
        }
    }
}

/// The space of this name with as few genotypes as its settings allow.
fn narrow(name: &str) -> Box<dyn Space> {
    let narrow = SpaceSettings { stages: Some(1), depths: Some(vec![1]), ..SpaceSettings::preset(name) };
    let kernels = SpaceSettings { kernels: Some(vec![3]), ..narrow.clone() };
    let task = Task { input: Shape::new([1, 8, 8]), classes: 2 };
    let of = |settings: &SpaceSettings| {
        build(&SpaceSettings { widths: Some(PerStage::All(vec![8, 16])), ..settings.clone() }, &task)
    };
    let shallow = SpaceSettings { depths: Some(vec![1]), ..SpaceSettings::preset(name) };
    of(&kernels).or_else(|_| of(&narrow)).or_else(|_| of(&shallow)).unwrap()
}

#[test]
fn sampling_is_uniform_over_genotypes() {
    for name in names() {
        let space = narrow(name);
        let draws = 800 * space.size().min(40.0) as u64;
        // Of a space with too many genotypes to count, each pair of neighboring choices is.
        let parts = if space.size() > 40.0 { space.choices().list().len() - 1 } else { 1 };
        for at in 0..parts {
            let mut counts = std::collections::BTreeMap::new();
            for i in 0..draws {
                let genes = space.sample(&mut draw::stream(3, i)).genes().to_vec();
                let part = if parts == 1 { genes } else { genes[at..at + 2].to_vec() };
                *counts.entry(part).or_insert(0u64) += 1;
            }
            let expected = draws / counts.len() as u64;
            assert!(parts > 1 || counts.len() == space.size() as usize, "{name}");
            assert!(counts.values().all(|n| n.abs_diff(expected) < expected / 4), "{name}: {counts:?}");
        }
    }
}

#[test]
fn digits_spaces_have_small_and_large_networks() {
    let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
    for name in names() {
        let space = build(&SpaceSettings::preset(name), &task).unwrap();
        let params = |i| space.static_cost(&space.sample(&mut draw::stream(4, i))).unwrap().params;
        let mut params: Vec<u64> =
            (0..300).map(params).chain([space.static_cost(&space.smallest()).unwrap().params]).collect();
        params.sort_unstable();
        assert!(params[0] < 4_500 && params[300] < 250_000 && params[300] > 40_000, "{name}: {params:?}");
    }
}

#[test]
fn each_convolution_has_its_batch_norm_or_bias() {
    for space in every_space() {
        let graph = space.decode(&space.sample(&mut draw::stream(5, 0))).unwrap();
        for (id, node) in graph.iter() {
            let Op::Conv(conv) = &node.op else { continue };
            let followed = graph.nodes().iter().any(|n| n.inputs.contains(&id) && matches!(n.op, Op::BatchNorm(_)));
            assert!(followed != conv.bias, "{}", node.name);
        }
    }
}

#[test]
fn texts_and_networks_stay_as_they_are() {
    let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
    let check = |name: &str, text: &str, macs: u64, params: u64| {
        let space = build(&SpaceSettings::preset(name), &task).unwrap();
        let genotype = space.parse(text).unwrap();
        assert_eq!(space.text(&genotype), text);
        let cost = space.static_cost(&genotype).unwrap();
        assert_eq!((cost.macs, cost.params), (macs, params), "{}", space.decode(&genotype).unwrap());
    };
    check("chain", "chain:relu-s1|k3-w16-d1|k5-w24-d2-pool", 854_256, 24_650);
    let cell = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|skip_connect~2|";
    check("nb201", &format!("nb201:{cell}@w8-d2"), 225_952, 10_898);
    check("mbconv", "mbconv:w8-s1-relu|k3-e1-w8-d1-se0|k5-e3-w24-d2-se4|h64", 156_608, 13_330);
}

#[test]
fn wrong_settings_are_errors_that_name_the_key() {
    let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
    let check = |toml: &str, part: &str| {
        let settings: SpaceSettings = toml::from_str(toml).unwrap();
        let error = build(&settings, &task).err().expect(toml).to_string();
        assert!(error.contains(part), "{error}");
    };
    check("preset = 'mbcov'", "chain, mbconv, multi-branch, nb201, darts");
    check("preset = 'global'\ndepths = [4, 8]", "give one");
    check("preset = 'transformer'\nkernels = [3]", "`kernels`");
    check("preset = 'chain'\nexpansions = [2]", "`expansions`");
    check("preset = 'nb201'\nkernels = [3]", "`kernels`");
    check("preset = 'nb201'\nwidths = [[8], [16]]", "give one list");
    check("preset = 'mbconv'\nkernels = [4]", "4 is even");
    check("preset = 'mbconv'\nstages = 0", "`stages`");
    check("preset = 'mbconv'\nwidths = [[8], [16], [24]]", "3 lists for 2 stages");
    check("preset = 'mbconv'\nwidths = []", "`widths`");
    check("preset = 'mbconv'\ndepths = [0]", "0 is not between");
    let unknown = toml::from_str::<SpaceSettings>("preset = 'chain'\ndepth = [1]").unwrap_err().to_string();
    assert!(unknown.contains("depth"), "{unknown}");
}

#[test]
fn published_cells_are_taken_where_the_skeleton_is_fixed() {
    let settings = "preset = 'nb201'\nwidths = [16]\ndepths = [5]\nstages = 3";
    let settings: SpaceSettings = toml::from_str(settings).unwrap();
    let space = build(&settings, &Task { input: Shape::new([3, 32, 32]), classes: 100 }).unwrap();
    assert_eq!(space.size(), 15_625.0);
    let cell = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|";
    let genotype = space.parse(cell).unwrap();
    assert_eq!(space.text(&genotype), format!("nb201:{cell}"));
    let cost = space.static_cost(&genotype).unwrap();
    // The benchmark's figures are 1.532 M parameters and 220.12 MFLOPs; here running statistics count as parameters.
    assert!((1.53e6..1.56e6).contains(&(cost.params as f64)), "{cost:?}");
    assert!((2.15e8..2.25e8).contains(&(cost.macs as f64)), "{cost:?}");
}

#[test]
fn a_table_of_costs_says_what_the_graph_says() {
    let shrinking = SpaceSettings { resolutions: Some(vec![1, 2]), ..SpaceSettings::preset("mbconv") };
    let shrunk = SpaceSettings { resolutions: Some(vec![2]), ..SpaceSettings::preset("mbconv") };
    let one_stage = SpaceSettings { stages: Some(1), ..SpaceSettings::preset("hybrid") };
    let presets = ["chain", "mbconv", "ds-cnn", "tcn", "hybrid"].map(SpaceSettings::preset);
    for settings in presets.into_iter().chain([shrinking, shrunk, one_stage]) {
        for input in [[1, 8, 8].as_slice(), &[3, 30, 33], &[6, 50]] {
            let task = Task { input: Shape::from(input), classes: 10 };
            let space = build(&settings, &task).unwrap();
            let table = space.cost_table().unwrap();
            for draw in 0..200 {
                let genotype = space.sample(&mut draw::stream(6, draw));
                let packed = table.pack(&genotype);
                assert_eq!(table.unpack(&packed), genotype);
                assert_eq!(table.cost(&packed), space.static_cost(&genotype).unwrap(), "{}", space.text(&genotype));
                let drawn = table.unpack(&table.sample(&mut draw::stream(7, draw)));
                space.check(&drawn).unwrap();
            }
        }
    }
}

#[test]
fn a_table_of_costs_samples_uniformly() {
    let space = narrow("mbconv");
    let table = space.cost_table().unwrap();
    let mut counts = std::collections::BTreeMap::new();
    let mut rng = draw::stream(8, 0);
    let draws = 400 * space.size() as u64;
    (0..draws).for_each(|_| *counts.entry(table.unpack(&table.sample(&mut rng))).or_insert(0u64) += 1);
    assert_eq!(counts.len(), space.size() as usize);
    assert!(counts.values().all(|n| n.abs_diff(400) < 110), "{counts:?}");
}

#[test]
fn sums_over_segments_are_those_of_the_graph_with_its_own_nonlinearity() {
    let of = |graph: &Graph| {
        let count = |is: fn(&Op) -> bool| graph.nodes().iter().filter(|node| is(&node.op)).count() as f64;
        let swishes = count(|op| matches!(op, Op::Activation(Activation::HardSwish)));
        [swishes, count(|op| matches!(op, Op::Activation(_))), count(|op| !matches!(op, Op::Input(_)))]
    };
    let shrinking = SpaceSettings { resolutions: Some(vec![1, 2]), ..SpaceSettings::preset("mbconv") };
    for settings in
        ["chain", "mbconv", "ds-cnn", "tcn", "hybrid"].map(SpaceSettings::preset).into_iter().chain([shrinking])
    {
        let space = build(&settings, &Task { input: Shape::new([3, 32, 32]), classes: 10 }).unwrap();
        let (costs, sums) = (space.cost_table().unwrap(), space.sum_table(&of).unwrap());
        for draw in 0..200 {
            let genotype = space.sample(&mut draw::stream(9, draw));
            let whole = of(&space.decode(&genotype).unwrap());
            assert_eq!(sums.sums(&costs.pack(&genotype)), whole, "{}", space.text(&genotype));
        }
    }
}
