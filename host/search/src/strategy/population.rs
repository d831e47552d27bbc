//! The best networks so far by the selection of NSGA-II (Deb et al. 2002): constraint domination, non-dominated sorting, and
//! crowding distance among equals. With one objective it is the order by violation and loss.

use super::archive::Member;
use crate::pareto;

/// The best networks, in order.
#[derive(Debug)]
pub(super) struct Population {
    ranked: Vec<Ranked>,
    size: usize,
}

/// A network and its place.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) member: Member,
    rank: usize,
    crowding: f64,
}

impl Population {
    /// One that keeps this many.
    pub(super) fn new(size: usize) -> Self {
        Self { ranked: Vec::new(), size }
    }

    /// How many it keeps.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The networks, best first.
    pub(super) fn list(&self) -> &[Ranked] {
        &self.ranked
    }

    /// Takes a network in; the worst beyond the size leaves.
    pub(super) fn add(&mut self, member: Member) {
        self.ranked.push(Ranked { member, rank: 0, crowding: 0.0 });
        let list = &self.ranked;
        let key = |i: usize| (list[i].member.violation, list[i].member.losses.as_slice());
        let ranks = pareto::ranks(list.len(), |i, j| pareto::constrained(key(i), key(j)).is_lt());
        let mut crowding = vec![0.0; list.len()];
        for rank in 0..list.len() {
            let front: Vec<usize> = (0..list.len()).filter(|&i| ranks[i] == rank).collect();
            let losses: Vec<&[f64]> = front.iter().map(|&i| list[i].member.losses.as_slice()).collect();
            front.iter().zip(pareto::crowding(&losses)).for_each(|(&i, distance)| crowding[i] = distance);
        }
        for (ranked, (rank, crowding)) in self.ranked.iter_mut().zip(ranks.into_iter().zip(crowding)) {
            (ranked.rank, ranked.crowding) = (rank, crowding);
        }
        self.ranked.sort_by(Ranked::compare);
        self.ranked.truncate(self.size);
    }
}

impl Ranked {
    /// The crowded comparison (section III.B): the lower rank, then the emptier neighborhood.
    pub(super) fn compare(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank).then(other.crowding.total_cmp(&self.crowding))
    }
}
