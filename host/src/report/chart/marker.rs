//! The marks that stand for networks in a plot, told apart by form as well as by color, and the legend of a plot.

use maud::{Markup, html};

use super::frame::{points, px};

/// A kind of mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// A network that was measured.
    Dot,
    /// A network that was only predicted.
    Ring,
    /// A network on the front.
    FrontDot,
    /// A network that was trained to the end.
    Diamond,
    /// The winner.
    Star,
    /// Another predictor's word.
    Cross,
    /// A line that must not be crossed.
    Bound,
    /// A band of values.
    Band,
}

impl Marker {
    /// The mark at a place; `tip` is shown when the pointer rests on it.
    pub(crate) fn at(self, x: f64, y: f64, tip: &str) -> Markup {
        html! {
            g class=(self.class()) {
                title { (tip) }
                (self.shape(x, y))
            }
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Ring => "ring",
            Self::FrontDot => "front-dot",
            Self::Diamond => "diamond",
            Self::Star => "star",
            Self::Cross => "cross",
            Self::Bound => "bound",
            Self::Band => "band",
        }
    }

    fn shape(self, x: f64, y: f64) -> Markup {
        match self {
            Self::Dot | Self::Ring => html! { circle cx=(px(x)) cy=(px(y)) r="4" {} },
            Self::FrontDot => html! { circle cx=(px(x)) cy=(px(y)) r="5.5" {} },
            Self::Diamond => html! { polygon points=(points(&diamond(x, y, 7.0))) {} },
            Self::Star => html! { polygon points=(points(&star(x, y, 11.0))) {} },
            Self::Cross => {
                let d = format!("M{:.1},{:.1}l7,7m0,-7l-7,7", x - 3.5, y - 3.5);
                html! { path d=(d) {} }
            }
            Self::Bound => html! { line x1=(px(x - 9.0)) x2=(px(x + 9.0)) y1=(px(y)) y2=(px(y)) {} },
            Self::Band => html! { rect x=(px(x - 9.0)) y=(px(y - 5.0)) width="18" height="10" {} },
        }
    }
}

fn diamond(x: f64, y: f64, size: f64) -> Vec<(f64, f64)> {
    vec![(x, y - size), (x + size, y), (x, y + size), (x - size, y)]
}

/// Five points, the first at the top; the inner corners lie on a circle of 0.45 of the size.
fn star(x: f64, y: f64, size: f64) -> Vec<(f64, f64)> {
    let corner = |at: u32| {
        let radius = if at.is_multiple_of(2) { size } else { size * 0.45 };
        let angle = std::f64::consts::PI * f64::from(at) / 5.0;
        (x + radius * angle.sin(), y - radius * angle.cos())
    };
    (0..10).map(corner).collect()
}

/// The marks of a plot and what they stand for.
pub(crate) fn legend(entries: &[(Marker, &str)]) -> Markup {
    html! {
        ul.legend {
            @for (marker, meaning) in entries {
                li {
                    svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" { (marker.at(12.0, 12.0, meaning)) }
                    (meaning)
                }
            }
        }
    }
}
