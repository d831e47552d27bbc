//! The power chip of a Raspberry Pi 5, which measures current and voltage of its rails: `vcgencmd pmic_read_adc`.

/// Reads the power of all rails in watts, or says why not; `None` where the program is not there or does not answer.
pub(super) fn reader(
    ask: impl Fn(&str, &str) -> Option<String> + Send + 'static,
) -> impl FnMut() -> Option<Result<f64, String>> + Send + 'static {
    move || Some(power_w(&ask("vcgencmd", "pmic_read_adc")?))
}

/// Sum of current times voltage over the rails. A voltage without current, such as that of the 5 V input, is no rail.
fn power_w(answer: &str) -> Result<f64, String> {
    let currents: Vec<(&str, f64)> = answer.lines().filter_map(|line| value(line, CURRENT)).collect();
    let voltages: Vec<(&str, f64)> = answer.lines().filter_map(|line| value(line, VOLTAGE)).collect();
    if currents.is_empty() {
        let said = answer.lines().next().unwrap_or_default().trim();
        return Err(format!("vcgencmd pmic_read_adc names no current: {said}"));
    }
    currents.iter().try_fold(0.0, |sum, (rail, ampere)| {
        let voltage = voltages.iter().find(|(name, _)| name == rail);
        let (_, volt) = voltage.ok_or_else(|| format!("vcgencmd pmic_read_adc names no voltage of {rail}"))?;
        Ok(sum + ampere * volt)
    })
}

/// What stands behind a rail's name, before its value, and behind that.
type Form = [&'static str; 3];

const CURRENT: Form = ["_A", "current(", "A"];
const VOLTAGE: Form = ["_V", "volt(", "V"];

/// Rail and value of a line such as `VDD_CORE_A current(7)=0.88032000A`.
fn value(line: &str, form: Form) -> Option<(&str, f64)> {
    let [suffix, kind, unit] = form;
    let (name, reading) = line.trim().split_once(' ')?;
    let (what, value) = reading.trim().split_once('=')?;
    let value = what.starts_with(kind).then(|| value.strip_suffix(unit))??;
    Some((name.strip_suffix(suffix)?, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::recorded;

    #[test]
    fn the_rails_are_summed() {
        let power_w = power_w(recorded::PMIC_READ_ADC).unwrap();
        assert!((power_w - (0.37 + 0.66 + 0.97)).abs() < 1e-6, "{power_w}");
    }

    #[test]
    fn an_older_board_and_half_an_answer_are_no_power() {
        assert!(power_w("error=1 error_msg=\"Command not registered\"\n").unwrap_err().contains("not registered"));
        assert!(power_w("").is_err());
        let half: String = recorded::PMIC_READ_ADC.lines().take(4).collect::<Vec<_>>().join("\n");
        assert!(power_w(&half).unwrap_err().contains("3V3_SYS"));
    }
}
