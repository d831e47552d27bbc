//! The comparison as a plot: the mean best so far against queries, a line for each strategy with a band of two standard errors, as an SVG file
//! or as an HTML page with the SVG in it.

use std::path::Path;

use edgefit_search::simulate::{Ideal, Summary};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Comparison, Plan};
use crate::error::{Error, ErrorKind, Result};
use crate::report::chart::{Axis, Frame, Scale, points, px};
use crate::run_folder::write_whole;

/// Colors that people who see few of them tell apart (Okabe and Ito 2008), and three more.
const COLORS: [&str; 10] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a", "#7b3294", "#a6611a", "#111111"];

/// The first queries, one in so many, are left out where the axis is laid: they would press the rest together.
const SKIPPED: usize = 20;

/// What the drawing needs of a style sheet.
const STYLE: &str = "svg { background: #ffffff; max-width: 960px } text { font: 12px sans-serif; fill: #444444 } \
    .grid { stroke: #e2e2e2 } .axis { stroke: #666666 } .line { fill: none; stroke-width: 2 } .band { stroke: none; fill-opacity: 0.15 }";

const SIZE: (f64, f64) = (900.0, 520.0);

/// Whether a file of this name can hold a plot.
///
/// # Errors
/// When its name ends neither in `.svg` nor in `.html`.
pub fn check_name(file: &Path) -> Result<()> {
    match file.extension().and_then(|end| end.to_str()) {
        Some("svg" | "html") => Ok(()),
        _ => Err(Error::new(ErrorKind::Usage, format!("--plot {}: name a file in .html or .svg", file.display()))),
    }
}

/// Writes the plot whole, or not at all.
///
/// # Errors
/// As [`check_name`], and when the file cannot be written.
pub fn write_plot(comparison: &Comparison, file: &Path) -> Result<()> {
    check_name(file)?;
    let svg = svg(comparison);
    let is_page = file.extension().is_some_and(|end| end == "html");
    let text = if is_page { page(comparison, &svg).into_string() } else { svg };
    Ok(write_whole(file, text.as_bytes())?)
}

fn page(comparison: &Comparison, svg: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "edgefit simulate" } }
            body { pre { (super::text(comparison)) } (PreEscaped(svg)) }
        }
    }
}

fn svg(comparison: &Comparison) -> String {
    let (plan, sign) = (&comparison.plan, sign(comparison));
    let mean = |summary: &Summary| summary.mean.iter().map(|mean| sign * mean).collect::<Vec<f64>>();
    let later = |summary: &Summary| mean(summary).split_off((plan.queries / SKIPPED).min(plan.queries - 1));
    let scale = Scale::linear(comparison.summaries.iter().flat_map(later));
    let low = scale.low();
    let x = Axis::new("queries", Scale::between(0.0, plan.queries as f64));
    let frame = Frame::new(x, Axis::new(title(comparison), scale), SIZE.0, SIZE.1);
    let content = html! {
        style { (PreEscaped(STYLE)) }
        @for (at, (candidate, summary)) in plan.candidates.iter().zip(&comparison.summaries).enumerate() {
            @let color = COLORS[at % COLORS.len()];
            (line(&frame, &mean(summary), &errors(plan, summary), low, color))
            @let y = frame.bottom() - 18.0 * (plan.candidates.len() - at) as f64;
            line x1=(px(frame.right() - 250.0)) x2=(px(frame.right() - 226.0)) y1=(px(y - 4.0)) y2=(px(y - 4.0)) stroke=(color) stroke-width="3" {}
            text x=(px(frame.right() - 220.0)) y=(px(y)) { (candidate.label()) }
        }
    };
    let description = format!("{} strategies, {} repeats", plan.candidates.len(), plan.repeats);
    let drawn = frame.draw("Best so far against queries", &description, &content).into_string();
    drawn.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1)
}

/// A mean and two standard errors around it, from where it is on the axis.
fn line(frame: &Frame, mean: &[f64], errors: &[f64], low: f64, color: &str) -> Markup {
    let first = mean.iter().position(|value| value.is_finite() && *value >= low).unwrap_or(mean.len());
    let corner = |at: usize, value: f64| (frame.x((at + 1) as f64), frame.y(value.max(low)));
    let range = first..mean.len();
    let middle: Vec<(f64, f64)> = range.clone().map(|at| corner(at, mean[at])).collect();
    let upper = range.clone().map(|at| corner(at, mean[at] + 2.0 * errors[at]));
    let lower = range.rev().map(|at| corner(at, mean[at] - 2.0 * errors[at]));
    let band: Vec<(f64, f64)> = upper.chain(lower).collect();
    html! {
        polygon.band points=(points(&band)) fill=(color) {}
        polyline.line points=(points(&middle)) stroke=(color) {}
    }
}

fn errors(plan: &Plan, summary: &Summary) -> Vec<f64> {
    let root = (plan.repeats as f64).sqrt();
    let finite = |deviation: &f64| if deviation.is_finite() { deviation / root } else { 0.0 };
    summary.deviation.iter().map(finite).collect()
}

/// Losses are accuracies turned round.
fn sign(comparison: &Comparison) -> f64 {
    match comparison.benchmark.ideal() {
        Ideal::Loss(_) => -1.0,
        Ideal::Hypervolume { .. } => 1.0,
    }
}

fn title(comparison: &Comparison) -> String {
    match comparison.benchmark.ideal() {
        Ideal::Loss(_) => format!("mean best {}", comparison.plan.accuracy_column),
        Ideal::Hypervolume { .. } => "mean share of the hypervolume".to_owned(),
    }
}
