//! Which network to measure next: the one of which the table is least sure.
//!
//! The width of an interval grows with the predictor's doubt, so the widest interval marks the network from which most is to be
//! learned. The choice is deterministic; ties go to the network listed first.

use crate::kernel_set::KernelSet;
use crate::table::{Table, TableError};

/// Index of the candidate with the relatively widest latency interval; `None` without candidates.
///
/// # Errors
/// Before [`Table::fit`].
pub fn most_uncertain(table: &Table, candidates: &[KernelSet]) -> Result<Option<usize>, TableError> {
    let mut widest: Option<(usize, f64)> = None;
    for (index, network) in candidates.iter().enumerate() {
        let doubt = table.doubt(network)?;
        if widest.is_none_or(|(_, most)| doubt > most) {
            widest = Some((index, doubt));
        }
    }
    Ok(widest.map(|(index, _)| index))
}

#[cfg(test)]
mod tests {
    use super::most_uncertain;
    use crate::synthetic::{Device, fitted_table};

    #[test]
    fn picks_the_network_unlike_the_measured_ones() {
        let device = Device::default();
        let table = fitted_table(&device, 40);
        let mut candidates: Vec<_> = (1000..1010).map(|seed| device.kernels(seed)).collect();
        candidates.insert(4, device.outlandish_kernels());
        assert_eq!(most_uncertain(&table, &candidates).unwrap(), Some(4));
        assert_eq!(most_uncertain(&table, &[]).unwrap(), None);
    }

    #[test]
    fn ties_go_to_the_first() {
        let device = Device::default();
        let table = fitted_table(&device, 40);
        let same = vec![device.kernels(7); 3];
        assert_eq!(most_uncertain(&table, &same).unwrap(), Some(0));
    }
}
