//! What a user writes to define a space: stages of blocks, blocks of layers or of a cell, and what may be chosen in them.
//!
//! These are the tables of the file and nothing more; what they mean is checked in `program`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A space of one's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// `"series"` reads an image as a series along its width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// Choices that are made once for the whole network, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub choices: BTreeMap<String, Value>,
    /// The stages, from the input on.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// The blocks that stages repeat, by name.
    #[serde(default)]
    pub blocks: BTreeMap<String, Block>,
}

/// A block, repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// How its choices are called; `stage1` and so on where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which block.
    pub block: Value,
    /// How often it stands one behind the other; once unless stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Value>,
    /// Channels of what its layers give that do not say it themselves; those of its input unless stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<Value>,
    /// By how much its first block lowers the resolution; not at all unless stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Value>,
    /// The choices with which it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// Conditions: for the name of a choice, the values it may have. All have to hold.
pub(super) type When = BTreeMap<String, Value>;

/// Layers one behind the other, or a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Whether its input is added to its output where the shapes allow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub residual: bool,
    /// Whether its choices are made once for all stages; else for each.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Its choices, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub choices: BTreeMap<String, Value>,
    /// Its layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
    /// Its cell, instead of layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// What it does, such as `conv`, or with its kernel `conv_3`.
    pub op: Value,
    /// Extent along each axis, where `op` does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Value>,
    /// Channels of its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<Value>,
    /// Channels of its output as a multiple of those of the block's input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expand: Option<Value>,
    /// Positions between its taps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dilation: Option<Value>,
    /// The nonlinearity behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Value>,
    /// Heads of attention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<Value>,
    /// By how much an MLP widens, or a squeeze narrows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Value>,
    /// The choices with which it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// Nodes in a row, an operation from each to each later one; a node is the sum of what comes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Nodes behind its input.
    pub nodes: usize,
    /// The operations to choose from for each edge, from cheap to costly.
    pub operations: Vec<String>,
    /// What it gives: the `last` node or all of them in a `join`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// A number or a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scalar {
    /// A whole number.
    Number(usize),
    /// A name.
    Name(String),
}

/// What stands in the file for something: one value, the name of a choice, or a list, which is a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One.
    One(Scalar),
    /// Several to choose from.
    Several(Vec<Scalar>),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(serializer),
            Self::Name(name) => name.serialize(serializer),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(scalar) => scalar.serialize(serializer),
            Self::Several(scalars) => scalars.serialize(serializer),
        }
    }
}

/// Reads a value; a list only where lists are taken.
struct ValueVisitor {
    takes_lists: bool,
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.takes_lists { "a number, a name or a list of them" } else { "a number or a name" })
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        let number = usize::try_from(number).map_err(|_| E::custom(format!("{number} is less than 0")))?;
        Ok(Value::One(Scalar::Number(number)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        let number = usize::try_from(number).map_err(|_| E::custom(format!("{number} is too large")))?;
        Ok(Value::One(Scalar::Number(number)))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Value, E> {
        Ok(Value::One(Scalar::Name(name.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        if !self.takes_lists {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let mut scalars = Vec::new();
        while let Some(scalar) = list.next_element()? {
            scalars.push(scalar);
        }
        Ok(Value::Several(scalars))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor { takes_lists: true })
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(ValueVisitor { takes_lists: false })? {
            Value::One(scalar) => Ok(scalar),
            Value::Several(_) => Err(de::Error::custom("takes no list")),
        }
    }
}
