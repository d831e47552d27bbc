//! A space as a list of choices, in groups: what most spaces are made of.
//!
//! Each choice takes one of its options, independently of the others. Options stand from cheap to costly, so the first of
//! each gives the least costly network.

use rand_chacha::ChaCha8Rng;

use super::error::SpaceError;
use super::settings::MAX_OPTIONS;
use crate::draw;
use crate::genotype::Genotype;

/// One choice: a name and its options, each a number that the decoder reads and a label that people read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    name: String,
    options: Vec<(String, usize)>,
    is_scale: bool,
}

impl Choice {
    /// A choice among numbers on a scale; an option's label is `prefix` and the number.
    ///
    /// # Panics
    /// If there are no options or more than 64, or one of them twice: spaces check their settings first.
    pub fn numbers(name: impl Into<String>, prefix: &str, numbers: &[usize]) -> Self {
        Self::new(name.into(), numbers.iter().map(|n| (format!("{prefix}{n}"), *n)).collect(), true)
    }

    /// A choice among named things without a scale; an option's number is its position.
    ///
    /// # Panics
    /// As [`Choice::numbers`].
    pub fn names(name: impl Into<String>, labels: &[&str]) -> Self {
        let options = labels.iter().enumerate().map(|(i, label)| ((*label).to_owned(), i));
        Self::new(name.into(), options.collect(), false)
    }

    /// A choice among these labels, which stand on a scale; an option's number is its position.
    ///
    /// # Panics
    /// As [`Choice::numbers`].
    pub fn labels(name: impl Into<String>, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let options = labels.into_iter().enumerate().map(|(i, label)| (label.into(), i));
        Self::new(name.into(), options.collect(), true)
    }

    fn new(name: String, options: Vec<(String, usize)>, is_scale: bool) -> Self {
        assert!((1..=MAX_OPTIONS).contains(&options.len()), "choice {name} has {} options", options.len());
        let distinct: std::collections::BTreeSet<&str> = options.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(distinct.len(), options.len(), "choice {name} has an option twice");
        Self { name, options, is_scale }
    }

    /// Its name, unique within the space, such as `stage1.kernel`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The label of an option.
    pub fn label(&self, option: u8) -> &str {
        &self.options[usize::from(option)].0
    }

    /// Number of options.
    pub fn count(&self) -> usize {
        self.options.len()
    }

    fn known(&self) -> impl Iterator<Item = &str> {
        self.options.iter().map(|(label, _)| label.as_str())
    }

    fn encode_into(&self, option: u8, features: &mut Vec<f32>) {
        match self.count() {
            1 => {}
            count if self.is_scale || count == 2 => features.push(f32::from(option) / (count - 1) as f32),
            count => features.extend((0..count).map(|i| f32::from(u8::from(i == usize::from(option))))),
        }
    }
}

/// Choices in groups; a group is what the text form holds together, such as a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    choices: Vec<Choice>,
    group_ends: Vec<usize>,
}

impl Choices {
    /// Adds a group.
    pub fn group(&mut self, choices: impl IntoIterator<Item = Choice>) {
        self.choices.extend(choices);
        self.group_ends.push(self.choices.len());
    }

    /// All choices in order.
    pub fn list(&self) -> &[Choice] {
        &self.choices
    }

    /// Number of genotypes: the product of the numbers of options.
    pub fn size(&self) -> f64 {
        self.choices.iter().map(|choice| choice.count() as f64).product()
    }

    /// The first option of each choice.
    pub fn first_options(&self) -> Genotype {
        Genotype::new(vec![0; self.choices.len()])
    }

    /// The last option of each choice.
    pub fn last_options(&self) -> Genotype {
        Genotype::new(self.choices.iter().map(|choice| (choice.count() - 1) as u8).collect::<Vec<u8>>())
    }

    /// Whether each gene is an option of its choice.
    ///
    /// # Errors
    /// Names the first choice that is missing or whose option is not there.
    pub fn check(&self, genotype: &Genotype) -> Result<(), SpaceError> {
        let genes = genotype.genes();
        if genes.len() != self.choices.len() {
            return Err(SpaceError::Genotype(format!("it has {} of {} choices", genes.len(), self.choices.len())));
        }
        let wrong = genes.iter().zip(&self.choices).find(|(gene, choice)| usize::from(**gene) >= choice.count());
        wrong.map_or(Ok(()), |(gene, choice)| {
            Err(SpaceError::Genotype(format!("`{}` has no option {gene}", choice.name)))
        })
    }

    /// A genotype, uniformly.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Genotype {
        let genes: Vec<u8> = self.choices.iter().map(|choice| draw::position(rng, choice.count()) as u8).collect();
        Genotype::new(genes)
    }

    /// Another option for one choice, both uniformly.
    pub fn mutate(&self, genotype: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        let open: Vec<usize> = (0..self.choices.len()).filter(|&i| self.choices[i].count() > 1).collect();
        let Some(&at) = draw::one_of(rng, &open) else { return genotype.clone() };
        let mut genes = genotype.genes().to_vec();
        let other = draw::position(rng, self.choices[at].count() - 1) as u8;
        genes[at] = if other >= genes[at] { other + 1 } else { other };
        Genotype::new(genes)
    }

    /// Each gene from one of the two, with equal probability.
    pub fn crossover(&self, a: &Genotype, b: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        let genes = a.genes().iter().zip(b.genes());
        Genotype::new(genes.map(|(a, b)| if draw::position(rng, 2) == 0 { *a } else { *b }).collect::<Vec<_>>())
    }

    /// All genotypes with another option at one choice.
    pub fn neighbors(&self, genotype: &Genotype) -> Vec<Genotype> {
        let genes = genotype.genes();
        let others = |at: usize| (0..self.choices[at].count() as u8).filter(move |option| *option != genes[at]);
        let with = |at: usize, option: u8| {
            let mut genes = genes.to_vec();
            genes[at] = option;
            Genotype::new(genes)
        };
        (0..genes.len()).flat_map(|at| others(at).map(move |option| with(at, option))).collect()
    }

    /// One feature for a choice on a scale or between two, one a option for others, each from 0 to 1.
    pub fn encode(&self, genotype: &Genotype) -> Vec<f32> {
        self.encode_from(0, genotype.genes())
    }

    /// The features of these genes, the first of which is that of choice number `first`.
    pub(crate) fn encode_from(&self, first: usize, genes: &[u8]) -> Vec<f32> {
        let mut features = Vec::with_capacity(genes.len());
        genes.iter().zip(&self.choices[first..]).for_each(|(gene, choice)| choice.encode_into(*gene, &mut features));
        features
    }

    /// The labels, joined by `-` within a group and by `|` between groups.
    pub fn text(&self, genotype: &Genotype) -> String {
        let groups = self.ranges().map(|range| {
            let labels = range.map(|i| self.choices[i].label(genotype.genes()[i]));
            labels.collect::<Vec<_>>().join("-")
        });
        groups.collect::<Vec<_>>().join("|")
    }

    /// The genotype of a text.
    ///
    /// # Errors
    /// A sentence that says which label is missing or not an option.
    pub fn parse(&self, text: &str) -> Result<Genotype, String> {
        let groups: Vec<&str> = text.split('|').collect();
        if groups.len() != self.group_ends.len() {
            return Err(format!("it has {} groups instead of {}", groups.len(), self.group_ends.len()));
        }
        let labels = groups.iter().zip(self.ranges()).map(|(group, range)| {
            let labels: Vec<&str> = group.split('-').collect();
            let counts = (labels.len(), range.len());
            if counts.0 == counts.1 {
                Ok(labels)
            } else {
                Err(format!("`{group}` has {} labels instead of {}", counts.0, counts.1))
            }
        });
        let labels = labels.collect::<Result<Vec<_>, _>>()?.concat();
        let genes = labels.iter().zip(&self.choices).map(|(label, choice)| choice.option(label));
        Ok(Genotype::new(genes.collect::<Result<Vec<u8>, String>>()?))
    }

    /// One line a group.
    pub fn describe(&self) -> String {
        let line = |choice: &Choice| format!("{} {}", choice.name, choice.known().collect::<Vec<_>>().join(" or "));
        let groups = self.ranges().map(|range| self.choices[range].iter().map(line).collect::<Vec<_>>().join(", "));
        groups.map(|group| format!("  {group}")).collect::<Vec<_>>().join("\n")
    }

    /// The numbers of the options that a genotype takes, in order.
    pub(crate) fn reader<'a>(&'a self, genotype: &'a Genotype) -> impl Iterator<Item = usize> + 'a {
        genotype.genes().iter().zip(&self.choices).map(|(gene, choice)| choice.options[usize::from(*gene)].1)
    }

    /// The numbers of these options, the first of which is of choice number `first`.
    pub(crate) fn numbers(&self, first: usize, options: &[u8]) -> Vec<usize> {
        options
            .iter()
            .zip(&self.choices[first..])
            .map(|(option, choice)| choice.options[usize::from(*option)].1)
            .collect()
    }

    /// The choices of each group.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let starts = std::iter::once(0).chain(self.group_ends.iter().copied());
        starts.zip(&self.group_ends).map(|(start, end)| start..*end)
    }
}

impl Choice {
    /// The option of a label; a sentence about what would be right if there is none.
    pub(crate) fn option(&self, label: &str) -> Result<u8, String> {
        let found = self.known().position(|l| l == label);
        let known = || self.known().collect::<Vec<_>>().join(", ");
        found.map(|i| i as u8).ok_or_else(|| format!("`{}` is {} and not `{label}`", self.name, known()))
    }
}

/// The next `N` numbers of a reader.
pub(crate) fn take<const N: usize>(reader: &mut impl Iterator<Item = usize>) -> [usize; N] {
    std::array::from_fn(|_| reader.next().expect("a checked genotype has one gene for each choice"))
}

#[cfg(test)]
mod tests {
    use super::{Choice, Choices};
    use crate::genotype::Genotype;

    fn choices() -> Choices {
        let mut choices = Choices::default();
        choices.group([Choice::numbers("width", "w", &[8, 16, 32]), Choice::names("act", &["relu", "silu", "gelu"])]);
        choices.group([Choice::numbers("depth", "d", &[2])]);
        choices
    }

    #[test]
    fn text_and_features() {
        let (choices, genotype) = (choices(), Genotype::new([1, 2, 0]));
        assert_eq!(choices.text(&genotype), "w16-gelu|d2");
        assert_eq!(choices.parse("w16-gelu|d2"), Ok(genotype.clone()));
        assert_eq!(choices.encode(&genotype), [0.5, 0.0, 0.0, 1.0]);
        assert_eq!(choices.size(), 9.0);
        assert_eq!(choices.neighbors(&genotype).len(), 4);
    }

    #[test]
    fn wrong_texts_say_what_would_be_right() {
        let check = |text: &str, part: &str| {
            let error = choices().parse(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        check("w16-gelu", "1 groups instead of 2");
        check("w16|d2", "1 labels instead of 2");
        check("w17-gelu|d2", "w8, w16, w32");
    }

    #[test]
    fn a_genotype_of_another_space_is_found_out() {
        assert!(choices().check(&Genotype::new([0, 0])).is_err());
        let error = choices().check(&Genotype::new([0, 3, 0])).unwrap_err().to_string();
        assert!(error.contains("`act` has no option 3"), "{error}");
    }
}
