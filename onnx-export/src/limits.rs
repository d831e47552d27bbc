//! What a file that is read may ask for at most. A larger one is refused before memory is taken for it.

/// Largest file, in bytes: the largest message of protobuf.
pub const MAX_FILE_BYTES: u64 = i32::MAX as u64;

/// Most protobuf fields outside of packed numbers. A field decodes to less than 600 bytes.
pub const MAX_FIELDS: u64 = 2_000_000;

/// Deepest nesting of protobuf messages; a network without control flow needs seven.
pub const MAX_DEPTH: usize = 16;

/// Most dimensions of a constant.
pub const MAX_CONSTANT_RANK: usize = 8;

/// Most elements of a computed list of dimensions.
pub const MAX_DIMS: usize = 64;

/// The oldest and the newest opset whose operators are understood.
pub const OPSETS: std::ops::RangeInclusive<i64> = 9..=25;
