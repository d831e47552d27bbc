//! Numbers with their units as people read them, the same on the terminal and in the report.
//!
//! For files and JSON, numbers are written whole instead.

/// A number with so many significant digits, never in scientific notation: `0.0843`, `12.3`, `1,234`.
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let decimals = usize::try_from(digits as i32 - 1 - magnitude).unwrap_or_default();
    let (whole, fraction) = split(&format!("{value:.decimals$}"));
    format!("{}{fraction}", grouped(&whole))
}

/// A share as percent, two decimals: `98.25 %`.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.2} %", share * 100.0) } else { "unknown".to_owned() }
}

/// Milliseconds with three significant digits: `0.0843 ms`.
pub fn milliseconds(value: f64) -> String {
    format!("{} ms", significant(value, 3))
}

/// KiB, or MiB from 10 MiB on: `512 KiB`, `12.5 MiB`.
pub fn kib(value: f64) -> String {
    if value < 10.0 * 1024.0 {
        format!("{} KiB", significant(value, 3))
    } else {
        format!("{} MiB", significant(value / 1024.0, 3))
    }
}

/// A count, groups of three digits apart: `1,234,567`.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A time span, to what matters of it: `0.4 s`, `45 s`, `3 min 20 s`, `2 h 5 min`.
pub fn seconds(value: f64) -> String {
    if value < 10.0 && value.fract() != 0.0 {
        return format!("{:.1} s", value.max(0.0));
    }
    let whole = value.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// The sign and digits before the point, and the rest with the point.
fn split(number: &str) -> (String, String) {
    let at = number.find('.').unwrap_or(number.len());
    (number[..at].to_owned(), number[at..].to_owned())
}

/// Commas between groups of three digits.
fn grouped(whole: &str) -> String {
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_significant_digits() {
        let check = |value: f64, expected: &str| assert_eq!(significant(value, 3), expected);
        check(0.084_312, "0.0843");
        check(0.0, "0.00");
        check(1.0, "1.00");
        check(12.345, "12.3");
        check(1_234.5, "1,234");
        check(-0.5, "-0.500");
        check(f64::NAN, "unknown");
    }

    #[test]
    fn units_follow_the_size() {
        assert_eq!(percent(0.982_46), "98.25 %");
        assert_eq!(milliseconds(0.5), "0.500 ms");
        assert_eq!(kib(512.0), "512 KiB");
        assert_eq!(kib(20.0 * 1024.0), "20.0 MiB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
    }

    #[test]
    fn time_spans_say_what_matters() {
        let check = |value: f64, expected: &str| assert_eq!(seconds(value), expected);
        check(0.44, "0.4 s");
        check(7.0, "7 s");
        check(45.2, "45 s");
        check(200.0, "3 min 20 s");
        check(180.0, "3 min");
        check(7_500.0, "2 h 5 min");
    }
}
