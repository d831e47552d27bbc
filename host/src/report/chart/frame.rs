//! The frame of a plot: axes with titles, marks and grid, and where a pair of values lies in it.

use maud::{Markup, html};

use super::scale::{Scale, Tick};

/// Space left of, above, right of and below the plot area, in the units of the drawing.
const LEFT: f64 = 64.0;
const TOP: f64 = 14.0;
const RIGHT: f64 = 16.0;
const BOTTOM: f64 = 50.0;

/// The smallest share of errors that an axis tells from none.
const LEAST_ERROR: f64 = 1e-4;

/// One axis.
pub(crate) struct Axis {
    title: String,
    scale: Scale,
    /// Whether its values are accuracies, spread by the errors that are left and marked in percent.
    is_accuracy: bool,
}

impl Axis {
    /// An axis with what it shows, its unit included.
    pub(crate) fn new(title: impl Into<String>, scale: Scale) -> Self {
        Self { title: title.into(), scale, is_accuracy: false }
    }

    /// An axis of accuracies from 0 to 1, marked in percent. Where their errors span much it is logarithmic in the errors, so that
    /// 99 and 99.5 % are as far apart as 80 and 90 %.
    pub(crate) fn accuracy(title: impl Into<String>, accuracies: impl IntoIterator<Item = f64>) -> Self {
        let errors: Vec<f64> = accuracies.into_iter().map(|accuracy| 1.0 - accuracy).collect();
        let least = errors.iter().copied().filter(|error| *error > LEAST_ERROR).fold(f64::INFINITY, f64::min);
        let spread = Scale::covering(errors.iter().map(|error| error.max(least / 2.0)));
        let scale = if spread.is_log() { spread } else { Scale::linear(errors).within(0.0, 1.0) };
        Self { title: title.into(), scale, is_accuracy: true }
    }

    fn place(&self, value: f64) -> f64 {
        if self.is_accuracy {
            1.0 - self.scale.place((1.0 - value).max(self.scale.low()))
        } else {
            self.scale.place(value)
        }
    }

    /// The places and labels of the marks.
    fn marks(&self, wanted: usize) -> Vec<(f64, String)> {
        let ticks = self.scale.ticks(wanted);
        ticks
            .iter()
            .map(|tick| (self.scale.place(tick.value), tick))
            .map(|(place, tick)| self.mark(place, tick))
            .collect()
    }

    fn mark(&self, place: f64, tick: &Tick) -> (f64, String) {
        if self.is_accuracy {
            let decimals = tick.decimals.saturating_sub(2);
            return (1.0 - place, format!("{:.decimals$}", (1.0 - tick.value) * 100.0));
        }
        let number = format!("{:.*}", tick.decimals, tick.value);
        (place, if number == "-0" { "0".to_owned() } else { number })
    }

    fn full_title(&self) -> String {
        match (self.scale.is_log(), self.is_accuracy) {
            (false, _) => self.title.clone(),
            (true, false) => format!("{}, log scale", self.title),
            (true, true) => format!("{}, log of errors", self.title),
        }
    }
}

/// A plot area with two axes.
pub(crate) struct Frame {
    x: Axis,
    y: Axis,
    width: f64,
    height: f64,
}

impl Frame {
    /// A drawing of this size, in units that the page scales to its width.
    pub(crate) fn new(x: Axis, y: Axis, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }

    pub(crate) fn left(&self) -> f64 {
        LEFT
    }

    pub(crate) fn right(&self) -> f64 {
        self.width - RIGHT
    }

    pub(crate) fn top(&self) -> f64 {
        TOP
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.height - BOTTOM
    }

    /// Where a value of the horizontal axis lies.
    pub(crate) fn x(&self, value: f64) -> f64 {
        self.across(self.x.place(value))
    }

    fn across(&self, place: f64) -> f64 {
        self.left() + place * (self.right() - self.left())
    }

    /// Where a value of the vertical axis lies.
    pub(crate) fn y(&self, value: f64) -> f64 {
        self.up(self.y.place(value))
    }

    fn up(&self, place: f64) -> f64 {
        self.bottom() - place * (self.bottom() - self.top())
    }

    /// The whole drawing: axes below, `content` above them. `title` and `description` are for those who cannot see it.
    pub(crate) fn draw(&self, title: &str, description: &str, content: &Markup) -> Markup {
        html! {
            svg viewBox={ "0 0 " (self.width) " " (self.height) } role="img" aria-label={ (title) ": " (description) } {
                (self.grid())
                g { (content) }
                (self.titles())
            }
        }
    }

    fn grid(&self) -> Markup {
        let (left, right, top, bottom) = (px(self.left()), px(self.right()), px(self.top()), px(self.bottom()));
        html! {
            @for (place, label) in self.x.marks(6) {
                @let x = px(self.across(place));
                line.grid x1=(x) x2=(x) y1=(top) y2=(bottom) {}
                text.tick x=(x) y=(px(self.bottom() + 18.0)) text-anchor="middle" { (label) }
            }
            @for (place, label) in self.y.marks(5) {
                @let y = px(self.up(place));
                line.grid x1=(left) x2=(right) y1=(y) y2=(y) {}
                text.tick x=(px(self.left() - 8.0)) y=(px(self.up(place) + 4.0)) text-anchor="end" { (label) }
            }
            line.axis x1=(left) x2=(right) y1=(bottom) y2=(bottom) {}
            line.axis x1=(left) x2=(left) y1=(top) y2=(bottom) {}
        }
    }

    fn titles(&self) -> Markup {
        let (middle_x, middle_y) = ((self.left() + self.right()) / 2.0, (self.top() + self.bottom()) / 2.0);
        html! {
            text.title x=(px(middle_x)) y=(px(self.height - 10.0)) text-anchor="middle" { (self.x.full_title()) }
            text.title transform={ "translate(16 " (px(middle_y)) ") rotate(-90)" } text-anchor="middle" { (self.y.full_title()) }
        }
    }
}

/// A coordinate as SVG has it, to a tenth.
pub(crate) fn px(value: f64) -> String {
    format!("{value:.1}")
}

/// The corners of a line in the plot area, as `points` of SVG has them.
pub(crate) fn points(corners: &[(f64, f64)]) -> String {
    corners.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let x = Axis::new("latency (ms)", Scale::between(0.0, 10.0));
        Frame::new(x, Axis::accuracy("accuracy (%)", [0.5, 0.99]), 400.0, 300.0)
    }

    #[test]
    fn the_corners_of_the_area_are_the_ends_of_the_scales() {
        let frame = frame();
        assert_eq!((frame.x(0.0), frame.x(10.0)), (frame.left(), frame.right()));
        assert!(frame.y(0.5) < frame.bottom() && frame.y(0.99) > frame.top());
    }

    #[test]
    fn accuracies_are_spread_by_their_errors() {
        let frame = frame();
        let step = |low: f64, high: f64| frame.y(low) - frame.y(high);
        assert!((step(0.8, 0.9) - step(0.98, 0.99)).abs() < 1e-9);
        assert_eq!(frame.y(1.0), frame.top(), "no error at all is at the top");
    }

    #[test]
    fn an_axis_of_accuracies_never_goes_beyond_all() {
        for accuracies in [vec![1.0], vec![1.0, 0.99], vec![1.0, 0.5], vec![0.0, 1.0], vec![]] {
            let axis = Axis::accuracy("accuracy", accuracies.clone());
            let labels: Vec<f64> = axis.marks(5).iter().map(|(_, label)| label.parse().unwrap()).collect();
            assert!(labels.iter().all(|label| (0.0..=100.0).contains(label)), "{accuracies:?}: {labels:?}");
            let places = accuracies.iter().map(|accuracy| axis.place(*accuracy));
            assert!(places.into_iter().all(|place| (0.0..=1.0).contains(&place)), "{accuracies:?}");
        }
    }

    #[test]
    fn marks_are_in_the_unit_of_the_title_and_texts_are_escaped() {
        let drawn = frame().draw("<plot>", "a \"plot\"", &html! {}).into_string();
        assert!(drawn.contains(">90<") && drawn.contains(">99<"), "{drawn}");
        assert!(drawn.contains("&lt;plot&gt;: a &quot;plot&quot;"), "{drawn}");
    }
}
