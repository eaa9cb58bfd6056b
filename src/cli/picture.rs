//! The picture of a path: every coefficient over the strength of the penalty, as an SVG.

use super::report::cannot_write;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use ridgepoint::{Error, Result};
use std::path::Path;

/// What is drawn.
pub struct Picture {
    /// The heading.
    pub title: String,
    /// A line below the heading.
    pub subtitle: String,
    /// What the horizontal axis shows.
    pub strength: String,
    /// Strengths, descending, all positive.
    pub strengths: Vec<f64>,
    /// How many features are in use at each strength.
    pub counts: Vec<usize>,
    /// The strength the user asked for.
    pub chosen: Option<f64>,
    /// Names, and one value per strength.
    pub lines: Vec<(String, Vec<f64>)>,
}

/// Okabe and Ito's colours, told apart with any colour vision, and four more for crowded pictures.
pub(super) const COLOURS: [RGBColor; 12] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 94, 240),
    RGBColor(148, 82, 0),
    RGBColor(34, 34, 34),
    RGBColor(170, 170, 0),
    RGBColor(0, 90, 70),
    RGBColor(190, 30, 80),
];
pub(super) const GREY: RGBColor = RGBColor(196, 196, 196);
pub(super) const INK: RGBColor = RGBColor(60, 60, 60);
pub(super) const FAINT: RGBColor = RGBColor(228, 228, 228);
/// In pixels, as shown.
const SIZE: (u32, u32) = (960, 600);
/// The canvas has this many units to a pixel: coordinates are whole numbers, and lines through whole pixels look bent.
pub(super) const FINE: u32 = 8;
/// Between the names at the ends of the lines, in pixels.
const LINE_HEIGHT: i32 = 17;

/// A number with three significant digits, without a needless exponent.
pub(super) fn short(x: f64) -> String {
    let size = x.abs();
    if size == 0.0 || !x.is_finite() {
        return "0".into();
    }
    if !(1e-3..1e5).contains(&size) {
        return format!("{x:.1e}");
    }
    let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

pub(super) fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", fine(size)).into_font().color(&INK)
}

pub(super) fn fine(pixels: u32) -> u32 {
    pixels * FINE
}

/// A place on the canvas.
pub(super) fn at(x: i32, y: i32) -> (i32, i32) {
    (x * FINE as i32, y * FINE as i32)
}

/// Heights for labels that want to stand at `wanted` (ascending), at least `gap` apart and within `range`.
fn spaced(wanted: &[i32], gap: i32, range: (i32, i32)) -> Vec<i32> {
    let mut at = wanted.to_vec();
    for i in 1..at.len() {
        at[i] = at[i].max(at[i - 1] + gap);
    }
    let mut limit = range.1;
    for y in at.iter_mut().rev() {
        *y = (*y).min(limit);
        limit = *y - gap;
    }
    at
}

type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;
type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Where a line ends on the canvas, and what is written there.
struct End {
    at: (i32, i32),
    name: String,
    colour: RGBColor,
}

impl Picture {
    /// Writes the SVG.
    pub fn write(&self, path: &Path) -> Result<()> {
        let svg = self.svg().map_err(|e| {
            Error::input(path.display().to_string(), format!("the picture cannot be drawn: {e}"), "report this")
        })?;
        std::fs::write(path, svg).map_err(|e| cannot_write(path, &e))
    }

    fn svg(&self) -> std::result::Result<String, Box<dyn std::error::Error>> {
        let mut svg = String::new();
        self.draw(&mut svg)?;
        let size = |unit: u32| format!("<svg width=\"{}\" height=\"{}\"", SIZE.0 * unit, SIZE.1 * unit);
        Ok(svg.replacen(&size(FINE), &size(1), 1))
    }

    /// Lines by the size they reach, greatest first: these get colours and names.
    fn ranked(&self) -> Vec<&(String, Vec<f64>)> {
        let size = |line: &(String, Vec<f64>)| line.1.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let mut ranked: Vec<_> = self.lines.iter().collect();
        ranked.sort_by(|a, b| size(b).total_cmp(&size(a)));
        ranked
    }

    fn bounds(&self) -> ((f64, f64), (f64, f64)) {
        let values = || self.lines.iter().flat_map(|(_, v)| v.iter().copied());
        let (low, high) = values().fold((0.0f64, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
        let pad = if high > low { 0.05 * (high - low) } else { 1.0 };
        let x = |s: f64| -s.log10();
        let (first, last) = (x(self.strengths[0]), x(self.strengths[self.strengths.len() - 1]));
        let last = if last > first { last } else { first + 1.0 };
        ((first, last), (low - pad, high + pad))
    }

    fn draw(&self, svg: &mut String) -> Outcome {
        let root = SVGBackend::with_string(svg, (fine(SIZE.0), fine(SIZE.1))).into_drawing_area();
        root.fill(&WHITE)?;
        root.draw(&Text::new(self.title.clone(), at(66, 16), font(24)))?;
        root.draw(&Text::new(self.subtitle.clone(), at(66, 46), font(14)))?;
        let ((first, last), (low, high)) = self.bounds();
        let body = root.margin(fine(94), fine(10), fine(6), fine(168));
        let mut chart = ChartBuilder::on(&body)
            .x_label_area_size(fine(50))
            .y_label_area_size(fine(60))
            .build_cartesian_2d(first..last, low..high)?;
        chart
            .configure_mesh()
            .bold_line_style(FAINT.stroke_width(FINE))
            .light_line_style(WHITE)
            .axis_style(INK.stroke_width(FINE))
            .set_all_tick_mark_size(fine(4))
            .label_style(font(13))
            .axis_desc_style(font(14))
            .x_desc(self.strength.as_str())
            .x_labels(9)
            .y_labels(9)
            .x_label_formatter(&|x| short(10f64.powf(-x)))
            .y_label_formatter(&|y| short(*y))
            .draw()?;
        let zero = [(first, 0.0), (last, 0.0)];
        chart.draw_series(LineSeries::new(zero, INK.stroke_width(FINE)))?;
        self.counted(&root, &chart, high)?;
        let names = self.lined(&mut chart)?;
        if let Some(chosen) = self.chosen.filter(|c| (first..=last).contains(&-c.log10())) {
            let x = -chosen.log10();
            let ends = [(x, low), (x, high)];
            chart.draw_series(DashedLineSeries::new(ends, fine(6), fine(4), INK.stroke_width(FINE)))?;
            let (left, bottom) = chart.backend_coord(&(x, low));
            let style = font(13).pos(Pos::new(HPos::Left, VPos::Bottom));
            let (right, up) = at(6, -6);
            root.draw(&Text::new(format!("chosen: {}", short(chosen)), (left + right, bottom + up), style))?;
        }
        let range = (chart.backend_coord(&(last, high)).1, chart.backend_coord(&(last, low)).1);
        named(&root, names, range)?;
        if self.lines.len() > COLOURS.len() {
            let text = format!("and {} smaller, in grey", self.lines.len() - COLOURS.len());
            root.draw(&Text::new(text, at(SIZE.0 as i32 - 160, SIZE.1 as i32 - 26), font(12)))?;
        }
        root.present()?;
        Ok(())
    }

    /// Above the chart: how many features are in use.
    fn counted(&self, root: &Canvas, chart: &Chart, high: f64) -> Outcome {
        let style = font(12).pos(Pos::new(HPos::Center, VPos::Bottom));
        for ix in (0..self.counts.len()).step_by(self.counts.len().div_ceil(9)) {
            let (x, y) = chart.backend_coord(&(-self.strengths[ix].log10(), high));
            root.draw(&Text::new(self.counts[ix].to_string(), (x, y - at(0, 4).1), style.clone()))?;
        }
        let (x, y) = chart.backend_coord(&(-self.strengths[self.strengths.len() - 1].log10(), high));
        let style = font(12).pos(Pos::new(HPos::Left, VPos::Bottom));
        root.draw(&Text::new("features in use", (x + at(18, 0).0, y - at(0, 4).1), style))?;
        Ok(())
    }

    /// The lines, the small ones first; gives the ends of those that get a name.
    fn lined(&self, chart: &mut Chart) -> std::result::Result<Vec<End>, Box<dyn std::error::Error>> {
        let x: Vec<f64> = self.strengths.iter().map(|s| -s.log10()).collect();
        let mut ends = Vec::new();
        for (rank, (name, values)) in self.ranked().into_iter().enumerate().rev() {
            let colour = COLOURS.get(rank).copied();
            let points = || x.iter().copied().zip(values.iter().copied());
            let width = if colour.is_some() { 2 * FINE } else { FINE };
            chart.draw_series(LineSeries::new(points(), colour.unwrap_or(GREY).stroke_width(width)))?;
            if let (Some(colour), Some(end)) = (colour, points().next_back()) {
                ends.push(End { at: chart.backend_coord(&end), name: name.clone(), colour });
            }
        }
        Ok(ends)
    }
}

/// The names at the ends of the lines, moved apart where they would overlap.
fn named(root: &Canvas, mut ends: Vec<End>, range: (i32, i32)) -> Outcome {
    ends.sort_by_key(|end| end.at.1);
    let heights: Vec<i32> = ends.iter().map(|end| end.at.1).collect();
    for (End { at: (x, from), name, colour }, y) in ends.iter().zip(spaced(&heights, at(0, LINE_HEIGHT).1, range)) {
        let across = |pixels: i32| x + at(pixels, 0).0;
        let leader = vec![(*x, *from), (across(8), y), (across(14), y)];
        root.draw(&PathElement::new(leader, colour.stroke_width(FINE)))?;
        let style = font(14).color(colour).pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(clipped(name), (across(18), y), style))?;
    }
    Ok(())
}

fn clipped(name: &str) -> String {
    if name.chars().count() <= 20 { name.into() } else { name.chars().take(19).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_and_stay_inside() {
        assert_eq!(spaced(&[10, 12, 100], 15, (0, 120)), [10, 25, 100]);
        assert_eq!(spaced(&[110, 112, 118], 15, (0, 120)), [90, 105, 120]);
        assert!(spaced(&[], 15, (0, 120)).is_empty());
    }

    #[test]
    fn numbers_are_short() {
        let cases =
            [(0.0, "0"), (12345.0, "12345"), (-0.5, "-0.5"), (0.0123, "0.0123"), (1e-7, "1.0e-7"), (44.6, "44.6")];
        assert!(cases.iter().all(|(x, text)| short(*x) == *text), "{:?}", cases.map(|(x, _)| short(x)));
    }

    #[test]
    fn a_picture_has_its_lines_names_and_choice() {
        let strengths = [10.0, 1.0, 0.1];
        let lines = (0..14).map(|i| (format!("name{i}"), vec![0.0, f64::from(i), 2.0 * f64::from(i)])).collect();
        let picture = Picture {
            title: "t <&>".into(),
            subtitle: String::new(),
            strength: "l1".into(),
            strengths: strengths.to_vec(),
            counts: vec![0, 13, 13],
            chosen: Some(1.0),
            lines,
        };
        let svg = picture.svg().expect("drawable");
        assert!(svg.starts_with("<svg width=\"960\" height=\"600\" viewBox=\"0 0 7680 4800\""), "{svg}");
        assert!(
            svg.contains("name13")
                && svg.contains("chosen: 1")
                && svg.contains("and 2 smaller")
                && svg.contains("&lt;&amp;&gt;")
        );
        assert!(svg.matches("<polyline").count() >= 14);
    }
}
