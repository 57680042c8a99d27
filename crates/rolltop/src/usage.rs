//! `rolltop usage`: what a desktop used, as a line of blocks for each.

use clap::ValueEnum;
use rolltop_api_types::{Usage, UsagePoint, UsageQuery, UsageSpan};

use crate::connect::Connection;
use crate::failure::Failure;
use crate::find;
use crate::output::size;

/// How long to look back.
#[derive(Clone, Copy, ValueEnum)]
pub enum Span {
    Hour,
    Day,
    /// 30 days
    Month,
}

/// Blocks in a line.
const WIDTH: usize = 48;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

type Value = fn(&UsagePoint) -> u64;
type Show = fn(u64) -> String;

const LINES: [(&str, Value, Show); 5] = [
    ("processors", |point| point.processor_percent, |value| format!("{value} %")),
    ("memory", |point| point.memory_bytes, size),
    ("disk", |point| point.disk_bytes, size),
    ("received", |point| point.received_bytes_per_second, |value| format!("{}/s", size(value))),
    ("sent", |point| point.sent_bytes_per_second, |value| format!("{}/s", size(value))),
];

pub async fn usage(connection: &Connection, name: &str, span: Span) -> Result<u8, Failure> {
    let desktop = find::to_look_at(connection, name).await?;
    let (span, words) = match span {
        Span::Hour => (UsageSpan::Hour, "the latest hour"),
        Span::Day => (UsageSpan::Day, "the latest day"),
        Span::Month => (UsageSpan::Month, "the latest 30 days"),
    };
    let usage = connection.client.usage(desktop.id, &UsageQuery { span }).await?;
    connection.tell(&usage, || shown(&format!("{}, {words}", desktop.name), &usage))
}

fn shown(title: &str, usage: &Usage) -> String {
    let Some(latest) = usage.points.last() else {
        return format!("{title}: nothing is known; it did not run, or not for long enough.\n");
    };
    let mut text = format!("{title}\n");
    for (name, value, show) in LINES {
        let most = usage.points.iter().map(value).max().unwrap_or(0);
        let (line, now, most) = (blocks(usage, value, most), show(value(latest)), show(most));
        text.push_str(&format!("{name:<10}  {line}  {now}, at most {most}\n"));
    }
    text
}

/// The highest of each while; a space where there is nothing.
fn blocks(usage: &Usage, value: Value, most: u64) -> String {
    let second = |at: jiff::Timestamp| u64::try_from(at.duration_since(usage.since).as_secs()).unwrap_or(0);
    let length = second(usage.until).max(1);
    let mut columns = [None; WIDTH];
    for point in &usage.points {
        let place = usize::try_from(second(point.at) * WIDTH as u64 / length).unwrap_or(WIDTH);
        if let Some(column) = columns.get_mut(place.min(WIDTH - 1)) {
            *column = Some(value(point)).max(*column);
        }
    }
    let top = BLOCKS.len() - 1;
    let block = |value: u64| {
        let height = usize::try_from(u128::from(value) * top as u128 / u128::from(most.max(1)));
        BLOCKS.get(height.unwrap_or(top)).copied().unwrap_or('█')
    };
    columns.into_iter().map(|column| column.map_or(' ', block)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_heights_and_gaps_where_it_did_not_run() {
        let at = |second: i64| jiff::Timestamp::from_second(second).unwrap();
        let point = |second, processor_percent| UsagePoint {
            at: at(second),
            processor_percent,
            memory_bytes: 150_000_000,
            disk_bytes: 5_000_000_000,
            received_bytes_per_second: 1500,
            sent_bytes_per_second: 0,
        };
        let mut usage = Usage {
            since: at(0),
            until: at(480),
            every_seconds: 10,
            points: vec![point(0, 0), point(470, 140)],
        };
        let text = shown("research, the latest hour", &usage);
        let gap = " ".repeat(46);
        let expected = format!(
            "research, the latest hour\n\
             processors  ▁{gap}█  140 %, at most 140 %\n\
             memory      █{gap}█  143 MiB, at most 143 MiB\n\
             disk        █{gap}█  4.7 GiB, at most 4.7 GiB\n\
             received    █{gap}█  1.5 KiB/s, at most 1.5 KiB/s\n\
             sent        ▁{gap}▁  0 B/s, at most 0 B/s\n"
        );
        assert_eq!(text, expected);
        usage.points.clear();
        assert!(shown("research, the latest hour", &usage).contains("nothing is known"));
    }
}
