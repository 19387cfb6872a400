//! Curves as an SVG picture, on logarithmic scales, readable on light and dark pages.

use std::fmt::Write;

use crate::Outcome;
use crate::growth::Curve;

/// The picture, and the rectangle of the curves in it, in pixels.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 500.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 370.0;
/// Powers of ten: up to 100,000 things, and from 10 µs to 1 s.
const DECADES_ACROSS: i32 = 5;
const DECADES_UP: std::ops::RangeInclusive<i32> = 1..=6;
/// Colors that differ on both backgrounds, by people who see fewer colors too.
const COLORS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];
const UNITS: [&str; 6] = ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"];

pub(crate) fn svg(curves: &[Curve]) -> Outcome<String> {
    let mut svg = String::new();
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>Time against size, on logarithmic scales</title>\n\
         <style>text {{ fill: #24292f }} .grid {{ stroke: #8c959f; stroke-width: 0.5 }} \
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} }}</style>"
    )?;
    for power in 0..=DECADES_ACROSS {
        let (x, number) = (across(10_f64.powi(power)), 10_usize.pow(power.unsigned_abs()));
        writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/>")?;
        let y = BOTTOM + 18.0;
        writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{number}</text>")?;
    }
    for (power, unit) in DECADES_UP.zip(UNITS) {
        let y = up(10_f64.powi(power));
        writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>")?;
        let (x, y) = (LEFT - 8.0, y + 4.0);
        writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{unit}</text>")?;
    }
    for (index, (curve, color)) in curves.iter().zip(COLORS).enumerate() {
        let points = curve.points.iter();
        let points = points.map(|&(size, took)| (across(size as f64), up(took)));
        let line: Vec<_> = points.clone().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let line = line.join(" ");
        writeln!(
            svg,
            "<polyline points=\"{line}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>"
        )?;
        for (x, y) in points {
            writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>")?;
        }
        let (x, y) = (RIGHT + 20.0, TOP + 20.0 + 44.0 * index as f64);
        let text_x = x + 18.0;
        writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"{color}\"/>")?;
        writeln!(svg, "<text x=\"{text_x}\" y=\"{:.1}\">{}</text>", y + 4.0, curve.name)?;
        writeln!(svg, "<text x=\"{text_x}\" y=\"{:.1}\">by {}</text>", y + 20.0, curve.sizes)?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn across(size: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * size.log10() / f64::from(DECADES_ACROSS)
}

fn up(micros: f64) -> f64 {
    let (low, high) = (f64::from(*DECADES_UP.start()), f64::from(*DECADES_UP.end()));
    BOTTOM - (BOTTOM - TOP) * (micros.log10() - low) / (high - low)
}
