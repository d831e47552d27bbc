//! A collection whose images are all in memory already, for the formats that are a few large files.

use super::{Collection, DataError, Part, Pixels, Samples, Source};

/// Images of both parts.
pub(super) struct InMemory {
    pub(super) classes: Vec<String>,
    pub(super) divisor: f32,
    pub(super) pool: Samples,
    pub(super) test: Option<Samples>,
    pub(super) resize: Option<[usize; 2]>,
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

    fn divisor(&self) -> f32 {
        self.divisor
    }

    fn read(&self, part: Part, indices: &[usize]) -> Result<Pixels, DataError> {
        let samples = self.part(part).unwrap_or(&self.pool);
        let bytes = indices.iter().flat_map(|&i| samples.image(i)).copied().collect();
        let pixels = Pixels { shape: samples.pixels.shape, bytes };
        Ok(match self.resize {
            Some(size) => resize(&pixels, size),
            None => pixels,
        })
    }
}

/// Resizes by the nearest pixel: exact for whole factors, and these sets are made of small images.
fn resize(pixels: &Pixels, [height, width]: [usize; 2]) -> Pixels {
    let from = pixels.shape;
    let shape = super::ImageShape { height, width, ..from };
    let mut bytes = Vec::with_capacity(pixels.bytes.len() / from.bytes().max(1) * shape.bytes());
    for image in pixels.bytes.chunks_exact(from.bytes()) {
        for y in 0..height {
            for x in 0..width {
                let at = (y * from.height / height * from.width + x * from.width / width) * from.channels;
                bytes.extend_from_slice(&image[at..at + from.channels]);
            }
        }
    }
    Pixels { shape, bytes }
}
