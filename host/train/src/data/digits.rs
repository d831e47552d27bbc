//! The bundled set: 1,797 handwritten digits of 8x8 pixels (see `data/README.md` of this crate for source and license).

use std::path::Path;

use super::bytes::inflate;
use super::in_memory::InMemory;
use super::{Collection, DataError, Format, Numbers, SampleShape, Samples, Source, Values};

/// The format `digits`.
pub(super) struct Digits;

static FILE: &[u8] = include_bytes!("../../data/digits.csv.gz");

/// Largest value of a pixel.
const LARGEST: u8 = 16;

const SHAPE: SampleShape = SampleShape::Image { height: 8, width: 8, channels: 1 };

impl Format for Digits {
    fn name(&self) -> &'static str {
        "digits"
    }

    fn open(&self, source: &Source) -> Result<Box<dyn Collection>, DataError> {
        let path = Path::new("bundled digits.csv.gz");
        let text = inflate(FILE).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
        let pool = parse(path, &String::from_utf8_lossy(&text))?;
        let classes = (0..10).map(|digit| digit.to_string()).collect();
        Ok(InMemory {
            classes,
            divisor: f32::from(LARGEST),
            pool,
            test: None,
            recordings: None,
            resize: None,
            groups: [None, None],
        }
        .boxed(source))
    }
}

fn parse(path: &Path, text: &str) -> Result<Samples, DataError> {
    let (mut bytes, mut labels) = (Vec::new(), Vec::new());
    for (row, line) in text.lines().enumerate() {
        let values: Vec<u8> = line.split(',').filter_map(|v| v.parse().ok()).collect();
        match values.split_last() {
            Some((&label, pixels)) if pixels.len() == SHAPE.size() && label < 10 => {
                bytes.extend_from_slice(pixels);
                labels.push(u32::from(label));
            }
            _ => return Err(DataError::malformed(path, format!("row {}: expected 64 pixels and a digit", row + 1))),
        }
    }
    Ok(Samples { values: Values { shape: SHAPE, numbers: Numbers::Bytes(bytes) }, labels })
}
