//! Which of the profiled runs count: those that nothing disturbed.

/// Positions of the faster half of the runs, in order. Whatever else the machine does makes runs slower, never faster; a mean over
/// all of them would put that time on the nodes that happened to be under way.
pub(super) fn quiet_runs(durations: &[u64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..durations.len()).collect();
    order.sort_by_key(|&run| (durations[run], run));
    order.truncate(durations.len().div_ceil(2));
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use super::quiet_runs;

    #[test]
    fn the_faster_half_counts() {
        assert_eq!(quiet_runs(&[5, 90, 4, 6, 80]), [0, 2, 3]);
        assert_eq!(quiet_runs(&[7, 7]), [0]);
        assert!(quiet_runs(&[]).is_empty());
    }
}
