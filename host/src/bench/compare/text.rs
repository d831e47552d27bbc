//! The comparison for people.

use std::fmt::{self, Write};

use super::{Comparison, Row, Score};
use crate::bench::text::{write_device, write_runtime};

/// The comparison as lines of text.
pub fn render(comparison: &Comparison) -> String {
    let mut text = String::new();
    write_comparison(&mut text, comparison).expect("writing into a string does not fail");
    text
}

fn write_comparison(text: &mut String, comparison: &Comparison) -> fmt::Result {
    if let Some(device) = &comparison.device {
        write_device(text, device)?;
    }
    if let Some(runtime) = &comparison.runtime {
        write_runtime(text, runtime)?;
    }
    let settings = &comparison.settings;
    writeln!(text, "batch     {} rounds in random order, seed {}", settings.processes, settings.seed)?;
    if let Some(data) = &comparison.data {
        writeln!(text, "data      {}, {} test images, split by seed {}", data.name, data.images, data.seed)?;
    }
    if let Some(Score { lambda, normalization, reference_ms }) = &comparison.score {
        writeln!(text, "score     accuracy - {lambda} * median / {reference_ms:.4} ms ({normalization})")?;
    }
    write_table(text, &comparison.models)?;
    write_noise(text, &comparison.models)?;
    for row in &comparison.models {
        row.flags.iter().try_for_each(|flag| writeln!(text, "warning   {}: {flag}", row.name))?;
    }
    comparison.validity.flags.iter().try_for_each(|flag| writeln!(text, "warning   {flag}"))?;
    match &comparison.error {
        Some(error) => writeln!(text, "error     {}: {}", error.kind, error.message),
        None => Ok(()),
    }
}

fn write_table(text: &mut String, rows: &[Row]) -> fmt::Result {
    let names = rows.iter().map(|row| row.name.chars().count());
    let width = names.max().unwrap_or(0).max(5);
    writeln!(
        text,
        "{:<width$} {:>10} {:>20} {:>7} {:>14} {:>9} {:>10} {:>12} {:>8} {:>8}",
        "model",
        "median ms",
        "95 % interval",
        "ratio",
        "95 % interval",
        "peak KiB",
        "parameters",
        "MACs",
        "accuracy",
        "score"
    )?;
    rows.iter().try_for_each(|row| write_row(text, row, width))
}

fn write_row(text: &mut String, row: &Row, width: usize) -> fmt::Result {
    let [low, high] = row.median_ci95_ms;
    let [ratio_low, ratio_high] = row.ratio_ci95;
    writeln!(
        text,
        "{:<width$} {:>10.4} {:>20} {:>7.3} {:>14} {:>9} {:>10} {:>12} {:>8} {:>8}",
        row.name,
        row.median_ms,
        format!("{low:.4} to {high:.4}"),
        row.ratio,
        format!("{ratio_low:.3} to {ratio_high:.3}"),
        or_dash(row.peak_rss_kb),
        or_dash(row.params),
        or_dash(row.macs),
        or_dash(row.accuracy.map(|accuracy| format!("{accuracy:.4}"))),
        or_dash(row.score.map(|score| format!("{score:.4}")))
    )
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Which differences are none.
fn write_noise(text: &mut String, rows: &[Row]) -> fmt::Result {
    let Some((first, others)) = rows.split_first() else { return Ok(()) };
    for row in others {
        if row.within_noise {
            writeln!(text, "{} and {}: the difference in latency is within the noise", first.name, row.name)?;
        }
        if row.accuracy_within_noise == Some(true) {
            writeln!(text, "{} and {}: the difference in accuracy is within the noise", first.name, row.name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::{DataSection, Normalization, ScoreRule, tests::comparison};
    use crate::device::validity::Flag;

    #[test]
    fn the_rule_of_the_score_and_what_is_within_the_noise_are_said() {
        let mut comparison = comparison();
        let data = DataSection { name: "digits".into(), images: 2, seed: 7 };
        comparison.add_accuracies(data, &[vec![true, true], vec![true, true], vec![true, false]]);
        comparison.add_scores(ScoreRule { lambda: 0.1, normalization: Normalization::Given(2.1) });
        comparison.validity.flags.push(Flag::CanaryDrifting { ratio: 1.2 });
        let text = render(&comparison);
        for part in [
            "accuracy - 0.1 * median / 2.1000 ms (given)",
            "digits, 2 test images, split by seed 7",
            "a and again: the difference in latency is within the noise",
            "the canary took 1.200 of its first time",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains("a and twice: the difference in latency"), "{text}");
    }
}
