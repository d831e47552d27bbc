//! Numbers of variable length, as protobuf writes them.

/// Most bytes of a number of variable length.
const MAX_VARINT_BYTES: usize = 10;

/// A number and how many bytes it takes; `None` if it does not end. Seven bits a byte, the lowest first; the highest bit says that
/// another byte follows.
pub(crate) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(MAX_VARINT_BYTES).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}
