//! The framing: a whole stream of bytes, read as the agent reads it. The reader is compiled from the agent's own file, so that
//! fuzzing it does not build the runtimes.

#![no_main]

mod entry;
#[expect(dead_code, reason = "only the reader of bodies is fuzzed")]
#[path = "../../../src/stream.rs"]
mod reader;

use edgefit_protocol::frame::FrameHeader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    entry::header(bytes);
    entry::stream(bytes, reader::read_body);
    // A checksum is not found by chance: the same bytes as the body of a right frame.
    let frame = [&FrameHeader::of(bytes).to_bytes(), bytes].concat();
    entry::stream(&frame, reader::read_body);
});
