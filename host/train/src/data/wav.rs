//! WAV files: RIFF with PCM of 8, 16, 24 or 32 bits or 32-bit floats, any number of channels, which are averaged.

/// A sound.
#[derive(Debug, PartialEq)]
pub(super) struct Sound {
    /// Samples of a second.
    pub(super) rate_hz: u32,
    /// From -1 to 1.
    pub(super) samples: Vec<f32>,
}

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

struct Coding {
    kind: u16,
    channels: usize,
    rate_hz: u32,
    bits: u16,
}

/// Reads a sound.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(file: &[u8]) -> Result<Sound, String> {
    let is_wav = file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WAVE");
    let mut rest = file.get(12..).filter(|_| is_wav).ok_or("is no WAV file")?;
    let mut coding = None;
    while let Some((head, body)) = rest.split_at_checked(8) {
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        // What was recorded to a pipe states no size.
        let size = size.min(body.len());
        match &head[..4] {
            b"fmt " => coding = Some(coding_of(&body[..size])?),
            b"data" => return sound_of(&coding.ok_or("has its data before its format")?, &body[..size]),
            _ => {}
        }
        rest = body.get(size + size % 2..).unwrap_or_default();
    }
    Err("has no sound in it".into())
}

fn coding_of(chunk: &[u8]) -> Result<Coding, String> {
    let short = |at: usize| chunk.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    let fields = || {
        let rate = chunk.get(4..8).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))?;
        Some((short(0)?, usize::from(short(2)?), rate, short(14)?))
    };
    let (kind, channels, rate_hz, bits) = fields().ok_or("ends within its format")?;
    let kind = if kind == EXTENSIBLE { short(24).unwrap_or(kind) } else { kind };
    let is_known = matches!((kind, bits), (PCM, 8 | 16 | 24 | 32) | (FLOAT, 32));
    if !is_known || channels == 0 || rate_hz == 0 {
        return Err(format!(
            "has coding {kind} with {bits} bits, {channels} channels at {rate_hz} Hz; convert it to 16-bit PCM"
        ));
    }
    Ok(Coding { kind, channels, rate_hz, bits })
}

fn sound_of(coding: &Coding, data: &[u8]) -> Result<Sound, String> {
    let width = usize::from(coding.bits / 8);
    let frame = width * coding.channels;
    let value = |b: &[u8]| match (coding.kind, coding.bits) {
        (FLOAT, _) => f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        (_, 8) => (f32::from(b[0]) - 128.0) / 128.0,
        (_, 16) => f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0,
        (_, 24) => (i32::from_le_bytes([0, b[0], b[1], b[2]]) >> 8) as f32 / 8_388_608.0,
        _ => i32::from_le_bytes([b[0], b[1], b[2], b[3]]) as f32 / 2_147_483_648.0,
    };
    let mean = |frame: &[u8]| frame.chunks_exact(width).map(value).sum::<f32>() / coding.channels as f32;
    let samples: Vec<f32> = data.chunks_exact(frame).map(mean).collect();
    match samples.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(format!("sample {at} is no finite number")),
        None if samples.is_empty() => Err("has no sound in it".into()),
        None => Ok(Sound { rate_hz: coding.rate_hz, samples }),
    }
}
