//! What serde says of a section that another crate defines, in the words of the other errors of a search file.

use super::suggestion::{listed, nearest};

/// A serde error, taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Fault<'m> {
    /// The key that the type does not have.
    pub(super) unknown_key: Option<&'m str>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl<'m> Fault<'m> {
    /// Takes the texts apart that serde's derived code and its `Error` trait document; leaves others as they are.
    pub(super) fn of(message: &'m str) -> Self {
        if let Some(rest) = message.strip_prefix("unknown field ") {
            return Self::unknown(rest);
        }
        let told = match message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected ")) {
            Some((found, expected)) => format!("takes {expected}, not {found}"),
            None if message.starts_with("data did not match any variant") => {
                "has a form that is not possible here".to_owned()
            }
            None => message.to_owned(),
        };
        Self { unknown_key: None, message: told, help: None }
    }

    /// From the key on, which stands in backticks like the known ones behind it.
    fn unknown(rest: &'m str) -> Self {
        let mut quoted = rest.split('`').skip(1).step_by(2);
        let typed = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        let help = match nearest(typed, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", listed(&known)),
        };
        Self { unknown_key: Some(typed), message: "unknown key".to_owned(), help: Some(help) }
    }
}
