//! Bodies and headers of frames, as bytes from anywhere.

#![no_main]

#[expect(dead_code, reason = "streams are fuzzed by the other target")]
mod entry;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    entry::body(bytes);
    entry::header(bytes);
});
