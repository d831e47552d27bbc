//! The frame of a plot: axes with titles, marks and grid, and where a pair of values lies in it.

use maud::{Markup, html};

use super::scale::{Scale, Tick};

/// Space left of, above, right of and below the plot area, in the units of the drawing.
const LEFT: f64 = 64.0;
const TOP: f64 = 14.0;
const RIGHT: f64 = 16.0;
const BOTTOM: f64 = 50.0;

/// One axis.
pub(crate) struct Axis {
    /// What it shows, with the unit.
    pub(crate) title: String,
    /// What it covers.
    pub(crate) scale: Scale,
    /// Factor between values and marks: 100 where shares are marked in percent.
    pub(crate) factor: f64,
}

impl Axis {
    pub(crate) fn new(title: impl Into<String>, scale: Scale) -> Self {
        Self { title: title.into(), scale, factor: 1.0 }
    }

    /// Marked in percent.
    pub(crate) fn percent(title: impl Into<String>, scale: Scale) -> Self {
        Self { factor: 100.0, ..Self::new(title, scale) }
    }

    fn label(&self, tick: &Tick) -> String {
        let decimals = if self.factor == 100.0 { tick.decimals.saturating_sub(2) } else { tick.decimals };
        let number = format!("{:.decimals$}", tick.value * self.factor);
        if number == "-0" { "0".to_owned() } else { number }
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
        self.left() + self.x.scale.place(value) * (self.right() - self.left())
    }

    /// Where a value of the vertical axis lies.
    pub(crate) fn y(&self, value: f64) -> f64 {
        self.bottom() - self.y.scale.place(value) * (self.bottom() - self.top())
    }

    /// Whether a pair of values lies in the plot area.
    pub(crate) fn holds(&self, x: f64, y: f64) -> bool {
        self.x.scale.holds(x) && self.y.scale.holds(y)
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
            @for tick in self.x.scale.ticks(6) {
                @let x = px(self.x(tick.value));
                line.grid x1=(x) x2=(x) y1=(top) y2=(bottom) {}
                text.tick x=(x) y=(px(self.bottom() + 18.0)) text-anchor="middle" { (self.x.label(&tick)) }
            }
            @for tick in self.y.scale.ticks(5) {
                @let y = px(self.y(tick.value));
                line.grid x1=(left) x2=(right) y1=(y) y2=(y) {}
                text.tick x=(px(self.left() - 8.0)) y=(px(self.y(tick.value) + 4.0)) text-anchor="end" { (self.y.label(&tick)) }
            }
            line.axis x1=(left) x2=(right) y1=(bottom) y2=(bottom) {}
            line.axis x1=(left) x2=(left) y1=(top) y2=(bottom) {}
        }
    }

    fn titles(&self) -> Markup {
        let (middle_x, middle_y) = ((self.left() + self.right()) / 2.0, (self.top() + self.bottom()) / 2.0);
        html! {
            text.title x=(px(middle_x)) y=(px(self.height - 10.0)) text-anchor="middle" { (scaled_title(&self.x)) }
            text.title transform={ "translate(16 " (px(middle_y)) ") rotate(-90)" } text-anchor="middle" { (scaled_title(&self.y)) }
        }
    }
}

fn scaled_title(axis: &Axis) -> String {
    if axis.scale.is_log() { format!("{}, logarithmic", axis.title) } else { axis.title.clone() }
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
        Frame::new(x, Axis::percent("accuracy (%)", Scale::between(0.9, 1.0)), 400.0, 300.0)
    }

    #[test]
    fn the_corners_of_the_area_are_the_ends_of_the_scales() {
        let frame = frame();
        assert_eq!((frame.x(0.0), frame.x(10.0)), (frame.left(), frame.right()));
        assert_eq!((frame.y(0.9), frame.y(1.0)), (frame.bottom(), frame.top()));
        assert!(frame.holds(5.0, 0.95) && !frame.holds(11.0, 0.95) && !frame.holds(5.0, 0.8));
    }

    #[test]
    fn marks_are_in_the_unit_of_the_title_and_texts_are_escaped() {
        let drawn = frame().draw("<plot>", "a \"plot\"", &html! {}).into_string();
        assert!(drawn.contains(">92<") && drawn.contains(">100<"), "{drawn}");
        assert!(drawn.contains("&lt;plot&gt;: a &quot;plot&quot;"), "{drawn}");
    }
}
