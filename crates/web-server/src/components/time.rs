//! Times: relative to read, absolute on hover. A script keeps the relative text true.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::language::Language;

pub(crate) fn ago(language: Language, at: Timestamp) -> Markup {
    html! {
        time data-relative datetime=(at) title=(at.strftime("%Y-%m-%d %H:%M:%S UTC")) { (relative(language, at, Timestamp::now())) }
    }
}

/// A day, for what is far ahead.
pub(crate) fn day(at: Timestamp) -> Markup {
    html! { time datetime=(at) title=(at.strftime("%Y-%m-%d %H:%M:%S UTC")) { (at.strftime("%Y-%m-%d")) } }
}

/// One that is to come, to the minute, by the clock of whoever looks.
pub(crate) fn until(at: Timestamp) -> Markup {
    html! {
        time data-clock datetime=(at) title=(at.strftime("%Y-%m-%d %H:%M:%S UTC")) { (at.strftime("%Y-%m-%d %H:%M UTC")) }
    }
}

fn relative(language: Language, at: Timestamp, now: Timestamp) -> String {
    let seconds = u64::try_from(now.duration_since(at).as_secs()).unwrap_or(0);
    match seconds {
        0..60 => language.say("time-now"),
        60..3600 => language.count("time-minutes", seconds / 60),
        3600..86_400 => language.count("time-hours", seconds / 3600),
        86_400.. => language.count("time-days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    #[test]
    fn the_largest_whole_unit_is_shown() {
        let now: Timestamp = "2026-01-10T12:00:00Z".parse().unwrap();
        let before = |span: jiff::Span| relative(Language::English, now.checked_sub(span).unwrap(), now);
        assert_eq!(before(5.seconds()), "now");
        assert_eq!(before(119.seconds()), "1 min. ago");
        assert_eq!(before(5.hours()), "5 hr. ago");
        assert_eq!(before((24 * 3).hours()), "3 days ago");
        assert_eq!(
            relative(Language::English, now, now.checked_sub(5.minutes()).unwrap()),
            "now",
            "clocks differ"
        );
    }
}
