//! A look at the protobuf structure before it is decoded: every length inside of its message, bounded depth, bounded count.
//!
//! A few bytes of protobuf can decode to a struct of hundreds, and nested messages to any depth of recursion. After this
//! walk, which takes no memory, a file decodes to at most a bounded multiple of its size. Every number is looked at as well: the
//! decoder does not return from one of ten bytes that does not end.

use super::ImportError;
use crate::limits::{MAX_DEPTH, MAX_FIELDS};
use crate::wire;

/// The messages of ONNX that the decoder descends into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    Shape,
    /// A message whose fields are all plain.
    Plain,
    /// No message, but numbers of variable length one behind the other.
    Numbers,
}

impl Message {
    /// What is in field `number`, or `None` for plain values and what the decoder skips (onnx.proto3 of ONNX 1.17).
    fn child(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6) => Some(Self::Graph),
            (Self::Graph, 1) => Some(Self::Node),
            (Self::Graph | Self::Attribute, 5) => Some(Self::Tensor),
            (Self::Graph, 11..=13) => Some(Self::ValueInfo),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::ValueInfo, 2) | (Self::SequenceType, 1) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::Type, 4) => Some(Self::SequenceType),
            (Self::TensorType, 2) => Some(Self::Shape),
            (Self::Tensor, 5 | 7) => Some(Self::Numbers),
            (Self::Model, 8 | 14) | (Self::Tensor, 13) | (Self::Shape, 1) => Some(Self::Plain),
            _ => None,
        }
    }
}

/// Checks that a file can be decoded within the limits.
pub(super) fn scan(file: &[u8]) -> Result<(), ImportError> {
    let mut scan = Scan { file, position: 0, fields: 0 };
    scan.message(Message::Model, file.len(), 0)
}

struct Scan<'a> {
    file: &'a [u8],
    position: usize,
    fields: u64,
}

impl Scan<'_> {
    fn message(&mut self, message: Message, end: usize, depth: usize) -> Result<(), ImportError> {
        if depth >= MAX_DEPTH {
            return Err(ImportError::TooComplex { what: "levels of nested messages", limit: MAX_DEPTH as u64 });
        }
        while self.position < end {
            self.fields += 1;
            if self.fields > MAX_FIELDS {
                return Err(ImportError::TooComplex { what: "fields", limit: MAX_FIELDS });
            }
            self.field(message, end, depth)?;
        }
        Ok(())
    }

    fn field(&mut self, message: Message, end: usize, depth: usize) -> Result<(), ImportError> {
        let tag = self.varint(end)?;
        match tag & 7 {
            0 => self.varint(end).map(|_| ()),
            1 => self.skip(8, end),
            2 => self.delimited(message.child(tag >> 3), end, depth),
            5 => self.skip(4, end),
            other => Err(malformed(self.position, &format!("has a field of wire type {other}"))),
        }
    }

    fn delimited(&mut self, child: Option<Message>, end: usize, depth: usize) -> Result<(), ImportError> {
        let length = self.varint(end)?;
        let inner = self.checked(length, end)?;
        match child {
            Some(Message::Numbers) => self.numbers(inner),
            Some(message) => self.message(message, inner, depth + 1),
            None => {
                self.position = inner;
                Ok(())
            }
        }
    }

    fn skip(&mut self, length: u64, end: usize) -> Result<(), ImportError> {
        self.position = self.checked(length, end)?;
        Ok(())
    }

    /// Where the next `length` bytes end, which must not be behind the message.
    fn checked(&self, length: u64, end: usize) -> Result<usize, ImportError> {
        let left = (end - self.position) as u64;
        if length > left {
            return Err(ImportError::Truncated { offset: self.position, announced: length, left });
        }
        Ok(self.position + length as usize)
    }

    fn numbers(&mut self, end: usize) -> Result<(), ImportError> {
        while self.position < end {
            self.varint(end)?;
        }
        Ok(())
    }

    fn varint(&mut self, end: usize) -> Result<u64, ImportError> {
        let (value, length) = wire::varint(&self.file[self.position..end])
            .ok_or_else(|| malformed(self.position, "has a number that does not end"))?;
        self.position += length;
        Ok(value)
    }
}

fn malformed(position: usize, what: &str) -> ImportError {
    ImportError::Malformed(format!("at byte {position} it {what}"))
}

#[cfg(test)]
mod tests {
    use super::{ImportError, scan};

    fn nested(depth: usize) -> Vec<u8> {
        // An attribute's graph (6) holds a node (1) that holds an attribute (5).
        let levels = [0x32, 0x0a, 0x2a];
        let inner = (0..depth).rev().fold(Vec::new(), |inner: Vec<u8>, i| wrapped(levels[i % 3], inner));
        wrapped(0x3a, wrapped(0x0a, wrapped(0x2a, inner)))
    }

    fn wrapped(tag: u8, inner: Vec<u8>) -> Vec<u8> {
        assert!(inner.len() < 128, "one byte of length");
        let mut outer = vec![tag, inner.len() as u8];
        outer.extend(inner);
        outer
    }

    #[test]
    fn refuses_what_would_not_decode() {
        let check = |bytes: &[u8], expected: &str| {
            let found = scan(bytes).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{bytes:?}: {found}");
        };
        check(&[], "");
        check(&[0x08, 0x07], "");
        check(&[0x3a, 0x02, 0x08, 0x01], "");
        check(&[0x3a, 0x03, 0x08, 0x01], "at byte 2 it announces 3 bytes and has 2");
        check(&[0x3a, 0x02, 0x12, 0x05, 0, 0, 0, 0, 0], "at byte 4 it announces 5 bytes and has 0");
        check(&[0x08, 0xff], "number that does not end");
        check(&[&[0x08][..], &[0xff; 12]].concat(), "number that does not end");
        check(&[&[0x3a, 0x10, 0x2a, 0x0e, 0x3a, 0x0c], &[0xff; 12][..]].concat(), "number that does not end");
        check(&[0x0b, 0x0c], "wire type 3");
        check(&[0x0d, 0, 0], "announces 4 bytes and has 2");
        check(&[0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "announces 18446744073709551615");
    }

    #[test]
    fn refuses_deep_nesting() {
        assert_eq!(scan(&nested(9)), Ok(()));
        assert!(matches!(scan(&nested(20)), Err(ImportError::TooComplex { .. })));
    }

    #[test]
    fn refuses_many_small_messages() {
        let many: Vec<u8> = std::iter::repeat_n([0x0a, 0x00], 2_000_001).flatten().collect();
        let mut file = vec![0x3a];
        file.extend(rten_onnx::protobuf::varint::encode_varint(many.len() as u64, &mut [0; 10]));
        file.extend(many);
        assert!(matches!(scan(&file), Err(ImportError::TooComplex { .. })));
    }
}
