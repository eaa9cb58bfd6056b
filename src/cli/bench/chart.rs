//! Charts of a page: lines and dots over logarithmic axes, as SVG.

use super::digits;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

type Failure = Box<dyn std::error::Error>;

/// Okabe and Ito's colours, told apart with any colour vision.
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];
const INK: RGBColor = RGBColor(60, 60, 60);
const FAINT: RGBColor = RGBColor(228, 228, 228);
const SIZE: (u32, u32) = (960, 520);

/// A line through points, with a name in the legend.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// Drawn broken, without marks.
    pub guide: bool,
}

/// A dot with a label beside it.
pub struct Dot {
    pub name: String,
    pub at: (f64, f64),
    /// Index of its colour.
    pub colour: usize,
}

/// A chart over logarithmic axes.
pub struct Chart<'a> {
    pub x: &'a str,
    pub y: &'a str,
    pub x_label: fn(f64) -> String,
    pub lines: Vec<Line>,
    pub dots: Vec<Dot>,
}

/// The range of some positive numbers, wider by a factor; nothing if there is none.
fn range(values: impl Iterator<Item = f64>, wider: f64) -> Option<(f64, f64)> {
    let (low, high) =
        values.filter(|v| *v > 0.0 && v.is_finite()).fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
    (high > 0.0).then_some((low / wider, high * wider))
}

fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

impl Chart<'_> {
    /// The SVG; empty if there is nothing to draw.
    pub fn svg(&self) -> Result<String, Failure> {
        let mut svg = String::new();
        let points = || self.lines.iter().flat_map(|l| l.points.iter().copied()).chain(self.dots.iter().map(|d| d.at));
        let (Some(xs), Some(ys)) = (range(points().map(|p| p.0), 1.15), range(points().map(|p| p.1), 2.0)) else {
            return Ok(svg);
        };
        {
            let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            root.fill(&WHITE)?;
            let mut chart = ChartBuilder::on(&root)
                .margin(12)
                .margin_right(170)
                .x_label_area_size(46)
                .y_label_area_size(64)
                .build_cartesian_2d((xs.0..xs.1).log_scale(), (ys.0..ys.1).log_scale())?;
            chart
                .configure_mesh()
                .bold_line_style(FAINT)
                .light_line_style(WHITE)
                .axis_style(INK)
                .label_style(font(13))
                .axis_desc_style(font(14))
                .x_desc(self.x)
                .y_desc(self.y)
                .x_label_formatter(&|x| (self.x_label)(*x))
                .y_label_formatter(&|y| digits(*y))
                .draw()?;
            for (ix, line) in self.lines.iter().enumerate() {
                let colour = if line.guide { INK } else { COLOURS[ix % COLOURS.len()] };
                if line.guide {
                    chart.draw_series(DashedLineSeries::new(
                        line.points.iter().copied(),
                        6,
                        4,
                        colour.stroke_width(1),
                    ))?;
                } else {
                    chart.draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?;
                    chart.draw_series(line.points.iter().map(|p| Circle::new(*p, 3, colour.filled())))?;
                }
                if let Some(end) = line.points.last() {
                    let at = chart.backend_coord(end);
                    let style = font(13).color(&colour).pos(Pos::new(HPos::Left, VPos::Center));
                    root.draw(&Text::new(line.name.clone(), (at.0 + 8, at.1), style))?;
                }
            }
            for dot in &self.dots {
                let colour = COLOURS[dot.colour % COLOURS.len()];
                chart.draw_series([Circle::new(dot.at, 4, colour.filled())])?;
            }
            self.label(&root, &chart)?;
            root.present()?;
        }
        // it scales with the page
        Ok(svg.replacen(&format!("width=\"{}\" height=\"{}\"", SIZE.0, SIZE.1), "width=\"100%\"", 1))
    }

    /// The names of the dots, from above, each moved down where it would cover another.
    fn label<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, plotters::coord::Shift>,
        chart: &ChartContext<
            '_,
            DB,
            Cartesian2d<plotters::coord::combinators::LogCoord<f64>, plotters::coord::combinators::LogCoord<f64>>,
        >,
    ) -> Result<(), Failure>
    where
        DB::ErrorType: 'static,
    {
        const HEIGHT: i32 = 13;
        let mut dots: Vec<_> = self.dots.iter().map(|d| (chart.backend_coord(&d.at), d)).collect();
        dots.sort_by_key(|(at, _)| (at.1, at.0));
        let mut taken: Vec<(i32, i32, i32)> = Vec::new();
        for ((x, y), dot) in dots {
            let (left, width) = (x + 7, 7 * dot.name.chars().count() as i32);
            let free =
                |at: i32| !taken.iter().any(|&(l, r, t)| left < r && l < left + width && (t - at).abs() < HEIGHT);
            let place =
                (0..12).flat_map(|k| [y + k * HEIGHT / 2, y - k * HEIGHT / 2]).find(|&at| free(at)).unwrap_or(y);
            taken.push((left, left + width, place));
            let style = font(12).color(&COLOURS[dot.colour % COLOURS.len()]).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(dot.name.clone(), (left, place), style))?;
        }
        Ok(())
    }
}
