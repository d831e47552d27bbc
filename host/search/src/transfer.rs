//! A network of one space as a network of another of the same kind: for a search that begins with what an earlier one found,
//! on images of another size, for another device, or in networks of another width and depth.
//!
//! Choices are matched by name, and those of further stages by that of the last stage there was; options by their label, or
//! else the number in it that comes nearest.

use crate::genotype::Genotype;
use crate::space::{Choice, Space};

/// The genotype in `to` that comes nearest to a genotype of `from`; `None` between spaces of different names.
pub fn transfer(genotype: &Genotype, from: &dyn Space, to: &dyn Space) -> Option<Genotype> {
    if from.name() != to.name() || from.check(genotype).is_err() {
        return None;
    }
    let known = from.choices().list();
    let gene = |choice: &Choice| {
        let found = source(choice, known).map(|at| known[at].label(genotype.genes()[at]));
        found.map_or(0, |label| nearest(choice, label))
    };
    let moved = Genotype::new(to.choices().list().iter().map(gene).collect::<Vec<u8>>());
    to.check(&moved).is_ok().then_some(moved)
}

/// The position of the choice of the same name, or else the last whose name differs in digits only.
fn source(choice: &Choice, known: &[Choice]) -> Option<usize> {
    let kind = |name: &str| name.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
    let same = known.iter().position(|other| other.name() == choice.name());
    same.or_else(|| known.iter().rposition(|other| kind(other.name()) == kind(choice.name())))
}

/// The option of this label, or else the one whose number is nearest; the first where labels have none.
fn nearest(choice: &Choice, label: &str) -> u8 {
    let number = |label: &str| label.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<f64>().ok();
    let distance = |option: &u8| {
        let own = choice.label(*option);
        if own == label { -1.0 } else { number(own).zip(number(label)).map_or(f64::INFINITY, |(a, b)| (a - b).abs()) }
    };
    (0..choice.count() as u8).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::transfer;
    use crate::draw;
    use crate::space::{self, PerStage, Space, SpaceSettings, Task};

    fn space(preset: &str, side: usize, widths: Option<Vec<usize>>) -> Box<dyn Space> {
        let settings = SpaceSettings { widths: widths.map(PerStage::All), ..SpaceSettings::preset(preset) };
        space::build(&settings, &Task { input: Shape::new([1, side, side]), classes: 10 }).unwrap()
    }

    #[test]
    fn the_same_space_keeps_a_network_and_another_has_none() {
        let (mbconv, chain) = (space("mbconv", 8, None), space("chain", 8, None));
        let genotype = mbconv.sample(&mut draw::stream(1, 0));
        assert_eq!(transfer(&genotype, mbconv.as_ref(), mbconv.as_ref()), Some(genotype.clone()));
        assert_eq!(transfer(&genotype, mbconv.as_ref(), chain.as_ref()), None);
    }

    #[test]
    fn a_cell_is_kept_in_networks_of_other_widths_and_larger_images() {
        let (small, large) = (space("nb201", 8, Some(vec![8, 16])), space("nb201", 32, Some(vec![12, 64])));
        for number in 0..20 {
            let genotype = small.sample(&mut draw::stream(1, number));
            let moved = transfer(&genotype, small.as_ref(), large.as_ref()).unwrap();
            assert_eq!(moved.genes()[..6], genotype.genes()[..6]);
            large.check(&moved).unwrap();
        }
    }
}
