//! The plot of docs/performance.md: how keeping a machine grows with the memory that it has changed.

use std::fmt::Write as _;
use std::io::Read as _;

use anyhow::{Context as _, ensure};
use serde_json::Value;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
/// Room for words: left, top, right, bottom.
const ROOM: (f64, f64, f64, f64) = (64.0, 20.0, 190.0, 48.0);
/// What the axes reach from and to: megabytes, milliseconds.
const MEGABYTES: (f64, f64) = (45.0, 2200.0);
const MILLISECONDS: (f64, f64) = (40.0, 40_000.0);

/// One line of the plot: what it is called, the name of its figures, whether those compared with are meant.
const LINES: [(&str, &str, bool, &str); 6] = [
    ("pause", "live_fork_pause", false, "#0f766e"),
    ("migrate, mapped-ram", "live_fork_pause", true, "#0f766e"),
    ("suspend", "suspend", false, "#1d4ed8"),
    ("savevm", "suspend", true, "#1d4ed8"),
    ("resume to banner", "resume_to_ssh_banner", false, "#b45309"),
    ("loadvm", "resume_to_ssh_banner", true, "#b45309"),
];

/// Reads the lines of `kept` from standard input and prints an SVG picture.
#[expect(clippy::print_stdout, reason = "the picture")]
pub fn kept() -> anyhow::Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let figures: Vec<Value> =
        text.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("a line is no figure")?;
    println!("{}", drawn(&figures)?);
    Ok(())
}

fn drawn(figures: &[Value]) -> anyhow::Result<String> {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for megabytes in [50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0] {
        let x = x(megabytes);
        let (top, bottom) = (ROOM.1, HEIGHT - ROOM.3);
        writeln!(svg, "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#e5e7eb\"/>")?;
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#374151\">{megabytes}</text>",
            bottom + 18.0
        )?;
    }
    for (milliseconds, name) in [
        (50.0, "50 ms"),
        (100.0, "100 ms"),
        (500.0, "500 ms"),
        (1000.0, "1 s"),
        (5000.0, "5 s"),
        (20_000.0, "20 s"),
    ] {
        let y = y(milliseconds);
        let (left, right) = (ROOM.0, WIDTH - ROOM.2);
        writeln!(svg, "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#e5e7eb\"/>")?;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#374151\">{name}</text>",
            left - 6.0,
            y + 4.0
        )?;
    }
    let middle = f64::midpoint(ROOM.0, WIDTH - ROOM.2);
    writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" fill=\"#374151\">MB that a program has written to</text>",
        HEIGHT - 10.0
    )?;
    let mut ends = Vec::new();
    for (label, name, theirs, colour) in LINES {
        let points = points(figures, name, theirs);
        ensure!(points.len() > 1, "no figures for {label}");
        let path: Vec<String> =
            points.iter().map(|(mb, ms)| format!("{:.1} {:.1}", x(*mb), y(*ms))).collect();
        let dashes = if theirs { " stroke-dasharray=\"6 4\"" } else { "" };
        writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\"{dashes}/>",
            path.join("L")
        )?;
        if let Some((_, ms)) = points.last() {
            ends.push((y(*ms), label, colour));
        }
    }
    // Names stand at the lines' ends, one below the other where those are close.
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest = f64::MIN;
    for (at, label, colour) in ends {
        let at = at.max(lowest + 17.0);
        lowest = at;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{label}</text>",
            WIDTH - ROOM.2 + 8.0,
            at + 4.0
        )?;
    }
    svg.push_str("</svg>");
    Ok(svg)
}

/// Megabytes and milliseconds of every figure with this name, least first.
fn points(figures: &[Value], name: &str, theirs: bool) -> Vec<(f64, f64)> {
    let of = |figure: &Value| {
        let known = figure["name"].as_str()?.strip_prefix(name)?;
        let megabytes = match known {
            // The one that the aims are for.
            "" => 100.0,
            known => known.strip_prefix('_')?.strip_suffix("mb")?.parse().ok()?,
        };
        Some((megabytes, figure[if theirs { "against_value" } else { "value" }].as_f64()?))
    };
    let mut points: Vec<(f64, f64)> = figures.iter().filter_map(of).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

fn x(megabytes: f64) -> f64 {
    place(megabytes, MEGABYTES, ROOM.0, WIDTH - ROOM.2)
}

fn y(milliseconds: f64) -> f64 {
    place(milliseconds, MILLISECONDS, HEIGHT - ROOM.3, ROOM.1)
}

/// Where a value is on an axis that grows by factors.
fn place(value: f64, (least, most): (f64, f64), from: f64, to: f64) -> f64 {
    let share = (value / least).ln() / (most / least).ln();
    from + (to - from) * share.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_line_is_drawn_and_a_missing_one_is_an_error() {
        let figure =
            |name: &str, value: f64| json!({"name": name, "value": value, "against_value": value * 9.0});
        let mut figures: Vec<Value> = ["suspend", "resume_to_ssh_banner", "live_fork_pause_100mb"]
            .map(|name| figure(name, 100.0))
            .to_vec();
        assert!(drawn(&figures).is_err(), "one point is no line");
        for name in ["suspend_2000mb", "resume_to_ssh_banner_2000mb", "live_fork_pause_2000mb"] {
            figures.push(figure(name, 1000.0));
        }
        let svg = drawn(&figures).unwrap();
        assert_eq!(svg.matches("stroke-width").count(), LINES.len());
        assert_eq!(points(&figures, "suspend", true), [(100.0, 900.0), (2000.0, 9000.0)]);
    }
}
