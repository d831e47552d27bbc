//! The name that was probably meant.

/// Jaro-Winkler similarity from which on a name is taken for a misspelling of another; 1 is equality.
const LEAST_SIMILARITY: f64 = 0.8;

/// The most similar of the names, if one is similar enough.
pub(crate) fn nearest<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let scored = names.map(|name| (strsim::jaro_winkler(typed, name), name));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score >= LEAST_SIMILARITY).map(|(_, name)| name)
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_finds_its_name_and_a_stranger_does_not() {
        let names = ["preset", "file", "blocks"];
        let check =
            |typed: &str, expected: Option<&str>| assert_eq!(nearest(typed, names.into_iter()), expected, "{typed}");
        check("presett", Some("preset"));
        check("prset", Some("preset"));
        check("block", Some("blocks"));
        check("temperature", None);
    }

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }
}
