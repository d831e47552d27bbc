//! A training that paused at the end of an epoch, as bytes: everything that going on needs, so that it goes on as if it had
//! not paused, bit for bit.
//!
//! The bytes are a format of their own: a mark and version, counts, then 32-bit floats, all little endian. Whoever keeps them says
//! where; here no file is opened.

use crate::error::TrainError;
use crate::train::EpochReport;

/// First bytes of a paused training, version included.
const MARK: &[u8; 8] = b"efpause1";

/// Stands for a number that is not there.
const ABSENT: f64 = f64::NAN;

/// The state of a training between two epochs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Paused {
    pub(crate) steps_done: u64,
    pub(crate) optimizer_steps: i32,
    /// How many words of its stream the random generator has given.
    pub(crate) random_words: u128,
    /// Every epoch that was run.
    pub(crate) epochs: Vec<EpochReport>,
    /// The best of them, from 1.
    pub(crate) best: u64,
    /// Parameters and statistics, what the optimizer remembers, the moving average, the best epoch's numbers: blocks in order.
    pub(crate) blocks: Vec<Vec<f32>>,
}

impl Paused {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        bytes.extend(self.steps_done.to_le_bytes());
        bytes.extend(self.optimizer_steps.to_le_bytes());
        bytes.extend(self.random_words.to_le_bytes());
        bytes.extend(self.best.to_le_bytes());
        bytes.extend((self.epochs.len() as u64).to_le_bytes());
        for epoch in &self.epochs {
            let (loss, accuracy) = (epoch.validation_loss, epoch.validation_accuracy);
            let numbers = [epoch.train_loss, loss.unwrap_or(ABSENT), accuracy.unwrap_or(ABSENT)];
            numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        }
        bytes.extend((self.blocks.len() as u64).to_le_bytes());
        for block in &self.blocks {
            bytes.extend((block.len() as u64).to_le_bytes());
            block.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        }
        bytes
    }

    /// # Errors
    /// When the bytes are not those of a paused training.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, TrainError> {
        Self::read(&mut Reader(bytes)).ok_or(TrainError::Paused("it is damaged, or of another version"))
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.take::<8>()? != *MARK {
            return None;
        }
        let steps_done = reader.count()?;
        let optimizer_steps = i32::from_le_bytes(reader.take()?);
        let random_words = u128::from_le_bytes(reader.take()?);
        let best = reader.count()?;
        let mut epochs = Vec::new();
        for epoch in 1..=usize::try_from(reader.count()?).ok()? {
            let mut number = || Some(f64::from_le_bytes(reader.take()?));
            let (train_loss, loss, accuracy) = (number()?, number()?, number()?);
            let known = |number: f64| (!number.is_nan()).then_some(number);
            epochs.push(EpochReport {
                epoch,
                train_loss,
                validation_loss: known(loss),
                validation_accuracy: known(accuracy),
            });
        }
        let mut blocks = Vec::new();
        for _ in 0..reader.count()? {
            blocks.push(reader.floats()?);
        }
        let is_whole = reader.0.is_empty() && (1..=epochs.len() as u64).contains(&best);
        is_whole.then_some(Self { steps_done, optimizer_steps, random_words, epochs, best, blocks })
    }
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn count(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take()?))
    }

    fn floats(&mut self) -> Option<Vec<f32>> {
        let bytes = usize::try_from(self.count()?).ok()?.checked_mul(size_of::<f32>())?;
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        let four = |chunk: &[u8]| f32::from_le_bytes(chunk.try_into().expect("chunks are of four bytes"));
        Some(taken.chunks_exact(size_of::<f32>()).map(four).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{EpochReport, Paused};

    #[test]
    fn comes_back_as_it_was_or_not_at_all() {
        let epoch = |epoch, validation_loss| EpochReport {
            epoch,
            train_loss: 0.1 + 0.2,
            validation_loss,
            validation_accuracy: validation_loss.map(|_| 0.5),
        };
        let paused = Paused {
            steps_done: 70,
            optimizer_steps: 70,
            random_words: 1 << 70,
            epochs: vec![epoch(1, None), epoch(2, Some(1.0 / 3.0))],
            best: 2,
            blocks: vec![vec![], vec![1.5, f32::MIN_POSITIVE]],
        };
        let bytes = paused.to_bytes();
        assert_eq!(Paused::from_bytes(&bytes), Ok(paused));
        for end in 0..bytes.len() {
            assert!(Paused::from_bytes(&bytes[..end]).is_err(), "{end} bytes are enough");
        }
        let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
        assert!(Paused::from_bytes(&longer).is_err());
    }
}
