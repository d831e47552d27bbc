//! Weights that a model keeps in files beside it ("external data" of ONNX): found, and put inside.
//!
//! A rewrite of the protobuf's bytes: what is no such tensor stays as it is, also what this crate does not know. A damaged file is left
//! to whoever reads it next. The files themselves are opened by the caller.

use rten_onnx::protobuf::varint::{MAX_VARINT_LEN, encode_varint};

use crate::limits::MAX_DEPTH;
use crate::wire::varint;

/// Where the bytes of a tensor are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalData {
    /// Name of the tensor.
    pub tensor: String,
    /// File, relative to the folder of the model.
    pub location: String,
    /// First byte of the tensor in it.
    pub offset: u64,
    /// Number of bytes; to the end of the file when `None`.
    pub length: Option<u64>,
}

/// The model with all its data inside; `None` where it is inside already. `read` gets the bytes of a tensor.
///
/// # Errors
/// The first error of `read`.
pub fn inline_external<E>(
    file: &[u8],
    read: &mut dyn FnMut(&ExternalData) -> Result<Vec<u8>, E>,
) -> Result<Option<Vec<u8>>, E> {
    has_external(Message::Model, file, 0).then(|| rewritten(Message::Model, file, read)).transpose()
}

/// The messages of ONNX that tensors are in (onnx.proto3 of ONNX 1.17).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
}

impl Message {
    fn child(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Graph, 1) => Some(Self::Node),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Some(Self::Tensor),
            _ => None,
        }
    }
}

const TENSOR_NAME: u64 = 8;
const TENSOR_RAW_DATA: u64 = 9;
const TENSOR_EXTERNAL_DATA: u64 = 13;
const TENSOR_DATA_LOCATION: u64 = 14;

/// The value of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// A field: its number, its value, and all its bytes.
struct Field<'a> {
    number: u64,
    value: Value<'a>,
    whole: &'a [u8],
}

/// The fields of a message, up to its end or its first damage.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let all = self.0;
        let (tag, mut at) = varint(all)?;
        let value = match tag & 7 {
            0 => {
                let (value, length) = varint(&all[at..])?;
                at += length;
                Value::Varint(value)
            }
            2 => {
                let (length, of_length) = varint(&all[at..])?;
                let begin = at + of_length;
                at = begin.checked_add(usize::try_from(length).ok()?)?;
                Value::Bytes(all.get(begin..at)?)
            }
            1 | 5 => {
                at += if tag & 7 == 1 { 8 } else { 4 };
                Value::Fixed
            }
            _ => return None,
        };
        let whole = all.get(..at)?;
        self.0 = &all[at..];
        Some(Field { number: tag >> 3, value, whole })
    }
}

fn has_external(message: Message, bytes: &[u8], depth: usize) -> bool {
    if message == Message::Tensor {
        return Fields(bytes).any(|field| field.number == TENSOR_DATA_LOCATION && field.value == Value::Varint(1));
    }
    depth < MAX_DEPTH
        && Fields(bytes).any(|field| match (message.child(field.number), field.value) {
            (Some(child), Value::Bytes(inner)) => has_external(child, inner, depth + 1),
            _ => false,
        })
}

/// A message in which a tensor is external. Each level ends: it was walked through by [`has_external`].
fn rewritten<E>(
    message: Message,
    bytes: &[u8],
    read: &mut dyn FnMut(&ExternalData) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let mut written = Vec::with_capacity(bytes.len());
    let mut fields = Fields(bytes);
    for field in fields.by_ref() {
        match (message.child(field.number), field.value) {
            (Some(child), Value::Bytes(inner)) if has_external(child, inner, 0) => {
                let inner = match child {
                    Message::Tensor => inlined(inner, &read(&place(inner))?),
                    _ => rewritten(child, inner, read)?,
                };
                push_bytes(&mut written, field.number, &inner);
            }
            _ => written.extend_from_slice(field.whole),
        }
    }
    written.extend_from_slice(fields.0);
    Ok(written)
}

fn place(tensor: &[u8]) -> ExternalData {
    let mut place = ExternalData { tensor: String::new(), location: String::new(), offset: 0, length: None };
    for field in Fields(tensor) {
        match (field.number, field.value) {
            (TENSOR_NAME, Value::Bytes(name)) => place.tensor = text(name),
            (TENSOR_EXTERNAL_DATA, Value::Bytes(entry)) => set(&mut place, entry),
            _ => {}
        }
    }
    place
}

/// An entry is a key, field 1, and a value, field 2; both are text.
fn set(place: &mut ExternalData, entry: &[u8]) {
    let part = |number| {
        Fields(entry).find_map(|field| match field.value {
            Value::Bytes(bytes) if field.number == number => Some(text(bytes)),
            _ => None,
        })
    };
    let value = part(2).unwrap_or_default();
    match part(1).as_deref() {
        Some("location") => place.location = value,
        Some("offset") => place.offset = value.parse().unwrap_or(0),
        Some("length") => place.length = value.parse().ok(),
        _ => {}
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn inlined(tensor: &[u8], data: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(tensor.len() + data.len());
    let stays =
        |field: &Field<'_>| !matches!(field.number, TENSOR_RAW_DATA | TENSOR_EXTERNAL_DATA | TENSOR_DATA_LOCATION);
    Fields(tensor).filter(stays).for_each(|field| written.extend_from_slice(field.whole));
    push_bytes(&mut written, TENSOR_RAW_DATA, data);
    written
}

fn push_bytes(written: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    push_varint(written, number << 3 | 2);
    push_varint(written, bytes.len() as u64);
    written.extend_from_slice(bytes);
}

fn push_varint(written: &mut Vec<u8>, value: u64) {
    written.extend(encode_varint(value, &mut [0; MAX_VARINT_LEN]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(u64, &[u8])]) -> Vec<u8> {
        let mut written = Vec::new();
        fields.iter().for_each(|(number, bytes)| push_bytes(&mut written, *number, bytes));
        written
    }

    /// A tensor of the name `w` whose last four of eight bytes in `w.bin` are meant, in a graph in a model.
    fn model(is_external: bool) -> Vec<u8> {
        let entry = |key: &str, value: &str| message(&[(1, key.as_bytes()), (2, value.as_bytes())]);
        let (location, offset, length) = (entry("location", "w.bin"), entry("offset", "4"), entry("length", "4"));
        let mut tensor = match is_external {
            true => message(&[(8, b"w"), (13, &location), (13, &offset), (13, &length)]),
            false => message(&[(8, b"w"), (9, b"5678")]),
        };
        if is_external {
            push_varint(&mut tensor, TENSOR_DATA_LOCATION << 3);
            push_varint(&mut tensor, 1);
        }
        message(&[(2, b"somebody"), (7, &message(&[(2, b"g"), (5, &tensor), (99, b"unknown")]))])
    }

    fn read(place: &ExternalData) -> Result<Vec<u8>, String> {
        let wanted = ExternalData { tensor: "w".into(), location: "w.bin".into(), offset: 4, length: Some(4) };
        if *place == wanted { Ok(b"5678".to_vec()) } else { Err(format!("{place:?}")) }
    }

    #[test]
    fn data_from_another_file_comes_inside_and_all_else_stays() {
        assert_eq!(inline_external(&model(true), &mut read), Ok(Some(model(false))));
        assert_eq!(inline_external(&model(false), &mut read), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_the_error() {
        let failed = inline_external(&model(true), &mut |_| Err::<Vec<u8>, _>("no such file"));
        assert_eq!(failed, Err("no such file"));
    }

    #[test]
    fn a_cut_file_is_left_to_others() {
        let whole = model(true);
        for end in 0..whole.len() {
            assert_eq!(inline_external(&whole[..end], &mut read), Ok(None), "{end}");
        }
    }
}
