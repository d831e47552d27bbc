//! The networks that a strategy was told of, each once, and which of them is best.

use std::collections::BTreeMap;

use super::scalarization::Scalarization;
use crate::genotype::Genotype;
use crate::trial::Observation;

/// A network with all its losses.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) genotype: Genotype,
    pub(super) violation: f64,
    pub(super) losses: Vec<f64>,
}

/// Networks by the order in which they were told, and where each is among them.
#[derive(Debug, Default)]
pub(super) struct Archive {
    members: Vec<Member>,
    /// `None` for a network without all losses: stopped or failed.
    places: BTreeMap<Genotype, Option<usize>>,
}

impl Archive {
    /// Takes what a strategy is told; the member, if it has all losses.
    pub(super) fn tell(&mut self, observation: &Observation) -> Option<&Member> {
        let (genotype, losses) = (observation.genotype.clone(), observation.complete());
        let place = losses.as_ref().map(|_| self.members.len());
        self.places.insert(genotype.clone(), place);
        self.members.push(Member { genotype, violation: observation.violation, losses: losses? });
        self.members.last()
    }

    /// Every network with all its losses.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Whether it was told of a network, with or without losses.
    pub(super) fn has(&self, genotype: &Genotype) -> bool {
        self.places.contains_key(genotype)
    }

    /// A network with all its losses.
    pub(super) fn get(&self, genotype: &Genotype) -> Option<&Member> {
        self.places.get(genotype).copied().flatten().map(|place| &self.members[place])
    }

    /// The losses of all members.
    pub(super) fn losses(&self) -> impl Iterator<Item = &[f64]> + Clone {
        self.members.iter().map(|member| member.losses.as_slice())
    }

    /// The members by violation and then by scalarization, the best `count` of them in order.
    pub(super) fn best(&self, count: usize, scalarization: &Scalarization) -> Vec<&Member> {
        let key = |member: &Member| (member.violation, scalarization.scalar(&member.losses));
        let mut keyed: Vec<((f64, f64), &Member)> = self.members.iter().map(|member| (key(member), member)).collect();
        let compare = |a: &((f64, f64), &Member), b: &((f64, f64), &Member)| {
            a.0.0.total_cmp(&b.0.0).then(a.0.1.total_cmp(&b.0.1))
        };
        if count < keyed.len() {
            keyed.select_nth_unstable_by(count, compare);
            keyed.truncate(count);
        }
        keyed.sort_by(compare);
        keyed.into_iter().map(|(_, member)| member).collect()
    }
}
