//! What a model is run on: made-up values, or the samples of a blob.

use std::{
    fs::File,
    io::{BufReader, ErrorKind as IoErrorKind, Read},
    path::Path,
};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    limits,
    tensor::{ElementType, TensorData, TensorInfo},
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Values for every input, the same for the same seed: floats uniform in [-1, 1), integers and
/// booleans 0 or 1 (so that an index into a table is always valid).
///
/// # Errors
///
/// [`ErrorKind::Request`] for an input over [`limits::MAX_INPUT_ELEMENTS`].
pub fn seeded(inputs: &[TensorInfo], seed: u64) -> Result<Vec<TensorData>, JobError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    inputs.iter().map(|info| make_up(info, &mut rng)).collect()
}

fn make_up(info: &TensorInfo, rng: &mut impl Rng) -> Result<TensorData, JobError> {
    let elements = checked_elements(info)?;
    let mut bytes = Vec::with_capacity(elements * info.element.size_bytes());
    for _ in 0..elements {
        push_value(&mut bytes, info.element, rng);
    }
    Ok(TensorData { element: info.element, shape: info.shape.clone(), bytes })
}

fn checked_elements(info: &TensorInfo) -> Result<usize, JobError> {
    info.elements()
        .filter(|elements| *elements <= limits::MAX_INPUT_ELEMENTS)
        .map(|elements| elements as usize)
        .ok_or_else(|| {
            let limit = limits::MAX_INPUT_ELEMENTS;
            let message = format!("input {} of shape {:?} has more than {limit} elements", info.name, info.shape);
            JobError::new(ErrorKind::Request, message)
        })
}

fn push_value(bytes: &mut Vec<u8>, element: ElementType, rng: &mut impl Rng) {
    match element {
        ElementType::F32 => bytes.extend(rng.random_range(-1.0_f32..1.0).to_le_bytes()),
        ElementType::F64 => bytes.extend(rng.random_range(-1.0_f64..1.0).to_le_bytes()),
        ElementType::F16 => bytes.extend(random_f16_bits(rng).to_le_bytes()),
        integer => {
            bytes.push(rng.random_range(0..2));
            bytes.resize(bytes.len() + integer.size_bytes() - 1, 0);
        }
    }
}

/// A half-precision number in (-1, 1): any sign and mantissa, an exponent below that of 1.
fn random_f16_bits(rng: &mut impl Rng) -> u16 {
    let sign = rng.random_range(0..2_u16) << 15;
    let exponent = rng.random_range(10..15_u16) << 10;
    sign | exponent | rng.random_range(0..1024)
}

/// The samples of a blob, one after the other.
pub struct Samples {
    reader: BufReader<File>,
    inputs: Vec<TensorInfo>,
}

impl Samples {
    /// Opens a blob of samples for a model with these inputs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongShape`] when the blob is not a whole number of samples,
    /// [`ErrorKind::Storage`] when it cannot be read.
    pub fn open(path: &Path, inputs: &[TensorInfo]) -> Result<Self, JobError> {
        let file = File::open(path).map_err(unreadable)?;
        let file_bytes = file.metadata().map_err(unreadable)?.len();
        let sample_bytes = sample_bytes(inputs)?;
        if sample_bytes == 0 || file_bytes == 0 || file_bytes % sample_bytes != 0 {
            let message = format!("the inputs are {file_bytes} bytes; the model takes {sample_bytes} bytes a sample");
            return Err(JobError::new(ErrorKind::WrongShape, message));
        }
        Ok(Self { reader: BufReader::new(file), inputs: inputs.to_vec() })
    }

    /// The next sample, one tensor for each input; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when the blob cannot be read.
    pub fn next_sample(&mut self) -> Result<Option<Vec<TensorData>>, JobError> {
        let mut sample = Vec::with_capacity(self.inputs.len());
        for info in &self.inputs {
            let mut bytes = vec![0; info.size_bytes().unwrap_or_default() as usize];
            match self.reader.read_exact(&mut bytes) {
                Err(error) if error.kind() == IoErrorKind::UnexpectedEof => return Ok(None),
                read => read.map_err(unreadable)?,
            }
            sample.push(TensorData { element: info.element, shape: info.shape.clone(), bytes });
        }
        Ok(Some(sample))
    }
}

fn sample_bytes(inputs: &[TensorInfo]) -> Result<u64, JobError> {
    let mut total = 0;
    for info in inputs {
        total += (checked_elements(info)? * info.element.size_bytes()) as u64;
    }
    Ok(total)
}

fn unreadable(error: std::io::Error) -> JobError {
    JobError::new(ErrorKind::Storage, format!("the inputs cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn info(element: ElementType, shape: &[u64]) -> TensorInfo {
        TensorInfo { name: "x".into(), element, shape: shape.to_vec() }
    }

    #[test]
    fn the_seed_decides_the_values_and_floats_stay_in_range() {
        let inputs = [info(ElementType::F32, &[1, 100])];
        let values = seeded(&inputs, 1).unwrap();
        assert_eq!(values, seeded(&inputs, 1).unwrap());
        assert_ne!(values, seeded(&inputs, 2).unwrap());
        let floats = values[0].to_f32().unwrap();
        assert!(floats.iter().all(|x| (-1.0..1.0).contains(x)));
    }

    #[test]
    fn every_element_type_fills_its_tensor() {
        for element in [ElementType::F16, ElementType::F64, ElementType::I64, ElementType::U8, ElementType::Bool] {
            let data = seeded(&[info(element, &[3, 5])], 0).unwrap();
            assert_eq!(data[0].bytes.len(), 15 * element.size_bytes());
        }
    }

    #[test]
    fn a_huge_input_is_refused() {
        let error = seeded(&[info(ElementType::F32, &[1 << 40])], 0).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Request);
    }

    #[test]
    fn samples_are_cut_by_the_inputs_of_the_model() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&(0..12).collect::<Vec<u8>>()).unwrap();
        let inputs = [info(ElementType::U8, &[2]), info(ElementType::I32, &[1])];
        let mut samples = Samples::open(file.path(), &inputs).unwrap();
        assert_eq!(samples.next_sample().unwrap().unwrap()[1].bytes, [2, 3, 4, 5]);
        assert_eq!(samples.next_sample().unwrap().unwrap()[0].bytes, [6, 7]);
        assert_eq!(samples.next_sample().unwrap(), None);

        let wrong = Samples::open(file.path(), &[info(ElementType::U8, &[5])]);
        assert_eq!(wrong.err().unwrap().kind, ErrorKind::WrongShape);
    }
}
