//! Balances over jobs, a line a strategy.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::error::EconomicsError;
use crate::simulation::{Line, Outcome, Strategy};

const SIZE: (u32, u32) = (960, 600);
/// Room for names on the right.
const NAMES: i32 = 250;
/// How far below zero the plot reaches, in best balances.
const DEPTH: f64 = 4.0;

/// The plot as an SVG document.
///
/// # Errors
/// [`EconomicsError::Plot`] when it cannot be drawn.
pub(crate) fn svg(outcome: &Outcome) -> Result<String, EconomicsError> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        draw(&area, outcome).map_err(|error| EconomicsError::Plot(error.to_string()))?;
        area.present().map_err(|error| EconomicsError::Plot(error.to_string()))?;
    }
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Failure<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

fn draw<'a>(area: &Area<'a>, outcome: &Outcome) -> Result<(), Failure<'a>> {
    area.fill(&WHITE)?;
    let points = || outcome.lines.values().flatten();
    let jobs = points().map(|(job, _)| *job).max().unwrap_or(1).max(1);
    let (mut low, mut high) = (0.0f64, 0.0f64);
    for (_, balance) in points() {
        (low, high) = (low.min(*balance), high.max(*balance));
    }
    // Some lose without end, which would press all others into one line: these leave the plot.
    low = low.max(-DEPTH * high.max(1.0));
    let room = (high - low) * 0.05;
    let mut chart = ChartBuilder::on(area)
        .caption(format!("Average balance: {}", outcome.title), ("sans-serif", 18))
        .margin(12)
        .margin_right(NAMES)
        .x_label_area_size(42)
        .y_label_area_size(56)
        .build_cartesian_2d(0..jobs, low - room..high + room)?;
    chart.configure_mesh().x_desc("jobs").y_desc("DFSN a validator").light_line_style(WHITE).draw()?;
    for (index, strategy) in Strategy::ALL.into_iter().enumerate() {
        let Some(line) = outcome.lines.get(&strategy) else { continue };
        let width = if strategy == Strategy::Honest { 3 } else { 1 };
        let style = color(index).stroke_width(width);
        // The first point below ends the line at the edge.
        let inside = line.iter().take_while(|(_, balance)| *balance >= low).count();
        let shown = line
            .iter()
            .take(inside + 1)
            .map(|(job, balance)| (*job, if *balance < low { low - room } else { *balance }));
        chart.draw_series(LineSeries::new(shown, style))?;
    }
    names(area, outcome)
}

/// Names on the right, from the highest balance down.
fn names<'a>(area: &Area<'a>, outcome: &Outcome) -> Result<(), Failure<'a>> {
    let last = |strategy: &Strategy| {
        outcome.lines.get(strategy).and_then(|line: &Line| line.last()).map(|point| point.1)
    };
    let mut order: Vec<(usize, Strategy)> =
        Strategy::ALL.into_iter().enumerate().filter(|(_, strategy)| last(strategy).is_some()).collect();
    order.sort_by(|a, b| last(&b.1).partial_cmp(&last(&a.1)).unwrap_or(std::cmp::Ordering::Equal));
    let x = SIZE.0 as i32 - NAMES + 8;
    for (row, (index, strategy)) in (0i32..).zip(order) {
        let y = 60 + 26 * row;
        let style = color(index).stroke_width(if strategy == Strategy::Honest { 3 } else { 2 });
        area.draw(&PathElement::new(vec![(x, y + 7), (x + 18, y + 7)], style))?;
        let balance = last(&strategy).unwrap_or_default();
        let name = format!("{} ({balance:.1})", strategy.name());
        area.draw(&Text::new(name, (x + 24, y), ("sans-serif", 14)))?;
    }
    Ok(())
}

/// Distinct colours: the honest line black, the others around the wheel.
fn color(index: usize) -> RGBColor {
    if index == 0 {
        return BLACK;
    }
    let shade = if index.is_multiple_of(2) { 0.35 } else { 0.5 };
    let (r, g, b) = HSLColor((index - 1) as f64 / 14.0, 0.75, shade).rgb();
    RGBColor(r, g, b)
}
