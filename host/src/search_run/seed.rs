//! Seeds of a run's parts: each follows from the run's seed, a purpose and a number, and from nothing else.

use sha2::{Digest, Sha256};

/// The seed of one part, such as the training of trial 7.
pub(crate) fn derived(seed: u64, purpose: &str, number: u64) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    hasher.update(number.to_le_bytes());
    hasher.update(purpose.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let first: [u8; 8] = digest[..8].try_into().expect("a digest has 32 bytes");
    // SQLite and TOML hold signed numbers.
    u64::from_le_bytes(first) >> 1
}

#[cfg(test)]
mod tests {
    use super::derived;

    #[test]
    fn every_part_has_its_own() {
        assert_eq!(derived(1, "train", 2), derived(1, "train", 2));
        let others = [derived(2, "train", 2), derived(1, "final", 2), derived(1, "train", 3)];
        assert!(others.iter().all(|other| *other != derived(1, "train", 2)));
    }
}
