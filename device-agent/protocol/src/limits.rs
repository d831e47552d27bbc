//! Every bound of the protocol, in one place.
//!
//! A peer that exceeds one is refused with an error that names the bound; nothing is read or
//! allocated before its size was compared with its limit.

/// Largest body of one frame, in bytes.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// Largest piece of a blob that one [`crate::message::Request::PutBlob`] carries, in bytes.
pub const MAX_CHUNK_BYTES: usize = 1024 * 1024;

/// Largest blob (a model, or the inputs of an outputs pass), in bytes.
pub const MAX_BLOB_BYTES: u64 = 1024 * 1024 * 1024;

/// Largest total of all blobs that an agent keeps, in bytes.
pub const MAX_STORE_BYTES: u64 = 2 * MAX_BLOB_BYTES;

/// Largest number of blobs that an agent keeps.
pub const MAX_STORE_BLOBS: usize = 4096;

/// Largest single output tensor that an outputs pass returns, in bytes.
pub const MAX_OUTPUT_BYTES: usize = MAX_FRAME_BYTES - 64 * 1024;

/// Most input samples of one outputs pass.
pub const MAX_OUTPUT_SAMPLES: u64 = 1_000_000;

/// Most timed runs whose durations one latency pass reports; beyond it every second sample is
/// dropped and the stride doubles.
pub const MAX_SAMPLES: usize = 1 << 19;

/// Most readings of the power that one energy pass takes: an hour at 10 Hz.
pub const MAX_POWER_READINGS: usize = 36_000;

/// Most runs that one profile remembers.
pub const MAX_PROFILED_RUNS: usize = 256;

/// Most readings of the reference work that one latency pass reports; thinned like the runs.
pub const MAX_REFERENCE_READINGS: usize = 1024;

/// Most warm-up durations that one latency pass reports.
pub const MAX_WARM_UP_SAMPLES: usize = 4096;

/// Most nodes that a per-operator pass reports.
pub const MAX_NODES: usize = 65_536;

/// Most input tensors, output tensors or shape overrides of one model.
pub const MAX_TENSORS: usize = 1024;

/// Most elements of one tensor that the agent makes up as an input.
pub const MAX_INPUT_ELEMENTS: u64 = 1 << 28;

/// Most threads that a job may ask for.
pub const MAX_THREADS: u32 = 1024;

/// Most CPU cores that an affinity names.
pub const MAX_CORES: usize = 1024;

/// Longest time that a job may take from its start to its report, in nanoseconds (one hour).
pub const MAX_JOB_NS: u64 = 3_600_000_000_000;

/// Longest time for loading a model, for one run of it, and for a short job, where nobody states another, in nanoseconds.
pub const USUAL_TIMEOUT_NS: u64 = 60_000_000_000;

/// Longest error message, in bytes; longer ones are cut.
pub const MAX_MESSAGE_BYTES: usize = 4096;

/// Longest token of a handshake, in bytes.
pub const MAX_TOKEN_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_frame_carries_fits_into_a_frame() {
        let widest_varint = 10;
        const { assert!(MAX_CHUNK_BYTES + 1024 < MAX_FRAME_BYTES) };
        const { assert!(MAX_OUTPUT_BYTES + 1024 < MAX_FRAME_BYTES) };
        assert!((MAX_SAMPLES + MAX_WARM_UP_SAMPLES + 2 * MAX_REFERENCE_READINGS) * widest_varint < MAX_FRAME_BYTES);
    }
}
