//! A collection whose samples are all in memory already, for the formats that are a few large files.

use super::{Collection, DataError, Groups, Part, SampleShape, Samples, Source, Values};

/// Samples of both parts.
pub(super) struct InMemory {
    pub(super) classes: Vec<String>,
    pub(super) divisor: f32,
    pub(super) pool: Samples,
    pub(super) test: Option<Samples>,
    /// The recording that each sample of the pool was cut from.
    pub(super) recordings: Option<Vec<u32>>,
    pub(super) resize: Option<[usize; 2]>,
    /// Groups of the pool and of the test, where there are any.
    pub(super) groups: [Option<Groups>; 2],
}

impl InMemory {
    fn part(&self, part: Part) -> Option<&Samples> {
        match part {
            Part::Pool => Some(&self.pool),
            Part::Test => self.test.as_ref(),
        }
    }

    /// As a collection that resizes as the source says.
    pub(super) fn boxed(mut self, source: &Source) -> Box<dyn Collection> {
        self.resize = source.resize;
        Box::new(self)
    }
}

impl Collection for InMemory {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn labels(&self, part: Part) -> &[u32] {
        self.part(part).map_or(&[], |s| &s.labels)
    }

    fn groups(&self, part: Part) -> Option<&Groups> {
        let [pool, test] = &self.groups;
        if part == Part::Pool { pool.as_ref() } else { test.as_ref() }
    }

    fn divisor(&self) -> f32 {
        self.divisor
    }

    fn recordings(&self) -> Option<&[u32]> {
        self.recordings.as_deref()
    }

    fn read(&self, part: Part, indices: &[usize]) -> Result<Values, DataError> {
        let Values { shape, numbers } = &self.part(part).unwrap_or(&self.pool).values;
        let size = shape.size();
        let numbers = numbers.pick(indices.iter().flat_map(|&i| i * size..(i + 1) * size));
        resized(Values { shape: *shape, numbers }, self.resize)
    }
}

/// Resizes by the nearest pixel: exact for whole factors, and these sets are made of small images.
fn resized(values: Values, size: Option<[usize; 2]>) -> Result<Values, DataError> {
    let Some([height, width]) = size else { return Ok(values) };
    let SampleShape::Image { height: from_height, width: from_width, channels } = values.shape else {
        return Err(DataError::Split("a series cannot be resized; take `resize` out".into()));
    };
    let count = values.numbers.len() / values.shape.size().max(1);
    let size = values.shape.size();
    let position = |y: usize, x: usize| (y * from_height / height * from_width + x * from_width / width) * channels;
    let positions = (0..height).flat_map(|y| (0..width).map(move |x| position(y, x)));
    let of_one: Vec<usize> = positions.flat_map(|at| at..at + channels).collect();
    let numbers = values.numbers.pick((0..count).flat_map(|i| of_one.iter().map(move |at| i * size + at)));
    Ok(Values { shape: SampleShape::Image { height, width, channels }, numbers })
}
