//! One page with everything: no script, no other file.

use super::chart::{Chart, Dot, Line};
use super::{digits, duration, remarks};
use ridgepoint::bench::{Comparison, Entry, Report, Suite, Verdict};
use ridgepoint::{Error, Result};
use std::fmt::Write as _;

const STYLE: &str = "\
body{font:15px/1.45 system-ui,sans-serif;color:#222;max-width:1080px;margin:2em auto;padding:0 1em}\
h1{font-size:1.5em;margin-bottom:.2em}h2{font-size:1.15em;margin-top:2em}p,small{color:#555}\
table{border-collapse:collapse;width:100%;font-size:14px}td,th{padding:3px 8px;text-align:left;border-bottom:1px solid #eee;white-space:nowrap}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.w{white-space:normal;color:#777;font-size:12.5px}\
.bar{display:inline-block;width:120px;height:10px;background:#eee;vertical-align:middle}.bar i{display:block;height:10px;background:#0072b2}\
.slow{color:#b30000}.fast{color:#006b45}svg{max-width:100%;height:auto}";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The page.
pub fn page(report: &Report, compared: &[(&str, Comparison)]) -> Result<String> {
    body(report, compared).map_err(|e| Error::input("bench", format!("the page cannot be drawn: {e}"), "report this"))
}

fn body(report: &Report, compared: &[(&str, Comparison)]) -> std::result::Result<String, Box<dyn std::error::Error>> {
    let adapter = &report.adapter;
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>ridgepoint bench: {0}</title><style>{STYLE}</style><h1>{0}</h1><p>{1}, {2}, {3}; {4} processors; \
         ridgepoint {5}; {6}; timed by the {7}</p>",
        escape(&adapter.name),
        escape(&adapter.backend),
        escape(&adapter.kind),
        escape(&adapter.driver),
        adapter.threads,
        escape(&report.version),
        escape(&report.date),
        format!("{:?}", report.clock).to_lowercase(),
    );
    let roofline = roofline(report).svg()?;
    if !roofline.is_empty() {
        let ridge = report.ridge().map_or_else(String::new, |r| {
            format!(
                "{} GB/s and {} GFLOP/s meet at the ridge point, {} operations per byte. ",
                digits(r.bandwidth * 1e-9),
                digits(r.compute * 1e-9),
                digits(r.intensity())
            )
        });
        write!(
            out,
            "<h2>Roofline</h2><p>{ridge}The broken line is the model, the blue one a kernel with that many operations \
             for each byte; dots are the engine's operations.</p>{roofline}"
        )?;
    }
    let bandwidth = bandwidth(report).svg()?;
    if !bandwidth.is_empty() {
        write!(out, "<h2>Bandwidth over footprints</h2>{bandwidth}")?;
    }
    for (place, comparison) in compared {
        changes(&mut out, place, comparison)?;
    }
    for suite in Suite::ALL {
        let entries: Vec<&Entry> = report.entries.iter().filter(|e| e.suite == suite).collect();
        if !entries.is_empty() {
            table(&mut out, suite, &entries)?;
        }
    }
    if !report.skipped.is_empty() {
        write!(out, "<h2>Not timed</h2><table>")?;
        for s in &report.skipped {
            let class = if s.failed { " class=\"slow\"" } else { "" };
            let (name, size, reason) = (escape(&s.name), escape(&s.size), escape(&s.reason));
            write!(out, "<tr><td{class}>{name}</td><td>{size}</td><td class=\"w\">{reason}</td></tr>")?;
        }
        out += "</table>";
    }
    out += "<p><small>Every result was verified in this run. Medians; ± is half of the 95 % interval. Share: of a \
            hand-written kernel timed alternately.</small></p></html>\n";
    Ok(out)
}

fn table(out: &mut String, suite: Suite, entries: &[&Entry]) -> std::fmt::Result {
    write!(
        out,
        "<h2>{}</h2><table><tr><th>name<th>size<th class=\"n\">time<th class=\"n\">±<th class=\"n\">rate<th>share<th></tr>",
        suite.name()
    )?;
    for entry in entries {
        let rate = entry.rate.as_ref().map_or_else(String::new, |r| format!("{} {}", digits(r.value.median), r.unit));
        let share = entry.ceiling.as_ref().map_or_else(String::new, |c| {
            let percent = 100.0 * c.share.median;
            format!(
                "<span class=\"bar\"><i style=\"width:{:.0}%\"></i></span> {percent:.0} % of {}",
                percent.clamp(0.0, 100.0),
                escape(&c.name)
            )
        });
        write!(
            out,
            "<tr><td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{:.0} %<td class=\"n\">{rate}<td>{share}<td class=\"w\">{}</tr>",
            escape(&entry.name),
            escape(&entry.size),
            duration(entry.seconds.median),
            100.0 * entry.seconds.spread(),
            escape(&remarks(entry)),
        )?;
    }
    *out += "</table>";
    Ok(())
}

fn gigabytes(entry: &Entry) -> f64 {
    entry.bytes / entry.seconds.median * 1e-9
}

fn bandwidth(report: &Report) -> Chart<'_> {
    let curve = |name: &str| {
        let points = report.named(name).filter_map(|e| Some((e.x?, gigabytes(e)))).collect();
        Line { name: name.into(), points, guide: false }
    };
    let size = |x: f64| match x {
        x if x >= (1 << 20) as f64 => format!("{:.0} MiB", x / (1 << 20) as f64),
        x => format!("{:.0} KiB", x / 1024.0),
    };
    let lines = ["copy", "read", "write"].map(curve).into_iter().filter(|l| l.points.len() > 1).collect();
    Chart { x: "footprint", y: "GB/s", x_label: size, lines, dots: Vec::new() }
}

fn roofline(report: &Report) -> Chart<'_> {
    let gigaflops = |e: &Entry| e.flops / e.seconds.median * 1e-9;
    let mut lines = Vec::new();
    let points: Vec<_> = report.named("intensity").filter_map(|e| Some((e.x?, gigaflops(e)))).collect();
    if points.len() > 1 {
        lines.push(Line { name: "measured".into(), points, guide: false });
    }
    let dots: Vec<Dot> = report
        .entries
        .iter()
        .filter(|e| e.flops > 0.0 && e.bytes > 0.0 && e.suite != Suite::Peaks)
        .filter(|e| e.suite == Suite::Ops)
        .map(|e| Dot {
            name: if e.name == "matmul" { format!("matmul {}", e.size) } else { e.name.clone() },
            at: (e.flops / e.bytes, gigaflops(e)),
            colour: 1,
        })
        .collect();
    if let Some(ridge) = report.ridge() {
        let xs = lines.iter().flat_map(|l| l.points.iter().map(|p| p.0)).chain(dots.iter().map(|d| d.at.0));
        let (low, high) = xs.fold((ridge.intensity() / 8.0, ridge.intensity() * 8.0), |(l, h), x| (l.min(x), h.max(x)));
        let points = [low, ridge.intensity(), high].map(|x| (x, ridge.roof(x) * 1e-9)).to_vec();
        lines.push(Line { name: "roofline".into(), points, guide: true });
    }
    Chart { x: "operations per byte", y: "GFLOP/s", x_label: digits, lines, dots }
}

/// The ratios of an entry's times as bars around 1.
fn changes(out: &mut String, place: &str, comparison: &Comparison) -> std::fmt::Result {
    write!(out, "<h2>Since {}</h2>", escape(place))?;
    for notice in &comparison.notices {
        write!(out, "<p class=\"slow\">{}</p>", escape(notice))?;
    }
    let height = 18 * comparison.changes.len() + 30;
    write!(
        out,
        "<p>Time now over time then; filled where the difference is significant.</p>\
         <svg width=\"960\" height=\"{height}\" viewBox=\"0 0 960 {height}\" font-family=\"sans-serif\" font-size=\"12\">"
    )?;
    // a factor of two to either side is 260 wide
    let x = |ratio: f64| 560.0 + 260.0 * ratio.log2().clamp(-1.2, 1.2);
    for (label, ratio) in [("half", 0.5), ("the same", 1.0), ("twice", 2.0)] {
        let at = x(ratio);
        write!(
            out,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"18\" y2=\"{height}\" stroke=\"#ccc\"/>\
             <text x=\"{at:.1}\" y=\"12\" text-anchor=\"middle\" fill=\"#777\">{label}</text>"
        )?;
    }
    for (row, change) in comparison.changes.iter().enumerate() {
        let (from, to) = (x(1.0).min(x(change.ratio)), x(1.0).max(x(change.ratio)));
        let (fill, stroke) = match change.verdict {
            Verdict::Same => ("none", "#999"),
            Verdict::Slower => ("#d55e00", "#d55e00"),
            Verdict::Faster => ("#009e73", "#009e73"),
        };
        let y = 22 + 18 * row;
        write!(
            out,
            "<text x=\"240\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{from:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"11\" fill=\"{fill}\" stroke=\"{stroke}\">\
             <title>{} before, {} now</title></rect>",
            y + 10,
            escape(&change.name),
            (to - from).max(0.5),
            duration(change.before),
            duration(change.after),
        )?;
    }
    *out += "</svg>";
    Ok(())
}
