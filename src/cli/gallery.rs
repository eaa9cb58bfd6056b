//! The page of all penalties: what each is, and a picture of it.

use super::picture::{COLOURS, FAINT, FINE, GREY, INK, at, fine, font};
use super::report::cannot_write;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use ridgepoint::penalty::{Entry, Parameters, Plane, Separable};
use ridgepoint::{Error, Result};
use std::fmt::Write as _;
use std::path::Path;

/// Writes the page.
pub fn write(all: &[Entry], path: &Path) -> Result<()> {
    let page = page(all).map_err(|e| {
        Error::input(path.display().to_string(), format!("a picture cannot be drawn: {e}"), "report this")
    })?;
    std::fs::write(path, page).map_err(|e| cannot_write(path, &e))
}

type Drawn<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// In pixels.
const SIZE: (u32, u32) = (420, 438);
/// Both axes go from minus this to this.
const REACH: f64 = 3.2;
/// Points of a line.
const POINTS: i32 = 640;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;color:#3c3c3c;max-width:62rem;margin:2rem auto;padding:0 1rem}\
nav{columns:4 11rem;font-size:.9rem}nav a{display:block}a{color:#0072b2;text-decoration:none}\
section{border-top:1px solid #e4e4e4;padding:1rem 0;display:flex;flex-wrap:wrap;gap:1.5rem}\
section>div{flex:1 1 24rem}h2{margin:.2rem 0}code{background:#f4f4f4;padding:.1rem .3rem;border-radius:3px}\
table{border-collapse:collapse;font-size:.9rem}td,th{text-align:left;padding:.1rem .8rem .1rem 0;vertical-align:top}\
dl{display:grid;grid-template-columns:7rem 1fr;gap:.1rem .5rem;font-size:.9rem}dd{margin:0}dt{color:#777}svg{max-width:100%}";

fn page(all: &[Entry]) -> Drawn<String> {
    let mut page = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    write!(page, "<title>Penalties</title><style>{STYLE}</style></head><body>\n<h1>Penalties</h1>\n")?;
    page.push_str(
        "<p>The objective is <code>smooth(w) + penalty(w)</code>, the proximal operator of a step <code>s</code> is \
         <code>argmin<sub>u</sub> ‖u − w‖²/(2s) + penalty(u)</code>. Pictures of functions of one number show the value, its \
         derivative and the proximal operator for step 1, at strength 1 and the defaults of all else; pictures of functions \
         of vectors show where they have the same value at two coefficients, or which those of a set are.</p>\n<nav>",
    );
    for entry in all {
        let name = escaped(&entry.name);
        write!(page, "<a href=\"#{name}\">{name}</a>")?;
    }
    page.push_str("</nav>\n");
    for entry in all {
        section(&mut page, entry)?;
    }
    page.push_str("</body></html>\n");
    Ok(page)
}

fn section(page: &mut String, entry: &Entry) -> Drawn<()> {
    let name = escaped(&entry.name);
    write!(page, "<section id=\"{name}\"><div>\n<h2>{name}</h2>\n<p>{}</p>\n", escaped(&entry.summary))?;
    writeln!(page, "<p><code>{}</code></p>", escaped(&entry.formula))?;
    let options = entry.options.iter().map(|o| (o.name, o.default.to_owned(), String::new(), o.meaning));
    let numbers = entry.parameters.iter().map(|p| (p.name, p.default.to_string(), p.range.to_string(), p.meaning));
    let rows: Vec<_> = numbers.chain(options).collect();
    if !rows.is_empty() {
        page.push_str("<table><tr><th>parameter<th>default<th>range<th>meaning</tr>");
        for (parameter, default, range, meaning) in rows {
            let cells = [parameter, &default, &range, meaning].map(escaped).join("<td>");
            write!(page, "<tr><td>{cells}</tr>")?;
        }
        page.push_str("</table>\n");
    }
    page.push_str("<dl>");
    let mut line = |term: &str, text: &str| -> Drawn<()> {
        if !text.is_empty() {
            write!(page, "<dt>{term}<dd>{}", escaped(text))?;
        }
        Ok(())
    };
    line("also called", &entry.aliases.join(", "))?;
    line("convex", if entry.convex { "yes" } else { "no" })?;
    if let Some(of) = entry.separable {
        line("kinks", &kinks(of))?;
    }
    line("elsewhere", &entry.elsewhere)?;
    line("source", &entry.source)?;
    page.push_str("</dl></div>\n");
    if let Some(of) = entry.separable {
        page.push_str(&scalar(of)?);
    } else if let Some(of) = entry.plane {
        page.push_str(&plane(entry, of)?);
    }
    page.push_str("</section>\n");
    Ok(())
}

/// The parameters of the picture: strong enough to be seen.
fn shown(of: &Separable) -> Parameters {
    let mut p = of.defaults();
    of.strengths().for_each(|ix| p[ix] = 1.0);
    p
}

fn kinks(of: &Separable) -> String {
    let all = (of.kinks)(&shown(of));
    if all.is_empty() {
        return "none".into();
    }
    let shown: Vec<String> = all.iter().take(6).map(ToString::to_string).collect();
    format!("{}{}", shown.join(", "), if all.len() > 6 { ", …" } else { "" })
}

/// A line broken where it leaves the picture or jumps.
fn pieces(f: impl Fn(f64) -> f64) -> Vec<Vec<(f64, f64)>> {
    let mut all = vec![Vec::new()];
    let mut last: Option<f64> = None;
    for ix in 0..=POINTS {
        let x = REACH * (2.0 * f64::from(ix) / f64::from(POINTS) - 1.0);
        let y = f(x);
        // steeper than anything that is smooth at this resolution
        let jumps = last.is_some_and(|l| (y - l).abs() > 0.3);
        if (jumps || y.abs() > REACH || !y.is_finite()) && all.last().is_some_and(|piece| !piece.is_empty()) {
            all.push(Vec::new());
        }
        last = Some(y);
        if y.abs() <= REACH
            && let Some(piece) = all.last_mut()
        {
            piece.push((x, y));
        }
    }
    all.retain(|piece| piece.len() > 1);
    all
}

fn resized(svg: &str) -> String {
    let size = |unit: u32| format!("<svg width=\"{}\" height=\"{}\"", SIZE.0 * unit, SIZE.1 * unit);
    svg.replacen(&size(FINE), &size(1), 1)
}

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn axes<'a>(root: &Canvas<'a>, names: [&str; 2]) -> Drawn<Chart<'a>> {
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root.margin(fine(34), fine(8), fine(8), fine(12)))
        .x_label_area_size(fine(34))
        .y_label_area_size(fine(38))
        .build_cartesian_2d(-REACH..REACH, -REACH..REACH)?;
    chart
        .configure_mesh()
        .bold_line_style(FAINT.stroke_width(FINE))
        .light_line_style(WHITE)
        .axis_style(FAINT.stroke_width(FINE))
        .label_style(font(12))
        .axis_desc_style(font(12))
        .x_desc(names[0])
        .y_desc(names[1])
        .x_labels(7)
        .y_labels(7)
        .x_label_formatter(&|v| format!("{v:.0}"))
        .y_label_formatter(&|v| format!("{v:.0}"))
        .draw()?;
    for line in [[(-REACH, 0.0), (REACH, 0.0)], [(0.0, -REACH), (0.0, REACH)]] {
        chart.draw_series(LineSeries::new(line, INK.stroke_width(FINE / 2)))?;
    }
    Ok(chart)
}

/// Value, derivative and proximal operator of a function of one number.
fn scalar(of: &Separable) -> Drawn<String> {
    let p = shown(of);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (fine(SIZE.0), fine(SIZE.1))).into_drawing_area();
        let mut chart = axes(&root, ["x", ""])?;
        let identity = [(-REACH, -REACH), (REACH, REACH)];
        chart.draw_series(DashedLineSeries::new(identity, fine(4), fine(4), GREY.stroke_width(FINE)))?;
        let within = |x: f64| {
            let [low, high] = (of.subdifferential)(x, &p);
            low <= high
        };
        let value = |x: f64| if (of.value)(x, &p) < 1e30 { (of.value)(x, &p) } else { f64::INFINITY };
        let lines: [(&str, Vec<Vec<(f64, f64)>>); 3] = [
            ("value", pieces(value)),
            ("derivative", pieces(|x| if within(x) { (of.grad)(x, &p) } else { f64::INFINITY })),
            ("proximal operator", pieces(|x| (of.prox)(x, 1.0, &p))),
        ];
        for (ix, (name, pieces)) in lines.into_iter().enumerate() {
            for piece in pieces {
                chart.draw_series(LineSeries::new(piece, COLOURS[ix].stroke_width(2 * FINE)))?;
            }
            let style = font(13).color(&COLOURS[ix]).pos(Pos::new(HPos::Left, VPos::Top));
            root.draw(&Text::new(name, at([52, 110, 200][ix], 10), style))?;
        }
        root.present()?;
    }
    Ok(resized(&svg))
}

/// Where a function of two numbers has the same value, or which points are in a set.
fn plane(entry: &Entry, of: Plane) -> Drawn<String> {
    const CELLS: i32 = 128;
    // a count of 1 is what two numbers can show
    let one = |name: &str| ["lambda", "l1", "l2", "k"].contains(&name);
    let p: Vec<f64> = entry.parameters.iter().map(|p| if one(p.name) { 1.0 } else { p.default }).collect();
    let place = |ix: i32| REACH * (2.0 * f64::from(ix) / f64::from(CELLS) - 1.0);
    let values: Vec<f64> = (0..=CELLS)
        .flat_map(|row| (0..=CELLS).map(move |column| (column, row)))
        .map(|(column, row)| of.value(place(column), place(row), &p))
        .collect();
    let value = |column: i32, row: i32| values[(row * (CELLS + 1) + column) as usize];
    // sets without an inside are seen by what is near
    let levels: &[f64] = if entry.set { &[0.05] } else { &[0.25, 0.5, 1.0, 1.5, 2.0, 3.0] };
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (fine(SIZE.0), fine(SIZE.1))).into_drawing_area();
        let mut chart = axes(&root, of.axes())?;
        for (ix, &level) in levels.iter().enumerate() {
            let colour = COLOURS[ix % COLOURS.len()];
            for row in 0..CELLS {
                for column in 0..CELLS {
                    let corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)];
                    let at = |c: (i32, i32)| (place(c.0), place(c.1));
                    let mut cut = Vec::new();
                    for side in 0..4 {
                        let (a, b) = (corners[side], corners[(side + 1) % 4]);
                        let (u, v) = (value(a.0, a.1) - level, value(b.0, b.1) - level);
                        if (u <= 0.0) != (v <= 0.0) {
                            let t = u / (u - v);
                            cut.push((at(a).0 + t * (at(b).0 - at(a).0), at(a).1 + t * (at(b).1 - at(a).1)));
                        }
                    }
                    if cut.len() == 2 {
                        chart.draw_series(LineSeries::new(cut, colour.stroke_width(2 * FINE)))?;
                    }
                }
            }
        }
        let text = if entry.set {
            "the set, and 0.05 around it".to_owned()
        } else {
            format!("value {}", levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        };
        root.draw(&Text::new(text, at(52, 10), font(13).pos(Pos::new(HPos::Left, VPos::Top))))?;
        root.present()?;
    }
    Ok(resized(&svg))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ridgepoint::penalty::catalogue;

    #[test]
    fn the_page_has_every_penalty_and_its_picture() {
        let all = catalogue();
        let page = page(&all).expect("drawable");
        for entry in &all {
            assert!(page.contains(&format!("<section id=\"{}\">", entry.name)), "{}", entry.name);
            assert!(page.contains(&escaped(&entry.source)), "{}", entry.name);
        }
        let drawn = all.iter().filter(|e| e.separable.is_some() || e.plane.is_some()).count();
        assert_eq!(page.matches("<svg ").count(), drawn);
        assert_eq!(page.matches("<svg width=\"420\" height=\"438\" viewBox=").count(), drawn);
    }

    #[test]
    fn lines_break_where_they_jump_and_where_they_leave() {
        assert_eq!(pieces(|x| if x > 0.5 { x } else { 0.0 }).len(), 2);
        assert_eq!(pieces(|x| if x.abs() < 1.0 { x } else { f64::INFINITY }).len(), 1);
        let square = pieces(|x| x * x);
        assert_eq!(square.len(), 1);
        assert!(square[0].iter().all(|(_, y)| (0.0..=REACH).contains(y)));
    }
}
