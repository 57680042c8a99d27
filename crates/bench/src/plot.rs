//! The plots of docs/performance.md: how keeping a machine grows with the memory that it has changed, and how the platform does with
//! more desktops.

use std::fmt::Write as _;
use std::io::Read as _;

use anyhow::{Context as _, ensure};
use serde_json::Value;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
/// Room for words: left, top, right, bottom.
const ROOM: (f64, f64, f64, f64) = (64.0, 20.0, 190.0, 48.0);

/// One axis, which grows by factors: from and to, what is written at which values, and what it shows.
struct Axis {
    ends: (f64, f64),
    marks: &'static [(f64, &'static str)],
    title: &'static str,
}

/// One line: what it is called, the beginning and the end of its figures' names around the value of the first axis, and
/// whether those compared with are meant. Dashed lines have no name of their own.
struct Line {
    label: &'static str,
    name: (&'static str, &'static str),
    theirs: bool,
    dashed: bool,
    colour: &'static str,
}

const fn kept_line(label: &'static str, name: &'static str, theirs: bool, colour: &'static str) -> Line {
    Line { label, name: (name, "mb"), theirs, dashed: theirs, colour }
}

const MEGABYTES: Axis = Axis {
    ends: (45.0, 2200.0),
    marks: &[
        (50.0, "50"),
        (100.0, "100"),
        (200.0, "200"),
        (500.0, "500"),
        (1000.0, "1000"),
        (2000.0, "2000"),
    ],
    title: "MB that a program has written to",
};
const MILLISECONDS: Axis = Axis {
    ends: (40.0, 40_000.0),
    marks: &[
        (50.0, "50 ms"),
        (100.0, "100 ms"),
        (500.0, "500 ms"),
        (1000.0, "1 s"),
        (5000.0, "5 s"),
        (20_000.0, "20 s"),
    ],
    title: "",
};
const KEPT: [Line; 6] = [
    kept_line("pause", "live_fork_pause", false, "#0f766e"),
    kept_line("migrate, mapped-ram", "live_fork_pause", true, "#0f766e"),
    kept_line("suspend", "suspend", false, "#1d4ed8"),
    kept_line("savevm", "suspend", true, "#1d4ed8"),
    kept_line("resume to banner", "resume_to_ssh_banner", false, "#b45309"),
    kept_line("loadvm", "resume_to_ssh_banner", true, "#b45309"),
];

const DESKTOPS: Axis = Axis {
    ends: (90.0, 11_000.0),
    marks: &[(100.0, "100"), (1000.0, "1,000"), (10_000.0, "10,000")],
    title: "desktops, of which a fifth run; dashed: in PostgreSQL",
};
const ANSWERS: Axis = Axis {
    ends: (1.0, 200.0),
    marks: &[
        (1.0, "1 ms"),
        (2.0, "2 ms"),
        (5.0, "5 ms"),
        (10.0, "10 ms"),
        (20.0, "20 ms"),
        (50.0, "50 ms"),
        (100.0, "100 ms"),
    ],
    title: "",
};
const SCALE: [(&str, &str, &str, &str); 5] = [
    ("list", "list_p99", "list_p99_postgres", "#0f766e"),
    ("one desktop", "get_p99", "get_p99_postgres", "#1d4ed8"),
    ("snapshots", "snapshots_p99", "snapshots_p99_postgres", "#b45309"),
    ("history", "history_p99", "history_p99_postgres", "#7c3aed"),
    ("a command's lag", "lag_p99", "lag_p99_postgres", "#be123c"),
];

/// Reads the lines of `kept` or `scale` from standard input and prints an SVG picture.
#[expect(clippy::print_stdout, reason = "the picture")]
pub fn plot(what: &str) -> anyhow::Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let figures: Vec<Value> =
        text.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("a line is no figure")?;
    println!("{}", picture(what, &figures)?);
    Ok(())
}

fn picture(what: &str, figures: &[Value]) -> anyhow::Result<String> {
    if what == "kept" {
        return drawn(figures, (&MEGABYTES, &MILLISECONDS), &KEPT);
    }
    ensure!(what == "scale", "there are plots of kept and scale");
    let lines = SCALE.iter().flat_map(|(label, sqlite, postgres, colour)| {
        let line = |end, dashed| Line { label, name: ("scale", end), theirs: false, dashed, colour };
        [line(*sqlite, false), line(*postgres, true)]
    });
    drawn(figures, (&DESKTOPS, &ANSWERS), &lines.collect::<Vec<_>>())
}

fn drawn(figures: &[Value], (across, up): (&Axis, &Axis), lines: &[Line]) -> anyhow::Result<String> {
    let x = |value| place(value, across.ends, ROOM.0, WIDTH - ROOM.2);
    let y = |value| place(value, up.ends, HEIGHT - ROOM.3, ROOM.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (value, name) in across.marks {
        let x = x(*value);
        let (top, bottom) = (ROOM.1, HEIGHT - ROOM.3);
        writeln!(svg, "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#e5e7eb\"/>")?;
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#374151\">{name}</text>",
            bottom + 18.0
        )?;
    }
    for (value, name) in up.marks {
        let y = y(*value);
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
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" fill=\"#374151\">{}</text>",
        HEIGHT - 10.0,
        across.title
    )?;
    let mut ends = Vec::new();
    for line in lines {
        let Line { label, dashed, colour, theirs, .. } = line;
        let points = points(figures, line);
        ensure!(points.len() > 1, "no figures for {label}");
        let path: Vec<String> =
            points.iter().map(|(across, up)| format!("{:.1} {:.1}", x(*across), y(*up))).collect();
        let dashes = if *dashed { " stroke-dasharray=\"6 4\"" } else { "" };
        writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\"{dashes}/>",
            path.join("L")
        )?;
        if let Some((_, up)) = points.last().filter(|_| *theirs || !dashed) {
            ends.push((y(*up), *label, *colour));
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

/// What is across and up of every figure of a line, least first.
fn points(figures: &[Value], line: &Line) -> Vec<(f64, f64)> {
    let of = |figure: &Value| {
        let known = figure["name"].as_str()?.strip_prefix(line.name.0)?;
        let across = match known {
            // The one that the aims are for.
            "" => 100.0,
            known => {
                known.strip_prefix('_')?.strip_suffix(line.name.1)?.trim_end_matches('_').parse().ok()?
            }
        };
        Some((across, figure[if line.theirs { "against_value" } else { "value" }].as_f64()?))
    };
    let mut points: Vec<(f64, f64)> = figures.iter().filter_map(of).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
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
        assert!(picture("kept", &figures).is_err(), "one point is no line");
        for name in ["suspend_2000mb", "resume_to_ssh_banner_2000mb", "live_fork_pause_2000mb"] {
            figures.push(figure(name, 1000.0));
        }
        let svg = picture("kept", &figures).unwrap();
        assert_eq!(svg.matches("stroke-width").count(), KEPT.len());
        assert_eq!(points(&figures, &KEPT[3]), [(100.0, 900.0), (2000.0, 9000.0)]);
    }

    #[test]
    fn both_databases_are_drawn_and_only_one_has_names() {
        let mut figures = Vec::new();
        for size in [100, 1000] {
            for (_, sqlite, postgres, _) in SCALE {
                for end in [sqlite, postgres] {
                    figures.push(json!({"name": format!("scale_{size}_{end}"), "value": 5.0}));
                }
            }
        }
        let svg = picture("scale", &figures).unwrap();
        assert_eq!(svg.matches("stroke-width").count(), 2 * SCALE.len());
        assert_eq!(svg.matches("stroke-dasharray").count(), SCALE.len());
        assert_eq!(svg.matches(">history<").count(), 1);
    }
}
