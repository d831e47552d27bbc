//! Where the winner spends its time: what the runtime executed, put together by the layers of the network.
//!
//! A runtime splits and fuses layers and names its parts after them, so a part belongs to the layer whose name it begins with.

use maud::{Markup, html};

use super::data::{Layer, Profile, ReportData, Winner};
use super::tables::bar;
use crate::quantity;

/// Layers with a smaller share of the latency are listed apart.
const SMALL_SHARE: f64 = 0.01;

/// A layer of the network with everything that the runtime executed for it.
#[derive(Debug, PartialEq)]
struct Part<'w> {
    name: &'w str,
    /// What it was executed as, the longest first.
    operators: Vec<&'w str>,
    milliseconds: f64,
}

/// The layers on each device.
pub(super) fn draw(data: &ReportData, winner: &Winner) -> Markup {
    let is_alone = data.devices.len() == 1;
    html! {
        @for device in &data.devices {
            @if let Some(profile) = &device.profile {
                @if !is_alone { h3 { "On " (device.name) } }
                (on_device(profile, &winner.node_names))
            }
        }
    }
}

/// The layers in the order of execution, and what the times are.
fn on_device(profile: &Profile, node_names: &[String]) -> Markup {
    let parts = parts(profile, node_names);
    let total: f64 = parts.iter().map(|part| part.milliseconds).sum();
    let is_large = |part: &&Part<'_>| part.milliseconds >= SMALL_SHARE * total;
    let (large, small): (Vec<&Part<'_>>, Vec<&Part<'_>>) = parts.iter().partition(is_large);
    let of_small: f64 = small.iter().map(|part| part.milliseconds).sum();
    html! {
        (table(&large, total))
        @if !small.is_empty() {
            details {
                summary { (small.len()) " layers with less than 1 % each, together " (share(of_small, total)) }
                (table(&small, total))
            }
        }
        (note(profile))
    }
}

fn note(profile: &Profile) -> Markup {
    html! {
        p.note {
            "Mean times of a profiled run"
            @if let Some(scale) = profile.scale { ", multiplied by " (quantity::significant(scale, 3)) " so that they sum to the median that was measured without a profile" }
            ". Operators are what the runtime executed for a layer, the longest first."
        }
    }
}

fn table(parts: &[&Part<'_>], total: f64) -> Markup {
    let most = parts.iter().map(|part| part.milliseconds).fold(0.0, f64::max);
    html! {
        div.wide { table.bars {
            thead { tr { th scope="col" { "Layer" } th scope="col" { "Executed as" } th.number scope="col" { "Time" } th.number scope="col" { "Share" } td {} } }
            tbody { @for part in parts {
                tr {
                    th scope="row" { (part.name) }
                    td { (part.operators.join(", ")) }
                    td.number { (time(part.milliseconds, total)) }
                    td.number { (share(part.milliseconds, total)) }
                    td.bar { (bar(part.milliseconds, most)) }
                }
            } }
        } }
    }
}

/// In microseconds where the whole takes less than a millisecond.
fn time(milliseconds: f64, total: f64) -> String {
    if total < 1.0 {
        format!("{} µs", quantity::significant(milliseconds * 1e3, 3))
    } else {
        quantity::milliseconds(milliseconds)
    }
}

fn share(part: f64, total: f64) -> String {
    let share = if total > 0.0 { part / total } else { 0.0 };
    format!("{:.1} %", 100.0 * share)
}

/// The layers in the order in which their first part was executed.
fn parts<'p>(profile: &'p Profile, node_names: &'p [String]) -> Vec<Part<'p>> {
    let mut grouped: Vec<(&str, Vec<&Layer>)> = Vec::new();
    for layer in &profile.layers {
        let name = owner(&layer.name, node_names);
        match grouped.iter_mut().find(|(known, _)| *known == name) {
            Some((_, layers)) => layers.push(layer),
            None => grouped.push((name, vec![layer])),
        }
    }
    grouped.into_iter().map(|(name, layers)| part(name, layers)).collect()
}

fn part<'w>(name: &'w str, mut layers: Vec<&'w Layer>) -> Part<'w> {
    let milliseconds = layers.iter().map(|layer| layer.milliseconds).sum();
    layers.sort_by(|a, b| b.milliseconds.total_cmp(&a.milliseconds));
    let mut operators: Vec<&str> = Vec::new();
    for layer in layers {
        if !operators.contains(&layer.operator.as_str()) {
            operators.push(&layer.operator);
        }
    }
    Part { name, operators, milliseconds }
}

/// The longest of the names that an executed node's own name begins with; its own where there is none.
fn owner<'n>(executed: &'n str, names: &'n [String]) -> &'n str {
    let owns = |name: &&String| {
        let rest = executed.strip_prefix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/', '_', ':']))
    };
    names.iter().filter(owns).max_by_key(|name| name.len()).map_or(executed, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executed_node_belongs_to_the_longest_name_that_it_begins_with() {
        let names = ["stem", "stem.conv", "stem.conv1"].map(str::to_owned);
        let check = |executed: &str, expected: &str| assert_eq!(owner(executed, &names), expected);
        check("stem.conv.einsum.pack_a", "stem.conv");
        check("stem.conv", "stem.conv");
        check("stem.conv1.pad", "stem.conv1");
        check("stem.other", "stem");
        check("head", "head");
    }

    #[test]
    fn nothing_of_the_time_is_lost_when_layers_are_put_together() {
        let sample = crate::report::tests::sample();
        let (profile, winner) = (sample.devices[0].profile.as_ref().unwrap(), sample.winner.unwrap());
        let sum = |times: &[f64]| times.iter().sum::<f64>();
        let whole: Vec<f64> = profile.layers.iter().map(|layer| layer.milliseconds).collect();
        let parts = parts(profile, &winner.node_names);
        let grouped: Vec<f64> = parts.iter().map(|part| part.milliseconds).collect();
        assert!((sum(&whole) - sum(&grouped)).abs() < 1e-12);
        assert!(parts.len() < profile.layers.len(), "nothing was put together");
    }
}
