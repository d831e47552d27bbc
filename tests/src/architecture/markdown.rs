//! The little of Markdown that the checks read: tables, code spans and fenced blocks.

/// The cells of the rows of the table under the heading `## title`, without the header.
pub(crate) fn table<'a>(text: &'a str, title: &str) -> Vec<Vec<&'a str>> {
    let rows = section(text, title).lines().filter(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The text between the heading `## title` and the next heading of that level, or nothing.
pub(crate) fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let heading = format!("\n## {title}\n");
    let Some(start) = text.find(&heading) else { return "" };
    let body = &text[start + heading.len()..];
    body.find("\n## ").map_or(body, |end| &body[..end])
}

/// What stands between single backticks, outside of fenced and indented blocks.
pub(crate) fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    let prose = lines(text).filter(|(is_code, line)| !is_code && !line.starts_with("    "));
    prose.flat_map(|(_, line)| line.split('`').skip(1).step_by(2))
}

/// The lines of fenced blocks.
pub(crate) fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    lines(text).filter(|(is_code, _)| *is_code).map(|(_, line)| line)
}

/// Each line with whether it is in a fenced block; the fences themselves are left out.
fn lines(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut is_code = false;
    text.lines().filter_map(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (!is_fence).then_some((is_code, line))
    })
}
